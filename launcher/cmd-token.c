/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>
#include "he-error.h"
#include "he-secret.h"
#include "he-token.h"
#include "token-file.h"
#include "token-rotate.h"

/* headend token: the operator's side of entry tokens. 0 done, 1 failed, 2 used wrongly.
 */

static int
fail (GError *error)
{
  g_printerr ("headend token: %s\n", error->message);
  g_error_free (error);
  return 1;
}

static int
usage (const char *verb, const char *message)
{
  g_printerr ("headend token %s: %s\nTry `headend token %s --help`.\n", verb, message,
              verb);
  return 2;
}

static gboolean
parse_options (const char *verb, const char *summary, const GOptionEntry *entries,
               int *argc, char ***argv, GError **error)
{
  g_autofree char *parameters = g_strdup_printf ("- %s", summary);
  g_autofree char *program = g_strdup_printf ("headend token %s", verb);
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);
  g_option_context_add_main_entries (context, entries, NULL);
  g_set_prgname (program);
  return g_option_context_parse (context, argc, argv, error);
}

static int
keygen (int argc, char **argv)
{
  g_autofree char *dir = NULL, *algorithm = NULL;
  char *private = NULL, *jwk = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "dir", 0, 0, G_OPTION_ARG_FILENAME, &dir,
      "Folder for token.pem (token.jwk for HS256) and tokens.jwks",
      "DIR" },
    { "algorithm", 0, 0, G_OPTION_ARG_STRING, &algorithm,
      "ES256 (default), EdDSA, RS256, PS256 or HS256", "NAME" },
    { NULL },
  };
  if (!parse_options ("keygen", "make a key pair for signing tokens", entries, &argc,
                      &argv, &error))
    return usage ("keygen", error->message);
  if (argc > 1)
    return usage ("keygen", "there is an argument too many");
  if (!dir)
    return usage ("keygen", "--dir is missing");
  if (g_mkdir_with_parents (dir, 0755) != 0) {
    g_printerr ("headend token: %s: %s\n", dir, g_strerror (errno));
    return 1;
  }
  gboolean secret = g_strcmp0 (algorithm, "HS256") == 0;
  g_autofree char *private_path
      = g_build_filename (dir, secret ? "token.jwk" : "token.pem", NULL);
  g_autofree char *jwks_path = g_build_filename (dir, "tokens.jwks", NULL);
  if (g_file_test (jwks_path, G_FILE_TEST_EXISTS)) {
    g_printerr (
        "headend token: %s: %s; keys are never overwritten, so name another --dir\n",
        jwks_path, g_strerror (EEXIST));
    return 1;
  }
  if (!he_token_keygen (algorithm ? algorithm : "ES256", &private, &jwk, &error))
    return fail (g_steal_pointer (&error));
  char *jwks = g_strdup_printf ("{\"keys\":[%s]}\n", jwk);
  gboolean ok = headend_token_file_new (private_path, 0600, private, &error);
  if (ok && !headend_token_file_new (jwks_path, secret ? 0600 : 0644, jwks, &error)) {
    unlink (private_path);
    ok = FALSE;
  }
  he_string_wipe_free (private);
  he_string_wipe_free (jwk);
  he_string_wipe_free (jwks);
  if (!ok)
    return fail (g_steal_pointer (&error));
  g_print ("%s\n%s\n", private_path, jwks_path);
  return 0;
}

typedef struct {
  char *key, *algorithm, *account, *issuer, *audience, *url, *transport;
  char **channels;
  int ttl, session, max_sessions;
  gboolean page;
} MintOptions;

static void
mint_options_clear (MintOptions *options)
{
  g_free (options->key);
  g_free (options->algorithm);
  g_free (options->account);
  g_free (options->issuer);
  g_free (options->audience);
  g_free (options->url);
  g_free (options->transport);
  g_strfreev (options->channels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MintOptions, mint_options_clear)

static gboolean
parse_mint_options (MintOptions *o, int argc, char **argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &o->key, "Private key from keygen", "FILE" },
    { "algorithm", 0, 0, G_OPTION_ARG_STRING, &o->algorithm,
      "PS256 for an RSA key; else the key says it", "NAME" },
    { "account", 0, 0, G_OPTION_ARG_STRING, &o->account, "Opaque name of the account",
      "NAME" },
    { "channel", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->channels,
      "Channel that may be watched, or '*'; may be given several times", "NAME" },
    { "issuer", 0, 0, G_OPTION_ARG_STRING, &o->issuer, "Who issues (headend)", "NAME" },
    { "audience", 0, 0, G_OPTION_ARG_STRING, &o->audience, "Whom it is for (headend)",
      "NAME" },
    { "ttl", 0, 0, G_OPTION_ARG_INT, &o->ttl,
      "Seconds the token may open a session (300)", "SECONDS" },
    { "session", 0, 0, G_OPTION_ARG_INT, &o->session, "Longest session", "SECONDS" },
    { "max-sessions", 0, 0, G_OPTION_ARG_INT, &o->max_sessions,
      "Sessions the account may have at once", "N" },
    { "url", 0, 0, G_OPTION_ARG_STRING, &o->url, "Print watch URLs below this base",
      "BASE" },
    { "transport", 0, 0, G_OPTION_ARG_STRING, &o->transport,
      "How the player carries its credential: cookie (default) or path", "KIND" },
    { "page", 0, 0, G_OPTION_ARG_NONE, &o->page,
      "Print URLs of the watch page, for a browser, instead of the playlist's", NULL },
    { NULL },
  };
  if (!parse_options ("mint", "make an entry token", entries, &argc, &argv, error))
    return FALSE;
  if (argc > 1)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "what is \"%s\"?", argv[1]);
  return argc <= 1;
}

static const char *
check_mint_options (const MintOptions *o)
{
  if (!o->key)
    return "--key is missing: the private key that `headend token keygen` wrote";
  if (!o->account)
    return "--account is missing";
  if (!o->channels || !o->channels[0])
    return "--channel is missing: a channel's name, or '*' for all";
  if (o->ttl < 1 || o->session < 0 || o->max_sessions < 0 || o->max_sessions > 1000)
    return "--ttl must be at least 1, --session not negative, --max-sessions 0 to 1000";
  if (o->transport && strcmp (o->transport, "cookie") != 0
      && strcmp (o->transport, "path") != 0)
    return "--transport is cookie or path";
  if (o->transport && !o->url)
    return "--transport belongs to --url";
  if (o->page && !o->url)
    return "--page belongs to --url";
  if (o->url && !g_str_has_prefix (o->url, "http://")
      && !g_str_has_prefix (o->url, "https://"))
    return "--url is a base such as http://127.0.0.1:8080";
  if (o->url && g_strv_contains ((const char *const *)o->channels, "*"))
    return "--url needs a channel's name instead of '*'";
  return NULL;
}

static void
print_urls (const MintOptions *o, const char *token)
{
  guint kind = (g_strcmp0 (o->transport, "path") == 0 ? HE_TOKEN_URL_PATH : 0)
               | (o->page ? HE_TOKEN_URL_PAGE : 0);
  for (guint i = 0; o->channels[i]; i++) {
    g_autofree char *url = he_token_url (o->url, o->channels[i], token, kind);
    g_print ("%s\n", url);
  }
}

static int
mint (int argc, char **argv)
{
  g_auto (MintOptions) o = { .ttl = 300 };
  g_autoptr (GError) error = NULL;
  if (!parse_mint_options (&o, argc, argv, &error))
    return usage ("mint", error->message);
  const char *wrong = check_mint_options (&o);
  if (wrong)
    return usage ("mint", wrong);
  const HeTokenRequest request = {
    .issuer = o.issuer ? o.issuer : "headend",
    .audience = o.audience ? o.audience : "headend",
    .account = o.account,
    .channels = (const char *const *)o.channels,
    .now = g_get_real_time () / G_USEC_PER_SEC,
    .ttl_seconds = (guint)o.ttl,
    .session_seconds = (guint)o.session,
    .max_sessions = (guint)o.max_sessions,
    .algorithm = o.algorithm,
  };
  g_autoptr (HeSecret) pem = he_token_private_key_load (o.key, &error);
  if (!pem)
    return fail (g_steal_pointer (&error));
  g_autofree char *token
      = he_token_mint ((const char *)he_secret_data (pem), &request, &error);
  if (!token)
    return fail (g_steal_pointer (&error));
  if (o.url)
    print_urls (&o, token);
  else
    g_print ("%s\n", token);
  return 0;
}

static int
rotate (int argc, char **argv)
{
  g_autofree char *dir = NULL, *algorithm = NULL;
  int keep = 86400, wait = 5;
  gboolean announce = FALSE;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "dir", 0, 0, G_OPTION_ARG_FILENAME, &dir, "Folder that keygen wrote", "DIR" },
    { "algorithm", 0, 0, G_OPTION_ARG_STRING, &algorithm,
      "Of the new key (as the old one's)", "NAME" },
    { "keep", 0, 0, G_OPTION_ARG_INT, &keep,
      "Seconds that tokens of the old key stay good for (86400)", "SECONDS" },
    { "wait", 0, 0, G_OPTION_ARG_INT, &wait,
      "Seconds that nodes get to read the new key before it signs (5)", "SECONDS" },
    { "announce", 0, 0, G_OPTION_ARG_NONE, &announce,
      "Only make the new key known; the next rotate takes it into use", NULL },
    { NULL },
  };
  if (!parse_options ("rotate", "change over to a new key for signing tokens", entries,
                      &argc, &argv, &error))
    return usage ("rotate", error->message);
  if (argc > 1)
    return usage ("rotate", "there is an argument too many");
  if (!dir)
    return usage ("rotate", "--dir is missing");
  if (keep < 0 || wait < 0 || wait > 3600)
    return usage ("rotate", "--keep is not negative, --wait 0 to 3600");
  const HeadendRotation rotation = { .dir = dir,
                                     .algorithm = algorithm,
                                     .keep_seconds = (guint)keep,
                                     .wait_seconds = (guint)wait,
                                     .announce = announce,
                                     .now = g_get_real_time () / G_USEC_PER_SEC };
  return headend_token_rotate (&rotation, &error) ? 0 : fail (g_steal_pointer (&error));
}

static int
inspect (int argc, char **argv)
{
  const GOptionEntry entries[] = { { NULL } };
  g_autoptr (GError) error = NULL;
  char text[HE_TOKEN_MAX_BYTES + 2] = "";
  if (!parse_options ("inspect",
                      "print a token's header and claims, unverified: TOKEN, or - "
                      "to read it",
                      entries, &argc, &argv, &error))
    return usage ("inspect", error->message);
  if (argc != 2)
    return usage ("inspect", "give one token, or - to read it from standard input");
  if (strcmp (argv[1], "-") == 0) {
    gsize len = fread (text, 1, sizeof text - 1, stdin);
    text[len] = '\0';
  }
  g_autofree char *token = g_strstrip (g_strdup (*text ? text : argv[1]));
  g_autofree char *printed = he_token_inspect (token, &error);
  if (!printed)
    return fail (g_steal_pointer (&error));
  g_print ("%s", printed);
  return 0;
}

int
headend_cmd_token (int argc, char **argv)
{
  static const struct {
    const char *name;
    int (*run) (int argc, char **argv);
  } verbs[] = { { "keygen", keygen },
                { "rotate", rotate },
                { "mint", mint },
                { "inspect", inspect },
                { "revoke", headend_cmd_token_revoke },
                { "watermark", headend_cmd_token_watermark } };
  static const char help[]
      = "Usage: headend token keygen --dir DIR\n"
        "       headend token rotate --dir DIR [--keep SECONDS] [--announce]\n"
        "       headend token mint --key FILE --account NAME --channel NAME [OPTION...]\n"
        "       headend token inspect TOKEN|-\n"
        "       headend token revoke FILE [--account NAME] [--session ID] [--token ID]\n"
        "       headend token watermark FILE --account NAME --channel NAME --key FILE\n";
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (argv[1], verbs[i].name) == 0)
      return verbs[i].run (argc - 1, argv + 1);
  if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
    g_print ("%s", help);
    return 0;
  }
  g_printerr ("%s", help);
  return 2;
}
