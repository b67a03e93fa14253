/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "he-json.h"
#include "he-keys.h"
#include "he-revocations.h"
#include "http.h"
#include "options.h"

#define TIMEOUT 5 /* seconds a node may take */
#define MAX_ANSWER 65536

typedef struct {
  char **accounts, **sessions, **tokens;
  int keep;
} Options;

static void
options_clear (Options *options)
{
  g_strfreev (options->accounts);
  g_strfreev (options->sessions);
  g_strfreev (options->tokens);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static void
write_kind (HeJsonWriter *writer, const char *kind, char **names, int keep)
{
  for (guint i = 0; names && names[i]; i++) {
    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, kind, names[i]);
    he_json_writer_uint64 (writer, "keep", (guint64)keep);
    he_json_writer_close (writer);
  }
}

static char *
body_of (const Options *options)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  write_kind (writer, "account", options->accounts, options->keep);
  write_kind (writer, "session", options->sessions, options->keep);
  write_kind (writer, "token", options->tokens, options->keep);
  return he_json_writer_end (writer);
}

/* What a node is told, and what it says. */
typedef struct {
  const HeadendNode *node;
  const HeSecret *key;
  const char *body;
  GBytes *answer; /* or NULL and error */
  guint status;
  GError *error;
} Telling;

static gpointer
ask (gpointer data)
{
  Telling *telling = data;
  telling->answer = headend_http_request (telling->node->internal, "POST", HE_REVOKE_PATH,
                                          telling->key, telling->body, TIMEOUT,
                                          MAX_ANSWER, &telling->status, &telling->error);
  return NULL;
}

/* Whether the node took it and kept it. */
static gboolean
was_told (const Telling *telling)
{
  const char *name = telling->node->name;
  g_autoptr (GError) error = NULL;
  gboolean kept = FALSE;
  if (!telling->answer) {
    g_printerr ("%s: %s\n", name, telling->error->message);
    return FALSE;
  }
  const char *text = g_bytes_get_data (telling->answer, NULL);
  gsize len = g_bytes_get_size (telling->answer);
  if (telling->status != 200) {
    g_printerr ("%s: refused (%u): %.*s", name, telling->status, (int)len,
                text ? text : "");
    return FALSE;
  }
  g_autoptr (HeJson) root = he_json_parse (text, (gssize)len, MAX_ANSWER, 2, &error);
  if (!root || !he_json_get_boolean (root, "kept", TRUE, &kept, &error)) {
    g_printerr ("%s: %s\n", name, error->message);
    return FALSE;
  }
  if (kept)
    g_print ("%s: revoked\n", name);
  else
    g_printerr ("%s: revoked, but only until it restarts: its state folder cannot be "
                "written, as its log says\n",
                name);
  return kept;
}

/* All nodes at once: one that does not answer keeps nobody waiting. Returns how many took
 * it. */
static guint
tell (const GPtrArray *nodes, const HeSecret *key, const char *body)
{
  g_autofree Telling *tellings = g_new0 (Telling, nodes->len);
  g_autofree GThread **threads = g_new (GThread *, nodes->len);
  guint told = 0;
  for (guint i = 0; i < nodes->len; i++) {
    tellings[i] = (Telling) { .node = nodes->pdata[i], .key = key, .body = body };
    threads[i] = g_thread_new ("tell", ask, &tellings[i]);
  }
  for (guint i = 0; i < nodes->len; i++) {
    g_thread_join (threads[i]);
    told += was_told (&tellings[i]) ? 1 : 0;
    g_clear_pointer (&tellings[i].answer, g_bytes_unref);
    g_clear_error (&tellings[i].error);
  }
  return told;
}

static int
revoke_all (const char *path, const Options *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = headend_description_load (path, NULL, &error);
  g_autoptr (HeSecret) master = model ? headend_model_load_secret (model, &error) : NULL;
  if (!master) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  g_autoptr (HeSecret) key = he_keys_derive (master, HE_PURPOSE_PUBLISH);
  g_autofree char *body = body_of (options);
  guint told = tell (model->nodes, key, body);
  if (told > 0 && told < model->nodes->len)
    g_print ("The others learn it from %s when they are there again.\n",
             told == 1 ? "that one" : "those");
  return told > 0 ? 0 : 1;
}

int
headend_cmd_token_revoke (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_auto (Options) options = { .keep = HE_REVOCATION_KEEP };
  const GOptionEntry entries[] = {
    { "account", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.accounts,
      "Sessions that the account has and tokens that it was given, up to now", "NAME" },
    { "session", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.sessions,
      "One session, as the ledger names it: 32 hex digits", "ID" },
    { "token", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.tokens,
      "One token and its session: headend_tid, as `headend token inspect` prints it",
      "ID" },
    { "keep", 0, 0, G_OPTION_ARG_INT, &options.keep,
      "How long it is remembered: longer than the token lives (2592000)", "SECONDS" },
    G_OPTION_ENTRY_NULL,
  };
  argv[0] = (char *)"token revoke"; /* what help and errors say */
  int code = headend_options_parse (argc, argv, entries,
                                    "Ends sessions on all nodes and bars the tokens that "
                                    "opened them. Each of --account, "
                                    "--session and --token may be given several times. "
                                    "Exit code 1 when no node took it.",
                                    &path);
  if (code >= 0)
    return code;
  if (!options.accounts && !options.sessions && !options.tokens) {
    g_printerr ("headend token revoke: name an --account, a --session or a --token\n");
    return 2;
  }
  if (options.keep < 1 || options.keep > HE_REVOCATION_KEEP_MAX) {
    g_printerr ("headend token revoke: --keep is 1..%d seconds\n",
                HE_REVOCATION_KEEP_MAX);
    return 2;
  }
  return revoke_all (path, &options);
}
