/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "description.h"
#include "he-secret.h"
#include "he-token.h"
#include "load-crowd.h"
#include "options.h"

#define STEPS 10
#define SECONDS_MAX 3600
#define TOKEN_SECONDS 60

static volatile int interrupted;

static void
on_signal (int number)
{
  interrupted = 1;
}

typedef struct {
  char *key, *channel, *transport, *report;
  char **edges;
  int viewers, seconds;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->key);
  g_free (options->channel);
  g_free (options->transport);
  g_free (options->report);
  g_strfreev (options->edges);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* Who mints tokens. */
typedef struct {
  const HeadendModel *model;
  const char *channel;
  HeSecret *key;
  guint run; /* so that sessions of an earlier run are not these */
} Issuer;

static char *
mint (guint n, gpointer user_data, GError **error)
{
  const Issuer *issuer = user_data;
  g_autofree char *account = g_strdup_printf ("load-%08x-%u", issuer->run, n);
  const HeTokenRequest request = {
    .issuer = issuer->model->tokens.issuer,
    .audience = issuer->model->tokens.audience,
    .account = account,
    .channels = (const char *const[]) { issuer->channel, NULL },
    .now = g_get_real_time () / G_USEC_PER_SEC,
    .ttl_seconds = TOKEN_SECONDS,
  };
  return he_token_mint ((const char *)he_secret_data (issuer->key), &request, error);
}

static gboolean
write_report (const Options *options, HeJsonWriter *writer)
{
  g_autoptr (GError) error = NULL;
  he_json_writer_close (writer);
  g_autofree char *text = he_json_writer_end (writer);
  if (!options->report || g_file_set_contents (options->report, text, -1, &error))
    return TRUE;
  g_printerr ("headend load: %s\n", error->message);
  return FALSE;
}

/* One step more, whose line and verdict are printed. FALSE: nothing follows. */
static gboolean
run_step (HeadendCrowd *crowd, const Options *options, guint step, HeJsonWriter *writer,
          gboolean *broken, GError **error)
{
  g_autofree HeadendLoadTally *tally = g_new (HeadendLoadTally, 1);
  guint viewers = (guint)((guint64)options->viewers * (step + 1) / STEPS);
  if (!headend_crowd_run (crowd, viewers, options->seconds * G_USEC_PER_SEC, tally,
                          error))
    return FALSE;
  if (interrupted)
    return FALSE;
  g_autofree char *verdict = headend_load_verdict (tally, headend_crowd_duration (crowd));
  g_autofree char *line = headend_load_line (tally);
  g_autofree char *errors = headend_load_error_text (tally);
  g_print ("%s%s%s%s\n", line, errors ? " (" : "", errors ? errors : "",
           errors ? ")" : "");
  if (verdict && !*broken)
    g_print ("step %u of %u, %u viewers: first signal to break is %s\n", step + 1, STEPS,
             viewers, verdict);
  fflush (stdout);
  headend_load_write (writer, tally, verdict);
  *broken |= verdict != NULL;
  return TRUE;
}

static int
run_steps (HeadendCrowd *crowd, const Options *options)
{
  g_autoptr (GError) error = NULL;
  gboolean broken = FALSE, done = TRUE;
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_open_array (writer, "steps");
  g_print ("%s\n", headend_load_heading);
  for (guint i = 0; i < STEPS && done; i++)
    done = run_step (crowd, options, i, writer, &broken, &error);
  he_json_writer_close (writer);
  he_json_writer_boolean (writer, "holds", done && !broken);
  if (error)
    g_printerr ("headend load: %s\n", error->message);
  if (done && !broken)
    g_print ("%d viewers, and no signal broke\n", options->viewers);
  return !write_report (options, writer) || broken || !done;
}

static int
run (const Options *options, const char *file)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = headend_description_load (file, NULL, &error);
  if (!model) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  const HeadendModelChannel *channel
      = options->channel ? headend_model_channel (model, options->channel)
                         : model->channels->pdata[0];
  g_autofree char *edge
      = model->edge.listen ? g_strconcat ("http://", model->edge.listen, NULL) : NULL;
  const char *const described[] = { edge, NULL };
  if (!channel || (!options->edges && !edge)) {
    g_printerr ("headend load: %s: %s\n", file,
                channel ? "no edge is described; name one with --edge"
                        : "there is no such channel");
    return 2;
  }
  Issuer issuer = { .model = model, .channel = channel->name, .run = g_random_int () };
  if (!(issuer.key = he_token_private_key_load (options->key, &error))) {
    g_printerr ("headend load: %s\n", error->message);
    return 1;
  }
  const HeadendCrowdOptions crowd_options = {
    .edges = options->edges ? (const char *const *)options->edges : described,
    .channel = channel->name,
    .viewers = (guint)options->viewers,
    .path = g_strcmp0 (options->transport, "path") == 0,
    .token = mint,
    .user_data = &issuer,
    .interrupted = &interrupted,
  };
  HeadendCrowd *crowd = headend_crowd_new (&crowd_options, &error);
  if (!crowd)
    g_printerr ("headend load: %s\n", error->message);
  int code = crowd ? run_steps (crowd, options) : 1;
  headend_crowd_free (crowd);
  he_secret_unref (issuer.key);
  return code;
}

static const char *
find_fault (const Options *options)
{
  if (!options->key)
    return "--key is missing: the private key that `headend token keygen` wrote";
  if (options->viewers < STEPS || options->viewers > HEADEND_CROWD_MAX)
    return "--viewers: expected 10..60000";
  if (options->seconds < 1 || options->seconds > SECONDS_MAX)
    return "--seconds: expected 1..3600";
  if (options->transport && strcmp (options->transport, "cookie") != 0
      && strcmp (options->transport, "path") != 0)
    return "--transport is cookie or path";
  return NULL;
}

int
headend_cmd_load (int argc, char **argv)
{
  g_auto (Options) options = { .viewers = 100, .seconds = 10 };
  g_autofree char *file = NULL;
  const GOptionEntry entries[] = {
    { "key", 'k', 0, G_OPTION_ARG_FILENAME, &options.key,
      "Private key that the viewers' tokens are signed with", "FILE" },
    { "viewers", 'n', 0, G_OPTION_ARG_INT, &options.viewers,
      "Viewers at the end, 10 to 60000 (default: 100)", "N" },
    { "seconds", 's', 0, G_OPTION_ARG_INT, &options.seconds,
      "How long each of the ten steps lasts (default: 10)", "N" },
    { "channel", 'c', 0, G_OPTION_ARG_STRING, &options.channel,
      "Channel of the description (default: its first)", "NAME" },
    { "edge", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options.edges,
      "Where viewers go, http://HOST:PORT; may be given several times (default: the "
      "description's edge)",
      "URL" },
    { "transport", 0, 0, G_OPTION_ARG_STRING, &options.transport,
      "How players carry their credential: cookie (default) or path", "KIND" },
    { "report", 'r', 0, G_OPTION_ARG_FILENAME, &options.report,
      "Where a report is written, as JSON", "FILE" },
    G_OPTION_ENTRY_NULL,
  };
  int code = headend_options_parse (
      argc, argv, entries,
      "Sends live viewers to a channel that is on air, in ten steps, and says for each "
      "what "
      "they met: time to start, time spent waiting, errors, how long answers took; and "
      "at "
      "which step the first of these breaks. Exit code 1 when one does.",
      &file);
  if (code >= 0)
    return code;
  const char *fault = find_fault (&options);
  if (fault) {
    g_printerr ("headend load: %s\n", fault);
    return 2;
  }
  sigaction (SIGINT, &(struct sigaction) { .sa_handler = on_signal }, NULL);
  sigaction (SIGTERM, &(struct sigaction) { .sa_handler = on_signal }, NULL);
  return run (&options, file);
}
