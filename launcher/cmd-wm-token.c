/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-wm-token.h"
#include "options.h"
#include "wall-offset.h"

#define DEFAULT_TTL 3600
#define SPARE 60 /* seconds that clocks may be apart, and segments on their way */

typedef struct {
  char *description, *account, *channel, *key;
  char **states;
  int ttl, vendor;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->description);
  g_free (options->account);
  g_free (options->channel);
  g_free (options->key);
  g_strfreev (options->states);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
misuse (const char *message)
{
  g_printerr ("headend token watermark: %s; headend token watermark --help says more\n",
              message);
  return 2;
}

/* -1 to go on, else the exit code. */
static int
parse_options (int argc, char **argv, Options *options)
{
  const GOptionEntry entries[] = {
    { "account", 0, 0, G_OPTION_ARG_STRING, &options->account,
      "Opaque name of the account, as in its entry tokens", "NAME" },
    { "channel", 0, 0, G_OPTION_ARG_STRING, &options->channel,
      "The channel that it is for", "NAME" },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &options->key,
      "Key that the edge has too: 64 hex digits", "FILE" },
    { "ttl", 0, 0, G_OPTION_ARG_INT, &options->ttl, "Seconds it is good for (3600)",
      "SECONDS" },
    { "vendor", 0, 0, G_OPTION_ARG_INT, &options->vendor,
      "Its wmvnd, by which the edge finds the key (0)", "N" },
    { "state", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->states,
      "A node's state folder, which says how its wall clock and the source's timestamps "
      "go together; without one, those that the description names",
      "DIR" },
    G_OPTION_ENTRY_NULL,
  };
  argv[0] = (char *)"token watermark"; /* what help and errors say */
  int code
      = headend_options_parse (argc, argv, entries,
                               "Makes a WM token of ETSI TS 104 002 for an edge that "
                               "chooses variants itself: what an account gets of a "
                               "channel.",
                               &options->description);
  if (code >= 0)
    return code;
  if (!options->account || !*options->account)
    return misuse ("--account is missing");
  if (!options->channel)
    return misuse ("--channel is missing");
  if (!options->key)
    return misuse ("--key is missing: a file with 64 hex digits that the edge has too");
  if (options->ttl < 1)
    return misuse ("--ttl is not 1 or more");
  if (options->vendor < 0 || options->vendor > G_MAXUINT8)
    return misuse ("--vendor is not 0 to 255");
  return -1;
}

static const HeadendModelChannel *
find_channel (const HeadendModel *model, const Options *options, GError **error)
{
  const HeadendModelChannel *channel = headend_model_channel (model, options->channel);
  if (channel && headend_model_channel_has_variants (channel))
    return channel;
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
               "%s has no marked channel with variants \"%s\"", options->description,
               options->channel);
  return NULL;
}

/* What the wall clock is ahead of epoch time. */
static gint64
offset_of (const HeadendModel *model, const Options *options)
{
  g_autoptr (GPtrArray) states = g_ptr_array_new ();
  gint64 offset90 = 0;
  for (guint i = 0; i < model->nodes->len; i++)
    g_ptr_array_add (states, ((HeadendNode *)model->nodes->pdata[i])->state);
  g_ptr_array_add (states, NULL);
  if (!headend_wall_offset (options->states ? options->states : (char **)states->pdata,
                            options->channel, &offset90))
    g_printerr ("headend token watermark: no state folder has a readable anchor-%s.json: "
                "segments' numbers are taken for wall clock time, and the token is for "
                "others if they are not; name a node's state folder with --state\n",
                options->channel);
  return offset90;
}

/* Positions from the oldest segment of a window on; each stands for one segment alone, so
 * the token must end before they come again. */
static gboolean
place (const HeadendModelChannel *channel, gint64 offset90, gint64 ttl,
       HeWmTokenRequest *request, GError **error)
{
  const gint64 duration90 = (gint64)channel->duration90;
  const gint64 before90 = 2 * (gint64)channel->window * duration90 + SPARE * 90000;
  const gint64 from90 = request->issued * 90000 - offset90 - before90;
  const gint64 longest = (HE_PACE_POSITIONS * duration90 - before90) / 90000 - SPARE;
  if (ttl > longest) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "a WM token has %d positions, so with segments of %g s --ttl is at most "
                 "%" G_GINT64_FORMAT,
                 HE_PACE_POSITIONS, (double)duration90 / 90000, longest);
    return FALSE;
  }
  request->first = (guint64)(MAX (from90, 0) / duration90);
  request->duration90 = channel->duration90;
  request->expires = request->issued + ttl;
  return TRUE;
}

static gboolean
mint (const Options *options, GError **error)
{
  g_autoptr (HeadendModel) model
      = headend_description_load (options->description, NULL, error);
  const HeadendModelChannel *channel
      = model ? find_channel (model, options, error) : NULL;
  g_autoptr (HeSecret) master = channel ? headend_model_load_secret (model, error) : NULL;
  g_autoptr (HeSecret) key
      = master ? he_secret_from_file (options->key, "--key", error) : NULL;
  if (!key)
    return FALSE;
  HeWmTokenRequest request = { .account = options->account,
                               .issued = g_get_real_time () / G_USEC_PER_SEC,
                               .vendor = (guint8)options->vendor };
  if (!place (channel, offset_of (model, options), options->ttl, &request, error))
    return FALSE;
  g_autoptr (HeSecret) secret = he_keys_derive (master, HE_PURPOSE_CODEWORD);
  g_autoptr (HeCodeword) code
      = he_codeword_new (secret, channel->key_version, channel->name, channel->colluders);
  request.code = code;
  g_autofree char *token = he_wm_token_mint (key, &request);
  g_print ("%s\n", token);
  return TRUE;
}

int
headend_cmd_token_watermark (int argc, char **argv)
{
  g_auto (Options) options = { .ttl = DEFAULT_TTL };
  g_autoptr (GError) error = NULL;
  int code = parse_options (argc, argv, &options);
  if (code >= 0)
    return code;
  if (mint (&options, &error))
    return 0;
  g_printerr ("headend token watermark: %s\n", error->message);
  return 1;
}
