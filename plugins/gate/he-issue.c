/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-issue.h"
#include "he-json.h"

#define MAX_DEPTH 2
#define MAX_JWKS (64 * 1024)
#define MAX_URL 1024
#define DEFAULT_TTL 300

/* What the operator asks for. Strings belong to the document. */
typedef struct {
  const char *account, *address, *url;
  const char *channels[HE_RIGHTS_MAX + 1];
  guint64 ttl, session, max_sessions;
  guint kind; /* HeTokenUrlKind */
} Wish;

static gboolean
read_members (const HeJson *root, GError **error)
{
  static const char *const known[]
      = { "account", "channels", "ttl",       "session", "max-sessions",
          "address", "url",      "transport", "page",    NULL };

  if (he_json_type (root) != HE_JSON_OBJECT)
    return he_json_set_error (error, root, "expected an object");
  for (guint i = 0; i < he_json_length (root); i++)
    if (!g_strv_contains (known, he_json_member_name (root, i)))
      return he_json_set_error (error, he_json_element (root, i),
                                "unknown member; known are account, channels, ttl, "
                                "session, max-sessions, address, url, transport, page");
  return TRUE;
}

static gboolean
read_channels (const HeJson *root, Wish *wish, GError **error)
{
  const HeJson *list = he_json_member (root, "channels");

  if (list == NULL || he_json_type (list) != HE_JSON_ARRAY || he_json_length (list) < 1
      || he_json_length (list) > HE_RIGHTS_MAX)
    return he_json_set_error (error, list != NULL ? list : root,
                              "expected \"channels\", an array of 1 to %d names",
                              HE_RIGHTS_MAX);
  for (guint i = 0; i < he_json_length (list); i++) {
    const HeJson *name = he_json_element (list, i);

    if (he_json_type (name) != HE_JSON_STRING)
      return he_json_set_error (error, name, "expected a channel's name, or \"*\"");
    wish->channels[i] = he_json_string (name);
  }
  return TRUE;
}

/* A base that a path can follow. */
static gboolean
is_base (const char *url)
{
  g_autoptr (GUri) uri = NULL;

  if (strlen (url) > MAX_URL
      || (!g_str_has_prefix (url, "http://") && !g_str_has_prefix (url, "https://")))
    return FALSE;
  uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  return uri != NULL && g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0'
         && g_uri_get_userinfo (uri) == NULL && strpbrk (url, "?#") == NULL;
}

static gboolean
read_url (const HeJson *root, Wish *wish, GError **error)
{
  const char *transport = "cookie";
  gboolean page = FALSE;

  if (!he_json_get_string (root, "url", FALSE, &wish->url, error)
      || !he_json_get_string (root, "transport", FALSE, &transport, error)
      || !he_json_get_boolean (root, "page", FALSE, &page, error))
    return FALSE;
  if (wish->url != NULL && !is_base (wish->url))
    return he_json_set_error (error, he_json_member (root, "url"),
                              "expected a base such as \"https://tv.example\"");
  if (!g_str_equal (transport, "cookie") && !g_str_equal (transport, "path"))
    return he_json_set_error (error, he_json_member (root, "transport"),
                              "expected \"cookie\" or \"path\"");
  wish->kind = (g_str_equal (transport, "path") ? HE_TOKEN_URL_PATH : 0)
               | (page ? HE_TOKEN_URL_PAGE : 0);
  return TRUE;
}

static gboolean
read_wish (const HeJson *root, Wish *wish, GError **error)
{
  *wish = (Wish) { .ttl = DEFAULT_TTL };
  return read_members (root, error)
         && he_json_get_string (root, "account", TRUE, &wish->account, error)
         && read_channels (root, wish, error)
         && he_json_get_uint64 (root, "ttl", FALSE, HE_ISSUE_TTL_MAX, &wish->ttl, error)
         && he_json_get_uint64 (root, "session", FALSE, G_MAXINT32, &wish->session, error)
         && he_json_get_uint64 (root, "max-sessions", FALSE, 1000, &wish->max_sessions,
                                error)
         && he_json_get_string (root, "address", FALSE, &wish->address, error)
         && read_url (root, wish, error);
}

/* The private key, and what tokens of it are signed with. */
static HeSecret *
load_key (HeOrigin *origin, char **ret_algorithm, GError **error)
{
  gboolean private;
  g_autoptr (HeSecret) key = he_token_private_key_load (origin->issue_key, error);
  g_autoptr (HeSecret) jwks = NULL;

  if (key == NULL
      || (jwks = he_secret_read_file (origin->jwks_path, MAX_JWKS, &private, error))
             == NULL)
    return NULL;
  *ret_algorithm = he_token_jwks_algorithm ((const char *)he_secret_data (jwks),
                                            (const char *)he_secret_data (key), error);
  return *ret_algorithm != NULL ? g_steal_pointer (&key) : NULL;
}

/* Whether our own gate takes it: one that nobody lets in must not go out. */
static gboolean
is_good (HeOrigin *origin, const char *token, const Wish *wish, gint64 now)
{
  const HeTokenRules rules = { origin->keys, origin->issuer, origin->audience };
  gboolean all = g_str_equal (wish->channels[0], "*");
  g_autofree char *path
      = g_strdup_printf ("/live/%s/main.m3u8", all ? "any" : wish->channels[0]);
  g_autoptr (HeToken) verified = NULL;

  return he_token_verify (&rules, token, strlen (token), path, now, &verified)
         == HE_CODE_OK;
}

static GBytes *
answer_of (const char *token, const Wish *wish, gint64 expires)
{
  HeJsonWriter *writer = he_json_writer_new ();
  char *text;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "token", token);
  he_json_writer_int64 (writer, "expires", expires);
  he_json_writer_open_array (writer, "urls");
  for (guint i = 0; wish->channels[i] != NULL; i++) {
    g_autofree char *url = g_str_equal (wish->channels[i], "*")
                               ? NULL
                               : he_token_url (wish->url != NULL ? wish->url : "",
                                               wish->channels[i], token, wish->kind);

    if (url != NULL)
      he_json_writer_string (writer, NULL, url);
  }
  text = he_json_writer_end (writer);
  return g_bytes_new_take (text, strlen (text));
}

static void
refuse (HeRequest *request, guint status, const GError *why)
{
  g_autofree char *line = g_strdup_printf ("%s\n", why->message);

  he_request_respond_text (request, status, line);
}

/* The key is there; the rest is up to who asks. */
static void
issue (HeOrigin *origin, HeRequest *request, const HeSecret *key, const char *algorithm,
       const Wish *wish)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *token = NULL;
  g_autoptr (GBytes) body = NULL;
  guint8 address[16];
  HeTokenRequest wanted = {
    .issuer = origin->issuer,
    .audience = origin->audience,
    .account = wish->account,
    .channels = wish->channels,
    .now = g_get_real_time () / G_USEC_PER_SEC,
    .ttl_seconds = (guint)wish->ttl,
    .session_seconds = (guint)wish->session,
    .max_sessions = (guint)wish->max_sessions,
    .address_hash = wish->address != NULL ? address : NULL,
    .algorithm = algorithm,
  };

  if (wish->address != NULL
      && !he_address_hash (origin->credential, wish->address, address)) {
    he_request_respond_text (request, 400,
                             "\"address\": expected an IPv4 or IPv6 address\n");
    return;
  }
  token = he_token_mint ((const char *)he_secret_data (key), &wanted, &error);
  if (token == NULL) {
    refuse (request, 400, error);
    return;
  }
  if (!is_good (origin, token, wish, wanted.now)) {
    he_log_event (origin->log, g_get_monotonic_time (),
                  "no token issued: this node would refuse it; are its key and algorithm "
                  "among tokens.keys and tokens.algorithms?");
    he_request_respond_text (request, 503, "this node would refuse the token\n");
    return;
  }
  body = answer_of (token, wish, wanted.now + wanted.ttl_seconds);
  he_request_respond (request, 200, "application/json", body);
}

void
he_issue_handle (HeOrigin *origin, HeRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeSecret) key = NULL;
  g_autofree char *algorithm = NULL;
  gsize len;
  const char *text = g_bytes_get_data (he_request_body (request), &len);
  g_autoptr (HeJson) root = NULL;
  Wish wish;

  he_request_add_field (request, "Cache-Control", "no-store");
  if (origin->issue_key == NULL) {
    he_request_respond_text (request, 404,
                             "no tokens are issued here: the description does not name "
                             "a private key in tokens.issuing-key\n");
    return;
  }
  root = he_json_parse (text != NULL ? text : "", (gssize)len, HE_ISSUE_BODY_MAX,
                        MAX_DEPTH, &error);
  if (root == NULL || !read_wish (root, &wish, &error)) {
    refuse (request, 400, error);
    return;
  }
  /* Each time anew, so that a rotated key is used at once. */
  key = load_key (origin, &algorithm, &error);
  if (key == NULL) {
    he_log_event (origin->log, g_get_monotonic_time (), "no token issued: %s",
                  error->message);
    he_request_respond_text (request, 503,
                             "the private key cannot be used; the node's log says why\n");
    return;
  }
  issue (origin, request, key, algorithm, &wish);
}

void
he_issue_start (HeOrigin *origin)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeSecret) key = NULL;
  g_autofree char *algorithm = NULL;

  if (origin->issue_key != NULL && (key = load_key (origin, &algorithm, &error)) == NULL)
    he_log_state (origin->log, "no tokens can be issued yet: %s", error->message);
}
