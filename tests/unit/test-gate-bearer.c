/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Players that send their token as a header with every request, and keep no cookies. */
#include "gate-kit.h"

#include "he-revocations.h"

static const char entry[] = "/live/demo/main.m3u8",
                  media[] = "/live/demo/360p/index.m3u8",
                  segment[] = "/live/demo/360p/7.ts", key[] = "/live/demo/keys/base/1";

static char *
mint_long (const char *account, guint ttl)
{
  const char *channels[] = { "*", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = account,
                                   .channels = channels,
                                   .now = T0 / S,
                                   .ttl_seconds = ttl };
  return he_token_mint (signer->pem, &request, NULL);
}

static HeAnswer
show_all (Fixture *f, const char *path, const char *token, const char *cookie,
          const char *address, gint64 now)
{
  HeAnswer answer;
  g_autofree char *header = g_strconcat ("Bearer ", token, NULL);
  const HeGateRequest request
      = { .path = path, .cookie = cookie, .authorization = header, .address = address };
  he_gate_decide (f->gate, &request, now, &answer);
  return answer;
}

static HeAnswer
show (Fixture *f, const char *path, const char *token, gint64 now)
{
  return show_all (f, path, token, NULL, HOME, now);
}

/* Granted, with nothing for a browser. */
static void
assert_granted (HeAnswer answer, HeAnswerKind kind)
{
  assert_answer (answer, kind, 200, HE_CODE_OK);
  g_assert_null (answer.set_cookie);
  g_assert_nonnull (answer.account);
  he_answer_clear (&answer);
}

static void
test_carries_every_request (void)
{
  static const struct {
    const char *path;
    HeAnswerKind kind;
  } cases[] = { { media, HE_ANSWER_MEDIA },
                { segment, HE_ANSWER_SEGMENT },
                { "/live/demo/audio/7.ts", HE_ANSWER_SEGMENT },
                { key, HE_ANSWER_KEY } };
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) first = show (&f, entry, token, T0);
  assert_answer (first, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
  g_autofree char *cookie = g_strndup (first.set_cookie, strcspn (first.set_cookie, ";"));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint again = 0; again < 2; again++) {
      HeAnswer answer = show (&f, cases[i].path, token, T0 + S);
      g_assert_cmpstr (answer.session, ==, first.session);
      g_assert_null (answer.replicate);
      assert_granted (answer, cases[i].kind);
    }
  for (guint msn = 0; msn < 64; msn++) {
    g_autofree char *path = g_strdup_printf ("/live/demo/360p/%u.ts", msn);
    g_auto (HeAnswer) by_token = show (&f, path, token, T0 + S);
    g_auto (HeAnswer) by_cookie = ask (&f, path, cookie, HOME, T0 + S);
    g_assert_cmpint (by_token.segment->variant, ==, by_cookie.segment->variant);
  }
  g_auto (HeAnswer) nowhere = show (&f, "/live/demo/720p/7.ts", token, T0 + S);
  assert_answer (nowhere, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
  assert_denied (show (&f, media, "x.y.z", T0), HE_CODE_MALFORMED);
  assert_denied (ask (&f, media, NULL, HOME, T0), HE_CODE_NO_CREDENTIAL);
  assert_denied (show_all (&f, media, token, NULL, NULL, T0), HE_CODE_ADDRESS);
  g_assert_cmpuint (he_sessions_count (f.sessions, T0 + S), ==, 1);
}

/* A node that took over and has not heard of the session yet. */
static void
test_opens_where_it_is_shown_first (void)
{
  const char *paths[] = { media, segment, key };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_auto (Fixture) f;
    fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
    g_autofree char *token = mint ("alice");
    g_auto (HeAnswer) nowhere = show (&f, "/live/demo/720p/7.ts", token, T0);
    assert_answer (nowhere, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
    g_assert_cmpuint (he_sessions_count (f.sessions, T0), ==, 0);
    g_auto (HeAnswer) answer = show (&f, paths[i], token, T0);
    g_assert_cmpint (answer.code, ==, HE_CODE_OK);
    g_assert_null (answer.set_cookie);
    g_assert_nonnull (answer.replicate);
    g_assert_cmpuint (he_sessions_count (f.sessions, T0), ==, 1);
  }
}

/* Given a token of 300 s and leases of 300 s, when the player goes on for longer, then it
 * is let on for as long as its lease, and no longer. */
static void
test_outlives_the_token (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) first = show (&f, entry, token, T0);
  g_assert_cmpint (first.code, ==, HE_CODE_OK);
  for (gint64 now = T0 + 250 * S; now < T0 + 1200 * S; now += 250 * S) {
    assert_granted (show (&f, media, token, now), HE_ANSWER_MEDIA);
    assert_granted (show (&f, segment, token, now + 200 * S), HE_ANSWER_SEGMENT);
    assert_granted (show (&f, key, token, now + 200 * S), HE_ANSWER_KEY);
  }
  /* A reload; the last playlist was at 1000 s. */
  assert_granted (show (&f, entry, token, T0 + 1210 * S), HE_ANSWER_MULTIVARIANT);
  assert_granted (show (&f, segment, token, T0 + 1509 * S), HE_ANSWER_SEGMENT);
  const char *paths[] = { segment, media, key, entry };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_denied (show (&f, paths[i], token, T0 + 1510 * S), HE_CODE_EXPIRED);
  g_autofree char *altered = g_strdup (token);
  gsize last = strlen (altered) - 2;
  altered[last] = altered[last] == 'A' ? 'B' : 'A';
  assert_denied (show (&f, media, altered, T0 + 1400 * S), HE_CODE_SIGNATURE);
  /* As a parameter of the entry it is good for nothing, as ever. */
  assert_denied (enter_at (&f, entry, token, NULL, HOME, T0 + 1400 * S), HE_CODE_EXPIRED);
}

static void
test_ends_with_the_session (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint_for ("alice", "*", 700, NULL);
  g_auto (HeAnswer) first = show (&f, entry, token, T0);
  g_assert_cmpint (first.code, ==, HE_CODE_OK);
  for (guint i = 1; i < 7; i++)
    assert_granted (show (&f, media, token, T0 + i * 100 * S), HE_ANSWER_MEDIA);
  assert_granted (show (&f, media, token, T0 + 699 * S), HE_ANSWER_MEDIA);
  assert_denied (show (&f, media, token, T0 + 700 * S), HE_CODE_EXPIRED);
}

/* An expired token goes on where the session is known, and opens it nowhere. */
static void
test_expired_opens_nothing (void)
{
  g_auto (Fixture) f, told, fresh;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  fixture_init (&told, HE_SESSIONS_EVICT_OLDEST);
  fixture_init (&fresh, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) first = show (&f, entry, token, T0 + 100 * S);
  g_assert_true (
      he_sessions_merge_json (told.sessions, first.replicate, -1, T0 + 100 * S, NULL));
  const char *paths[] = { media, segment, entry };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_auto (HeAnswer) goes_on = show (&told, paths[i], token, T0 + 310 * S);
    g_assert_cmpint (goes_on.code, ==, HE_CODE_OK);
    assert_denied (show (&fresh, paths[i], token, T0 + 310 * S), HE_CODE_EXPIRED);
    assert_denied (show_all (&told, paths[i], token, NULL, AWAY, T0 + 310 * S),
                   HE_CODE_EXPIRED);
    assert_denied (show_all (&told, paths[i], token, NULL, AWAY, T0 + 290 * S),
                   HE_CODE_ADDRESS);
  }
  g_assert_cmpuint (he_sessions_count (fresh.sessions, T0 + 310 * S), ==, 0);
}

/* A lease that lapsed comes back by playlists alone, while the token is good. */
static void
test_lapsed_lease (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint_long ("alice", 900);
  g_auto (HeAnswer) first = show (&f, entry, token, T0);
  assert_granted (show (&f, segment, token, T0 + 299 * S), HE_ANSWER_SEGMENT);
  assert_denied (show (&f, segment, token, T0 + 300 * S), HE_CODE_LEASE);
  assert_granted (show (&f, media, token, T0 + 301 * S), HE_ANSWER_MEDIA);
  assert_granted (show (&f, segment, token, T0 + 302 * S), HE_ANSWER_SEGMENT);
  assert_denied (show (&f, segment, token, T0 + 601 * S), HE_CODE_LEASE);
  assert_denied (show (&f, media, token, T0 + 901 * S), HE_CODE_EXPIRED);
}

static void
test_evicted (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *first = mint ("alice"), *second = mint ("alice");
  g_auto (HeAnswer) one = show (&f, entry, first, T0);
  assert_granted (show (&f, segment, first, T0), HE_ANSWER_SEGMENT);
  g_auto (HeAnswer) two = show (&f, entry, second, T0 + S);
  const char *paths[] = { entry, media, segment, key };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_denied (show (&f, paths[i], first, T0 + 2 * S), HE_CODE_EVICTED);
  assert_granted (show (&f, segment, second, T0 + 2 * S), HE_ANSWER_SEGMENT);
  assert_denied (show (&f, segment, first, T0 + 301 * S), HE_CODE_EXPIRED);
}

static void
test_revoked (void)
{
  char *aside;
  g_autoptr (HeRevocations) revocations
      = he_revocations_new (credential, NULL, 100, T0, &aside, NULL);
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  he_gate_free (f.gate);
  const HeGateRules rules = { keys,       "headend", "headend", codeword,   credential,
                              f.sessions, LENGTH,    1,         revocations };
  f.gate = he_gate_new (&rules);
  g_autoptr (HeChannel) demo = channel_new ("demo", TRUE);
  he_gate_add_channel (f.gate, demo);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) first = show (&f, entry, token, T0);
  assert_granted (show (&f, segment, token, T0), HE_ANSWER_SEGMENT);
  g_autoptr (GPtrArray) revoked = he_revocations_merge (
      revocations, "[{\"account\":\"alice\",\"keep\":5000}]", -1, T0 + S, NULL);
  g_assert_nonnull (revoked);
  const char *paths[] = { entry, media, segment, key };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_denied (show (&f, paths[i], token, T0 + 2 * S), HE_CODE_REVOKED);
  assert_denied (show (&f, segment, token, T0 + 299 * S), HE_CODE_REVOKED);
}

static void
test_rights (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint_for ("alice", "clear", 0, NULL);
  assert_denied (show (&f, media, token, T0), HE_CODE_URI);
  assert_granted (show (&f, "/live/clear/360p/index.m3u8", token, T0), HE_ANSWER_MEDIA);
  assert_denied (show (&f, media, token, T0), HE_CODE_RIGHTS);
}

/* Path prefix, then a cookie that we sealed, then the header. */
static void
test_order (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *alices = mint ("alice"), *bobs = mint ("bob"), *newer = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, alices);
  g_autofree char *prefixed
      = g_strconcat ("/s/", cookie + strlen ("headend="), segment, NULL);
  g_auto (HeAnswer) bob = show (&f, entry, bobs, T0);
  g_auto (HeAnswer) by_cookie = show_all (&f, segment, bobs, cookie, HOME, T0);
  g_assert_cmpstr (by_cookie.account, ==, "alice");
  g_auto (HeAnswer) by_path = show (&f, prefixed, bobs, T0);
  g_assert_cmpstr (by_path.account, ==, "alice");
  g_auto (HeAnswer) not_ours = show_all (&f, segment, bobs, "headend=AAAA", HOME, T0);
  g_assert_cmpstr (not_ours.account, ==, "bob");
  g_auto (HeAnswer) others = show_all (&f, segment, bobs, "other=1", HOME, T0);
  g_assert_cmpstr (others.account, ==, "bob");
  assert_denied (show (&f, "/s/AAAA/live/demo/360p/7.ts", bobs, T0), HE_CODE_CREDENTIAL);
  g_auto (HeAnswer) evicts = show (&f, entry, newer, T0 + S);
  assert_denied (show_all (&f, segment, bobs, cookie, HOME, T0 + 2 * S), HE_CODE_EVICTED);
}

/* An edge asks about a segment by its own name, and the token speaks of the viewers'. */
static void
test_any_host_once_open (void)
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
  g_autofree char *bearer = g_strconcat ("Bearer ", token, NULL);
  HeGateRequest request = { .path = media,
                            .authorization = bearer,
                            .address = HOME,
                            .authority = "headend",
                            .secure = TRUE };
  HeAnswer answer;
  he_gate_decide (f.gate, &request, T0, &answer);
  assert_denied (answer, HE_CODE_URI);
  request.path = entry;
  request.authority = "tv.example";
  g_auto (HeAnswer) opened = { 0 };
  he_gate_decide (f.gate, &request, T0, &opened);
  g_assert_cmpint (opened.code, ==, HE_CODE_OK);
  request.path = media;
  request.authority = "headend";
  he_gate_decide (f.gate, &request, T0 + S, &answer);
  assert_granted (answer, HE_ANSWER_MEDIA);
}

/* Where sessions are kept elsewhere, a node that has not heard of one asks: by a good
 * token for an opening, by an expired one for what is there. */
static void
test_asks_where_sessions_are_kept (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  he_sessions_share (f.sessions);
  g_autofree char *token = mint ("alice");
  for (guint expired = 0; expired < 2; expired++) {
    gint64 now = T0 + (expired ? 400 : 0) * S;
    g_auto (HeAnswer) answer = show (&f, media, token, now);
    assert_answer (answer, HE_ANSWER_DENY, 503, HE_CODE_UNAVAILABLE);
    g_assert_cmpint (answer.ask_how, ==, expired ? HE_TOUCH_REJOIN : HE_TOUCH_ENTRY);
    const HeSessionVerdict no = { expired ? HE_CODE_EXPIRED : HE_CODE_TOO_MANY };
    he_sessions_settle (f.sessions, answer.ask, &no, now);
    g_auto (HeAnswer) still = show (&f, media, token, now);
    g_assert_cmpint (still.code, ==, HE_CODE_UNAVAILABLE);
    if (!expired)
      continue;
    const HeSessionVerdict yes = { HE_CODE_OK, T0, T0 + LENGTH * S, T0 + 500 * S };
    he_sessions_settle (f.sessions, answer.ask, &yes, now);
    assert_granted (show (&f, media, token, now), HE_ANSWER_MEDIA);
    assert_granted (show (&f, segment, token, T0 + 499 * S), HE_ANSWER_SEGMENT);
    g_auto (HeAnswer) lapsed = show (&f, media, token, T0 + 500 * S);
    g_assert_cmpint (lapsed.ask_how, ==, HE_TOUCH_REJOIN);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kit_init ();
  g_test_add_func ("/gate/bearer/carries-every-request", test_carries_every_request);
  g_test_add_func ("/gate/bearer/opens-where-it-is-shown-first",
                   test_opens_where_it_is_shown_first);
  g_test_add_func ("/gate/bearer/outlives-the-token", test_outlives_the_token);
  g_test_add_func ("/gate/bearer/ends-with-the-session", test_ends_with_the_session);
  g_test_add_func ("/gate/bearer/expired-opens-nothing", test_expired_opens_nothing);
  g_test_add_func ("/gate/bearer/a-lapsed-lease-needs-a-playlist", test_lapsed_lease);
  g_test_add_func ("/gate/bearer/does-not-outlive-an-eviction", test_evicted);
  g_test_add_func ("/gate/bearer/does-not-outlive-a-revocation", test_revoked);
  g_test_add_func ("/gate/bearer/rights-are-the-sessions", test_rights);
  g_test_add_func ("/gate/bearer/comes-after-path-and-cookie", test_order);
  g_test_add_func ("/gate/bearer/any-host-once-open", test_any_host_once_open);
  g_test_add_func ("/gate/bearer/asks-where-sessions-are-kept",
                   test_asks_where_sessions_are_kept);
  return kit_run ();
}
