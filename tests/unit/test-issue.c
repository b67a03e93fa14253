/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-issue.h"
#include "he-json.h"
#include "origin-kit.h"

/* Tokens for the operator's middleware. */

#define MASTER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
write_key (Pair *pair, const char *text, int mode)
{
  g_assert_true (g_file_set_contents (pair->issue, text, -1, NULL));
  g_assert_cmpint (g_chmod (pair->issue, mode), ==, 0);
}

/* One origin that issues. */
static Pair *
issuing_pair (void)
{
  Pair *pair = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeSecret) master = he_secret_from_hex (MASTER, "it", NULL);

  he_secret_unref (pair->publish);
  pair->publish = he_keys_derive (master, HE_PURPOSE_PUBLISH);
  pair->issue = g_build_filename (pair->folder, "token.pem", NULL);
  write_key (pair, pair->pem, 0600);
  pair_start (pair, 0);
  return pair;
}

static Reply *
ask (Pair *pair, const char *text)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));
  Reply *reply = call_signed (pair, 0, "POST", HE_ISSUE_PATH, NULL, body);
  g_autofree char *kept = reply_field (reply, "Cache-Control");

  g_assert_cmpstr (kept, ==, "no-store");
  return reply;
}

/* The token of an answer, and its first URL. */
static char *
issued (Pair *pair, const char *text, char **ret_url)
{
  g_autoptr (Reply) reply = ask (pair, text);
  g_autofree char *said = reply_text (reply);
  g_autoptr (HeJson) root = NULL;
  const char *token = NULL;
  const HeJson *urls;

  g_test_message ("%u", reply->status);
  g_assert_cmpuint (reply->status, ==, 200);
  root = he_json_parse (said, -1, 65536, 2, NULL);
  g_assert_nonnull (root);
  g_assert_true (he_json_get_string (root, "token", TRUE, &token, NULL));
  urls = he_json_member (root, "urls");
  if (ret_url != NULL)
    *ret_url = he_json_length (urls) > 0
                   ? g_strdup (he_json_string (he_json_element (urls, 0)))
                   : NULL;
  g_assert_false (pair_logged (pair, token));
  return g_strdup (token);
}

/* Given a key, when middleware asks for a token, then it opens a session as one of
 * `headend token mint` does, with what was asked for, and is in no log. */
static void
middleware_gets_tokens (void)
{
  g_autoptr (Pair) pair = issuing_pair ();
  g_autofree char *url = NULL;
  g_autofree char *paged = NULL;
  g_autofree char *none = NULL;
  g_autofree char *token
      = issued (pair, "{\"account\":\"alice\",\"channels\":[\"demo\"]}", &url);
  g_autofree char *wanted
      = g_strconcat ("/live/demo/main.m3u8?URISigningPackage=", token, NULL);
  g_autofree char *other = NULL;
  g_autofree char *bound = NULL;

  g_assert_cmpstr (url, ==, wanted);
  publish_window (pair);
  {
    g_autoptr (Reply) in = get (port_of (pair, 0), url, NULL);
    g_autofree char *cookie = reply_field (in, "Set-Cookie");

    g_assert_cmpuint (in->status, ==, 200);
    g_assert_nonnull (cookie);
  }
  other = issued (pair,
                  "{\"account\":\"alice\",\"channels\":[\"demo\",\"b\"],\"page\":true,"
                  "\"url\":\"https://tv.example/\",\"transport\":\"path\"}",
                  &paged);
  g_assert_cmpstr (other, !=, token);
  g_assert_true (
      g_str_has_prefix (paged, "https://tv.example/watch/demo#URISigningPackage=ey"));
  g_assert_true (g_str_has_suffix (paged, "&transport=path"));
  bound = issued (pair,
                  "{\"account\":\"bob\",\"channels\":[\"*\"],\"address\":\"127.0.0.2\"}",
                  &none);
  g_assert_null (none);
  {
    g_autoptr (Reply) out = enter (pair, 0, "127.0.0.1", bound, "");
    g_autoptr (Reply) in = enter (pair, 0, "127.0.0.2", bound, "");

    assert_denied (out, 403, "602");
    g_assert_cmpuint (in->status, ==, 200);
  }
  g_assert_false (pair_logged (pair, "alice"));
}

static void
tokens_say_what_was_asked_for (void)
{
  g_autoptr (Pair) pair = issuing_pair ();
  g_autofree char *token
      = issued (pair,
                "{\"account\":\"carol\",\"channels\":[\"demo\",\"news\"],\"ttl\":90,"
                "\"session\":700,\"max-sessions\":4}",
                NULL);
  g_autoptr (HeTokenKeys) keys = he_token_keys_load (pair->jwks, HE_TOKEN_ES256, NULL);
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autoptr (HeToken) read = NULL;

  g_assert_cmpuint (he_token_verify (&rules, token, strlen (token),
                                     "/live/news/main.m3u8",
                                     g_get_real_time () / G_USEC_PER_SEC, &read),
                    ==, HE_CODE_OK);
  g_assert_cmpstr (read->account, ==, "carol");
  g_assert_cmpint (read->expires - read->issued, ==, 90);
  g_assert_cmpuint (read->session_seconds, ==, 700);
  g_assert_cmpuint (read->max_sessions, ==, 4);
  g_assert_cmpstr (read->rights[1], ==, "news");
  g_assert_false (read->has_address);
}

/* Given a key, when anybody else asks, or for what there is not, then there is no token.
 */
static void
others_get_none (void)
{
  static const char *const wrong[] = {
    "",
    "[]",
    "{",
    "{\"account\":\"a\"}",
    "{\"channels\":[\"demo\"]}",
    "{\"account\":\"a\",\"channels\":[]}",
    "{\"account\":\"a\",\"channels\":\"demo\"}",
    "{\"account\":\"a\",\"channels\":[7]}",
    "{\"account\":\"\",\"channels\":[\"demo\"]}",
    "{\"account\":\"a\\n\",\"channels\":[\"demo\"]}",
    "{\"account\":\"a\",\"channels\":[\"d/e\"]}",
    "{\"account\":\"a\",\"channels\":[\"*\",\"demo\"]}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"ttl\":0}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"ttl\":2592001}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"ttl\":\"9\"}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"max-sessions\":1001}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"session\":-1}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"address\":\"here\"}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"url\":\"tv.example\"}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"url\":\"https://tv.example/?a\"}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"transport\":\"bird\"}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"page\":1}",
    "{\"account\":\"a\",\"channels\":[\"demo\"],\"issuer\":\"me\"}",
    "{\"account\":\"a\",\"account\":\"b\",\"channels\":[\"demo\"]}",
  };
  static const char right[] = "{\"account\":\"a\",\"channels\":[\"demo\"]}";
  g_autoptr (Pair) pair = issuing_pair ();
  g_autoptr (GBytes) body = g_bytes_new_static (right, sizeof right - 1);
  g_autoptr (Reply) unsigned_one
      = http ("127.0.0.1", pair->internal[0], "POST", HE_ISSUE_PATH, NULL, body);
  g_autoptr (Reply) viewer
      = http ("127.0.0.1", port_of (pair, 0), "POST", HE_ISSUE_PATH, NULL, NULL);
  g_autoptr (Reply) read = call_signed (pair, 0, "GET", HE_ISSUE_PATH, NULL, NULL);

  g_assert_cmpuint (unsigned_one->status, ==, 403);
  g_assert_cmpuint (viewer->status / 100, ==, 4);
  g_assert_cmpuint (read->status, ==, 405);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (Reply) reply = ask (pair, wrong[i]);

    g_test_message ("%s", wrong[i]);
    g_assert_cmpuint (reply->status, ==, 400);
  }
  {
    g_autoptr (Reply) reply = ask (pair, right);

    g_assert_cmpuint (reply->status, ==, 200);
  }
}

/* Given a key that is missing, published or another one, then nothing is issued, and as
 * soon as that is mended it is. */
static void
only_a_good_key_issues (void)
{
  static const char right[] = "{\"account\":\"a\",\"channels\":[\"demo\"]}";
  g_autoptr (Pair) none = pair_prepare (HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (Pair) pair = issuing_pair ();
  g_autofree char *other = NULL;
  g_autofree char *jwk = NULL;

  pair_start (none, 0);
  {
    g_autoptr (Reply) reply = ask (none, right);
    g_autofree char *text = reply_text (reply);

    g_assert_cmpuint (reply->status, ==, 404);
    g_assert_nonnull (strstr (text, "tokens.issuing-key"));
  }
  g_assert_true (he_token_keygen ("ES256", &other, &jwk, NULL));
  for (guint i = 0; i < 3; i++) {
    g_autoptr (Reply) bad = NULL;
    g_autoptr (Reply) good = NULL;

    pair_forget_log (pair);
    if (i == 0)
      g_remove (pair->issue);
    else
      write_key (pair, i == 1 ? pair->pem : other, i == 1 ? 0644 : 0600);
    bad = ask (pair, right);
    g_assert_cmpuint (bad->status, ==, 503);
    g_assert_true (pair_logged (pair, "no token issued: "));
    write_key (pair, pair->pem, 0600);
    good = ask (pair, right);
    g_assert_cmpuint (good->status, ==, 200);
  }
}

/* docs/minting/issue.py is all that middleware needs. */
static void
the_example_gets_one (void)
{
  g_autoptr (Pair) pair = issuing_pair ();
  g_autofree char *secret = g_build_filename (pair->folder, "secret", NULL);
  g_autofree char *base = g_strdup_printf ("http://127.0.0.1:%u", port_of (pair, 0));
  g_autofree char *script
      = g_build_filename (g_getenv ("SRCDIR"), "docs", "minting", "issue.py", NULL);
  /* Without what a sanitizer has loaded into us. */
  g_auto (GStrv) env = g_environ_unsetenv (g_get_environ (), "LD_PRELOAD");
  const char *argv[]
      = { "/usr/bin/python3", script, secret, pair->peer[0], "dave", "demo", base, NULL };
  g_autofree char *url = NULL;
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_assert_true (g_file_set_contents (secret, MASTER "\n", -1, NULL));
  publish_window (pair);
  g_spawn_sync (NULL, (char **)argv, env, 0, NULL, NULL, &url, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_strchomp (url);
  g_assert_true (g_str_has_prefix (url, base));
  {
    g_autoptr (Reply) in = get (port_of (pair, 0), url + strlen (base), NULL);

    g_assert_cmpuint (in->status, ==, 200);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/issue/middleware-gets-tokens", middleware_gets_tokens);
  g_test_add_func ("/issue/what-was-asked-for", tokens_say_what_was_asked_for);
  g_test_add_func ("/issue/others-get-none", others_get_none);
  g_test_add_func ("/issue/only-a-good-key", only_a_good_key_issues);
  g_test_add_func ("/issue/the-example", the_example_gets_one);
  return g_test_run ();
}
