/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gate-kit.h"

static void
test_entry_by_cookie (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) answer = enter (&f, token);
  assert_answer (answer, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
  g_assert_cmpstr (answer.channel->name, ==, "demo");
  g_assert_true (g_str_has_prefix (answer.set_cookie, "headend="));
  g_assert_true (
      g_str_has_suffix (answer.set_cookie, "; Path=/live/; HttpOnly; SameSite=Lax"));
  g_assert_nonnull (answer.replicate);
  g_assert_cmpuint (strlen (answer.session), ==, 32);
  g_assert_null (strstr (answer.set_cookie, "alice"));
  /* Again from there: the same session, nothing to tell. */
  g_auto (HeAnswer) again = enter_at (&f, "/live/demo/main.m3u8", token,
                                      "&transport=cookie", HOME, T0 + 20 * S);
  assert_answer (again, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
  g_assert_cmpstr (again.session, ==, answer.session);
  g_assert_null (again.replicate);
}

static void
test_entry_by_path (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) answer
      = enter_at (&f, "/live/demo/main.m3u8", token, "&transport=path", HOME, T0);
  assert_answer (answer, HE_ANSWER_REDIRECT, 302, HE_CODE_OK);
  g_assert_null (answer.set_cookie);
  g_assert_true (g_str_has_prefix (answer.location, "/s/"));
  g_assert_true (g_str_has_suffix (answer.location, "/live/demo/main.m3u8"));
  g_auto (HeAnswer) playlist = ask (&f, answer.location, NULL, HOME, T0);
  assert_answer (playlist, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
  g_autofree char *prefix
      = g_strndup (answer.location, strlen (answer.location) - strlen ("main.m3u8"));
  g_autofree char *segment_path = g_strconcat (prefix, "audio/7.ts", NULL);
  g_auto (HeAnswer) segment = ask (&f, segment_path, NULL, HOME, T0);
  assert_answer (segment, HE_ANSWER_SEGMENT, 200, HE_CODE_OK);
  assert_denied (ask (&f, segment_path, NULL, AWAY, T0), HE_CODE_ADDRESS);
  assert_denied (
      enter_at (&f, "/live/demo/main.m3u8", token, "&transport=pigeon", HOME, T0),
      HE_CODE_MALFORMED);
  assert_denied (enter_at (&f, "/live/demo/main.m3u8", token,
                           "&transport=path&transport=path", HOME, T0),
                 HE_CODE_MALFORMED);
}

/* RFC 9246 section 2: the token may be a parameter of the path, too, which then is no part of
 * it; with one in the query besides, nobody knows which is meant. */
static void
test_entry_by_path_parameter (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *query = g_strconcat ("URISigningPackage=", token, NULL);
  g_autofree char *path = g_strconcat ("/live/demo/main.m3u8;", query, NULL);
  g_autofree char *twice = g_strconcat (path, ";", query, NULL);
  g_autofree char *more = g_strconcat (path, ";x=1", NULL);
  g_autofree char *broken = g_strconcat (path, "x", NULL);
  HeGateRequest request = { .path = path, .query = "transport=path", .address = HOME };
  g_auto (HeAnswer) answer = { 0 };
  he_gate_decide (f.gate, &request, T0, &answer);
  assert_answer (answer, HE_ANSWER_REDIRECT, 302, HE_CODE_OK);
  g_assert_true (g_str_has_suffix (answer.location, "/live/demo/main.m3u8"));
  assert_denied (ask (&f, twice, NULL, HOME, T0), HE_CODE_MALFORMED);
  assert_denied (ask (&f, broken, NULL, HOME, T0), HE_CODE_SIGNATURE);
  request.query = query;
  g_auto (HeAnswer) both = { 0 };
  he_gate_decide (f.gate, &request, T0, &both);
  g_assert_cmpint (both.code, ==, HE_CODE_MALFORMED);
  g_auto (HeAnswer) other = ask (&f, more, NULL, HOME, T0);
  assert_answer (other, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
}

/* Else who may have a segment could ask for it by any number of names, each of which a
 * cache would take for another, or pass on. */
static void
test_nothing_else_has_a_path_parameter (void)
{
  static const char *const paths[]
      = { "/live/demo/360p/1.ts",      "/live/demo/360p/index.m3u8",
          "/live/demo/keys/base/1",    "/live/demo/session",
          "/s/%s/live/demo/360p/1.ts", "/s/%s/live/demo/main.m3u8",
          "/s/%s/live/demo/session" };
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  g_auto (HeAnswer) plain = ask (&f, paths[0], cookie, HOME, T0);
  assert_answer (plain, HE_ANSWER_SEGMENT, 200, HE_CODE_OK);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_auto (GStrv) halves = g_strsplit (paths[i], "%s", 2);
    g_autofree char *path = g_strjoinv (cookie + strlen ("headend="), halves);
    g_autofree char *odd = g_strconcat (path, ";URISigningPackage=x", NULL);
    g_autofree char *hidden
        = g_strconcat (path, ";URISigningPackage=%2f..%2f100.ts", NULL);
    g_auto (HeAnswer) answer = ask (&f, odd, cookie, HOME, T0);
    assert_answer (answer, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
    assert_denied (ask (&f, hidden, cookie, HOME, T0), HE_CODE_MALFORMED);
  }
}

static void
test_entry_by_bearer (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  static const struct {
    HeCode code;
    const char *format;
  } cases[] = {
    { 200, "Bearer %s" },    { 200, "bearer  %s" }, { 600, "Basic %s" },
    { 600, "Bearer%s" },     { 500, "Bearer " },    { 500, "Bearer x%s" },
    { 400, "Bearer %s, y" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) halves = g_strsplit (cases[i].format, "%s", 2);
    g_autofree char *header = g_strjoinv (token, halves);
    const HeGateRequest request
        = { .path = "/live/demo/main.m3u8", .authorization = header, .address = HOME };
    g_auto (HeAnswer) answer = { 0 };
    he_gate_decide (f.gate, &request, T0, &answer);
    g_assert_cmpint (answer.code, ==, cases[i].code);
  }
}

static void
test_only_main_is_an_entry (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  const char *paths[] = { "/live/demo/360p/index.m3u8", "/live/demo/360p/1.ts",
                          "/live/demo/keys/base/1" };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_denied (enter_at (&f, paths[i], token, NULL, HOME, T0), HE_CODE_NO_CREDENTIAL);
  assert_denied (enter_at (&f, "/s/AAAA/live/demo/main.m3u8", token, NULL, HOME, T0),
                 HE_CODE_CREDENTIAL);
  g_assert_cmpuint (he_sessions_count (f.sessions, T0), ==, 0);
}

static void
test_bad_tokens (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  const char *main_path = "/live/demo/main.m3u8";
  g_autofree char *token = mint ("alice");
  g_autofree char *news = mint_for ("alice", "news", 0, NULL);
  g_autofree char *altered = g_strdup (token);
  gsize middle = strlen (altered) / 2;
  altered[middle] = altered[middle] == 'A' ? 'B' : 'A';
  assert_denied (enter (&f, altered), HE_CODE_SIGNATURE);
  assert_denied (enter (&f, ""), HE_CODE_MALFORMED);
  assert_denied (enter (&f, "x.y.z"), HE_CODE_MALFORMED);
  assert_denied (enter (&f, news), HE_CODE_URI);
  assert_denied (enter_at (&f, main_path, token, NULL, HOME, T0 + 300 * S),
                 HE_CODE_EXPIRED);
  assert_denied (enter_at (&f, main_path, token, NULL, HOME, T0 - 60 * S),
                 HE_CODE_NOT_BEFORE);
  assert_denied (enter_at (&f, main_path, token, NULL, "nonsense", T0), HE_CODE_ADDRESS);
  g_autofree char *twice = g_strconcat ("&URISigningPackage=", token, NULL);
  assert_denied (enter_at (&f, main_path, token, twice, HOME, T0), HE_CODE_MALFORMED);
  g_autofree char *filler = g_strnfill (9000, 'x');
  g_autofree char *huge = g_strconcat ("&x=", filler, NULL);
  assert_denied (enter_at (&f, main_path, token, huge, HOME, T0), HE_CODE_MALFORMED);
  assert_denied (enter (&f, filler), HE_CODE_MALFORMED);
  g_assert_cmpuint (he_sessions_count (f.sessions, T0), ==, 0);
  /* A channel that does not exist, for who may watch all: no session either. */
  g_auto (HeAnswer) nowhere
      = enter_at (&f, "/live/other/main.m3u8", token, NULL, HOME, T0);
  assert_answer (nowhere, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
  g_assert_cmpuint (he_sessions_count (f.sessions, T0), ==, 0);
}

/* A token beside a good cookie is judged by itself. */
static void
test_token_decides (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  const HeGateRequest request = { .path = "/live/demo/main.m3u8",
                                  .query = "URISigningPackage=a.b.c",
                                  .cookie = cookie,
                                  .address = HOME };
  HeAnswer answer;
  he_gate_decide (f.gate, &request, T0, &answer);
  assert_denied (answer, HE_CODE_MALFORMED);
}

static void
test_addresses (void)
{
  guint8 hash[16];
  g_auto (Fixture) f, peer;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  fixture_init (&peer, HE_SESSIONS_EVICT_OLDEST);
  const char *path = "/live/demo/main.m3u8";
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) first = enter (&f, token);
  g_assert_cmpint (first.code, ==, HE_CODE_OK);
  assert_denied (enter_at (&f, path, token, NULL, AWAY, T0 + S), HE_CODE_ADDRESS);
  /* The peer got the batch before the answer went out. */
  g_assert_true (he_sessions_merge_json (peer.sessions, first.replicate, -1, T0, NULL));
  assert_denied (enter_at (&peer, path, token, NULL, AWAY, T0 + S), HE_CODE_ADDRESS);
  g_auto (HeAnswer) home = enter_at (&peer, path, token, NULL, HOME, T0 + S);
  assert_answer (home, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
  g_assert_cmpstr (home.session, ==, first.session);
  /* A token that names its address is good from nowhere else. */
  g_assert_true (he_address_hash (credential, HOME, hash));
  g_autofree char *bound = mint_for ("bob", "*", 0, hash);
  assert_denied (enter_at (&f, path, bound, NULL, AWAY, T0), HE_CODE_ADDRESS);
  g_auto (HeAnswer) bob = enter_at (&f, path, bound, NULL, HOME, T0);
  g_assert_cmpint (bob.code, ==, HE_CODE_OK);
}

static void
test_reentry_does_not_prolong (void)
{
  g_auto (Fixture) f, fresh;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  fixture_init (&fresh, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint_for ("alice", "*", 100, NULL);
  g_autofree char *cookie = cookie_of (&f, token);
  g_auto (HeAnswer) again
      = enter_at (&f, "/live/demo/main.m3u8", token, NULL, HOME, T0 + 90 * S);
  g_assert_cmpint (again.code, ==, HE_CODE_OK);
  g_autofree char *second = g_strndup (again.set_cookie, strcspn (again.set_cookie, ";"));
  assert_denied (ask (&fresh, "/live/demo/main.m3u8", second, HOME, T0 + 100 * S), 603);
  assert_denied (ask (&f, "/live/demo/main.m3u8", second, HOME, T0 + 100 * S), 603);
  assert_denied (enter_at (&f, "/live/demo/main.m3u8", token, NULL, HOME, T0 + 100 * S),
                 603);
}

static void
test_absolute_uri (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *header = g_strdup_printf (
      "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", signer->kid);
  g_autofree char *token = signer_token (
      signer, header,
      "{\"iss\":\"headend\",\"aud\":\"headend\",\"exp\":1700000300,\"nbf\":1700000000,"
      "\"iat\":1700000000,\"cdniuc\":\"regex:https://tv\\\\.example/live/demo/.*\","
      "\"headend_tid\":\"AAECAwQFBgcICQoLDA0ODw\",\"headend_acc\":\"alice\","
      "\"headend_rights\":[\"demo\"]}");
  g_autofree char *query = g_strconcat ("URISigningPackage=", token, NULL);
  static const struct {
    HeCode code;
    gboolean secure;
    const char *authority;
  } cases[] = {
    { 200, TRUE, "tv.example" },
    { 411, FALSE, "tv.example" },
    { 411, TRUE, "tvxexample" },
    { 411, TRUE, NULL },
    { 411, TRUE, "tv.example/live/demo/x?" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const HeGateRequest request = { .path = "/live/demo/main.m3u8",
                                    .query = query,
                                    .address = HOME,
                                    .authority = cases[i].authority,
                                    .secure = cases[i].secure };
    g_auto (HeAnswer) answer = { 0 };
    he_gate_decide (f.gate, &request, T0, &answer);
    g_assert_cmpint (answer.code, ==, cases[i].code);
  }
}

/* What came by https must not go back by http; a page of another site gets its cookie back
 * only where that says so. */
static void
test_cookie_is_secure (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *query = g_strconcat ("URISigningPackage=", token, NULL);
  static const struct {
    gboolean secure, foreign;
    const char *end;
  } cases[] = { { FALSE, FALSE, "; HttpOnly; SameSite=Lax" },
                { FALSE, TRUE, "; HttpOnly; SameSite=Lax" },
                { TRUE, FALSE, "; HttpOnly; SameSite=Lax; Secure" },
                { TRUE, TRUE, "; HttpOnly; SameSite=None; Secure" } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const HeGateRequest request = { .path = "/live/demo/main.m3u8",
                                    .query = query,
                                    .address = HOME,
                                    .secure = cases[i].secure,
                                    .foreign = cases[i].foreign };
    g_auto (HeAnswer) answer = { 0 };
    he_gate_decide (f.gate, &request, T0, &answer);
    assert_answer (answer, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
    g_assert_true (g_str_has_suffix (answer.set_cookie, cases[i].end));
  }
}

static HeAnswer
refresh (Fixture *f, const char *path, const char *cookie, const char *authorization,
         gint64 now)
{
  HeAnswer answer;
  const HeGateRequest request
      = { .path = path, .cookie = cookie, .authorization = authorization, .address = HOME };
  he_gate_decide (f->gate, &request, now, &answer);
  return answer;
}

/* Given a session, when its player refreshes it, then its lease goes on to where it would
 * with a playlist, and its cookie is another text that is good beside the first. */
static void
test_refresh (void)
{
  static const char path[] = "/live/demo/session", segment[] = "/live/demo/360p/1.ts";
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  g_auto (HeAnswer) answer = refresh (&f, path, cookie, NULL, T0 + 200 * S);
  assert_answer (answer, HE_ANSWER_SESSION, 200, HE_CODE_OK);
  g_assert_cmpuint (answer.lease_seconds, ==, 300);
  g_assert_cmpint (answer.ends, ==, T0 / S + LENGTH);
  g_autofree char *renewed
      = g_strndup (answer.set_cookie, strcspn (answer.set_cookie, ";"));
  g_assert_cmpstr (renewed, !=, cookie);
  g_auto (HeAnswer) by_first = ask (&f, segment, cookie, HOME, T0 + 450 * S);
  g_auto (HeAnswer) by_second = ask (&f, segment, renewed, HOME, T0 + 450 * S);
  assert_answer (by_first, HE_ANSWER_SEGMENT, 200, HE_CODE_OK);
  assert_answer (by_second, HE_ANSWER_SEGMENT, 200, HE_CODE_OK);
  g_autofree char *prefixed
      = g_strconcat ("/s/", cookie + strlen ("headend="), path, NULL);
  g_auto (HeAnswer) by_path = refresh (&f, prefixed, NULL, NULL, T0 + 450 * S);
  assert_answer (by_path, HE_ANSWER_SESSION, 200, HE_CODE_OK);
  g_assert_null (by_path.set_cookie);
  assert_denied (refresh (&f, path, NULL, NULL, T0), HE_CODE_NO_CREDENTIAL);
  assert_denied (refresh (&f, path, cookie, NULL, T0 + (LENGTH + 1) * S), HE_CODE_LEASE);
  g_autofree char *elsewhere = mint_for ("alice", "clear", 0, NULL);
  g_autofree char *bearer = g_strconcat ("Bearer ", elsewhere, NULL);
  assert_denied (refresh (&f, path, cookie, bearer, T0), HE_CODE_URI);
  /* In a URL, a token counts for nothing here. */
  g_auto (HeAnswer) in_url = enter_at (&f, path, token, NULL, HOME, T0);
  g_assert_cmpint (in_url.code, ==, HE_CODE_NO_CREDENTIAL);
}

/* Given an account with one place, when its page refreshes with a new token, then it goes
 * on in the token's session, by either policy; somebody else's cookie ends nothing. */
static void
test_refresh_by_token (void)
{
  static const char path[] = "/live/demo/session", media[] = "/live/demo/360p/index.m3u8";
  for (guint policy = 0; policy < 2; policy++) {
    g_auto (Fixture) f;
    fixture_init (&f, policy ? HE_SESSIONS_REJECT_NEWEST : HE_SESSIONS_EVICT_OLDEST);
    g_autofree char *first = mint ("alice"), *second = mint ("alice"), *other = mint ("bob");
    g_autofree char *cookie = cookie_of (&f, first);
    g_autofree char *bobs = cookie_of (&f, other);
    g_autofree char *both = g_strconcat (cookie, "; ", bobs, NULL);
    g_autofree char *bearer = g_strconcat ("Bearer ", second, NULL);
    g_auto (HeAnswer) answer = refresh (&f, path, both, bearer, T0 + S);
    assert_answer (answer, HE_ANSWER_SESSION, 200, HE_CODE_OK);
    g_assert_nonnull (answer.replicate); /* peers learn of both */
    g_autofree char *fresh
        = g_strndup (answer.set_cookie, strcspn (answer.set_cookie, ";"));
    g_auto (HeAnswer) goes_on = ask (&f, media, fresh, HOME, T0 + 2 * S);
    assert_answer (goes_on, HE_ANSWER_MEDIA, 200, HE_CODE_OK);
    g_auto (HeAnswer) bob = ask (&f, media, bobs, HOME, T0 + 2 * S);
    assert_answer (bob, HE_ANSWER_MEDIA, 200, HE_CODE_OK);
    assert_denied (ask (&f, media, cookie, HOME, T0 + 2 * S), HE_CODE_EVICTED);
  }
}

/* Given a page in a good session, when it refreshes with a token whose own session ended, is
 * at another address or past its end, or has no room, then it is refused and goes on as it
 * was. */
static void
test_refresh_refused (void)
{
  static const char path[] = "/live/demo/session", media[] = "/live/demo/360p/index.m3u8";
  static const HeCode codes[]
      = { HE_CODE_EVICTED, HE_CODE_ADDRESS, HE_CODE_LEASE, HE_CODE_TOO_MANY };
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++) {
    g_auto (Fixture) f;
    guint table = codes[i] == HE_CODE_TOO_MANY ? 1 : 1000;
    fixture_init_sized (&f, HE_SESSIONS_EVICT_OLDEST, table);
    g_autofree char *first = mint_for ("alice", "*", 10, NULL), *second = mint ("alice");
    g_autofree char *bearer = g_strconcat ("Bearer ", first, NULL);
    if (codes[i] != HE_CODE_TOO_MANY) {
      const char *from = codes[i] == HE_CODE_ADDRESS ? AWAY : HOME;
      g_auto (HeAnswer) before
          = enter_at (&f, "/live/demo/main.m3u8", first, NULL, from, T0 - S);
      assert_answer (before, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
    }
    /* With the one place taken the first ends; when that is long silent, its own end comes. */
    gint64 then = codes[i] == HE_CODE_LEASE ? T0 + 8 * S : T0;
    g_auto (HeAnswer) entered
        = enter_at (&f, "/live/demo/main.m3u8", second, NULL, HOME, then);
    assert_answer (entered, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
    g_autofree char *good
        = g_strndup (entered.set_cookie, strcspn (entered.set_cookie, ";"));
    assert_denied (refresh (&f, path, good, bearer, then + 3 * S), codes[i]);
    g_auto (HeAnswer) goes_on = ask (&f, media, good, HOME, then + 4 * S);
    assert_answer (goes_on, HE_ANSWER_MEDIA, 200, HE_CODE_OK);
  }
}

static void
test_without_keys (void)
{
  g_autoptr (HeSessions) sessions
      = he_sessions_new (HE_SESSIONS_EVICT_OLDEST, 300 * S, 6 * S, 10);
  const HeGateRules rules
      = { NULL, "headend", "headend", codeword, credential, sessions, LENGTH, 1 };
  g_autoptr (HeGate) gate = he_gate_new (&rules);
  g_autofree char *token = mint ("alice");
  g_autofree char *query = g_strconcat ("URISigningPackage=", token, NULL);
  const HeGateRequest request
      = { .path = "/live/demo/main.m3u8", .query = query, .address = HOME };
  HeAnswer answer;
  he_gate_decide (gate, &request, T0, &answer);
  assert_denied (answer, HE_CODE_SIGNATURE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kit_init ();
  g_test_add_func ("/gate/entry/gives-a-cookie", test_entry_by_cookie);
  g_test_add_func ("/gate/entry/gives-a-path-prefix", test_entry_by_path);
  g_test_add_func ("/gate/entry/takes-a-parameter-of-the-path", test_entry_by_path_parameter);
  g_test_add_func ("/gate/entry/nothing-else-has-a-path-parameter",
                   test_nothing_else_has_a_path_parameter);
  g_test_add_func ("/gate/entry/takes-a-bearer-header", test_entry_by_bearer);
  g_test_add_func ("/gate/entry/is-main-m3u8-alone", test_only_main_is_an_entry);
  g_test_add_func ("/gate/entry/bad-tokens-open-nothing", test_bad_tokens);
  g_test_add_func ("/gate/entry/token-is-judged-by-itself", test_token_decides);
  g_test_add_func ("/gate/session/is-bound-to-its-address-on-every-gate", test_addresses);
  g_test_add_func ("/gate/entry/again-does-not-prolong", test_reentry_does_not_prolong);
  g_test_add_func ("/gate/entry/absolute-uri-where-the-host-is-known", test_absolute_uri);
  g_test_add_func ("/gate/entry/a-cookie-by-https-is-secure", test_cookie_is_secure);
  g_test_add_func ("/gate/session/is-refreshed", test_refresh);
  g_test_add_func ("/gate/session/is-refreshed-with-a-new-token", test_refresh_by_token);
  g_test_add_func ("/gate/session/outlives-a-token-that-is-refused", test_refresh_refused);
  g_test_add_func ("/gate/entry/without-keys-nobody", test_without_keys);
  return kit_run ();
}
