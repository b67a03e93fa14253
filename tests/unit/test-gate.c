/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gate-kit.h"

static void
test_requests (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  static const struct {
    HeAnswerKind kind;
    guint status;
    const char *path;
  } cases[] = {
    { HE_ANSWER_MULTIVARIANT, 200, "/live/demo/main.m3u8" },
    { HE_ANSWER_MEDIA, 200, "/live/demo/360p/index.m3u8" },
    { HE_ANSWER_MEDIA, 200, "/live/clear/audio/index.m3u8" },
    { HE_ANSWER_SEGMENT, 200, "/live/demo/360p/850000000.ts" },
    { HE_ANSWER_SEGMENT, 200, "/live/demo/audio/0.ts" },
    { HE_ANSWER_KEY, 200, "/live/demo/keys/base/28333333" },
    { HE_ANSWER_NOT_FOUND, 404, "/live/demo/keys/gold/28333333" },
    { HE_ANSWER_NOT_FOUND, 404, "/live/clear/keys/base/28333333" },
    { HE_ANSWER_NOT_FOUND, 404, "/live/other/main.m3u8" },
    { HE_ANSWER_NOT_FOUND, 404, "/live/demo/720p/index.m3u8" },
    { HE_ANSWER_NOT_FOUND, 404, "/live/demo/720p/1.ts" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (HeAnswer) answer = ask (&f, cases[i].path, cookie, HOME, T0);
    g_test_message ("%s", cases[i].path);
    g_assert_cmpint (answer.kind, ==, cases[i].kind);
    g_assert_cmpuint (answer.status, ==, cases[i].status);
    g_assert_null (answer.set_cookie);
    /* What does not exist looks, to others, like what does. */
    assert_denied (ask (&f, cases[i].path, NULL, HOME, T0), HE_CODE_NO_CREDENTIAL);
    assert_denied (ask (&f, cases[i].path, "headend=AAAA", HOME, T0), HE_CODE_CREDENTIAL);
    assert_denied (ask (&f, cases[i].path, cookie, AWAY, T0), HE_CODE_ADDRESS);
    assert_denied (ask (&f, cases[i].path, cookie, "nonsense", T0), HE_CODE_ADDRESS);
    assert_denied (ask (&f, cases[i].path, cookie, NULL, T0), HE_CODE_ADDRESS);
  }
}

static void
test_answers_carry_identity (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  g_auto (HeAnswer) key = ask (&f, "/live/demo/keys/base/28", cookie, HOME, T0);
  g_assert_cmpuint (key.period, ==, 28);
  g_auto (HeAnswer) audio = ask (&f, "/live/demo/audio/9.ts", cookie, HOME, T0);
  g_assert_cmpint (audio.segment->variant, ==, HE_VARIANT_NONE);
  g_autoptr (HeCodeword) code = he_codeword_new (codeword, 1, "demo", 5);
  guint of_a = 0;
  for (guint64 msn = 1000; msn < 1064; msn++) {
    g_autofree char *path
        = g_strdup_printf ("/live/demo/360p/%" G_GUINT64_FORMAT ".ts", msn);
    g_auto (HeAnswer) answer = ask (&f, path, cookie, HOME, T0);
    g_assert_cmpuint (answer.segment->msn, ==, msn);
    g_assert_cmpstr (answer.segment->channel, ==, "demo");
    g_assert_cmpstr (answer.segment->rendition, ==, "360p");
    g_assert_cmpint (answer.segment->variant, ==,
                     he_codeword_variant (code, "alice", msn));
    of_a += answer.segment->variant == HE_VARIANT_A ? 1 : 0;
  }
  g_assert_cmpuint (of_a, >, 10);
  g_assert_cmpuint (of_a, <, 54);
}

static void
test_paths (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  const char *paths[] = { "",
                          "/",
                          "/live/d%65mo/main.m3u8",
                          "/live/x/../demo/main.m3u8",
                          "/origin/a/demo/360p/1.ts",
                          "/healthz" };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_auto (HeAnswer) answer = ask (&f, paths[i], cookie, HOME, T0);
    assert_answer (answer, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
    g_auto (HeAnswer) entry = enter_at (&f, paths[i], token, NULL, HOME, T0);
    assert_answer (entry, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
    g_auto (HeAnswer) stranger = ask (&f, paths[i], NULL, HOME, T0);
    assert_answer (stranger, HE_ANSWER_NOT_FOUND, 404, HE_CODE_NONE);
  }
}

static void
test_rights (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint_for ("alice", "demo", 0, NULL);
  g_autofree char *cookie = cookie_of (&f, token);
  const char *paths[]
      = { "/live/clear/main.m3u8", "/live/clear/360p/index.m3u8", "/live/clear/360p/1.ts",
          "/live/other/main.m3u8", "/live/other/keys/base/1" };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_denied (ask (&f, paths[i], cookie, HOME, T0), HE_CODE_RIGHTS);
  g_auto (HeAnswer) own = ask (&f, "/live/demo/360p/1.ts", cookie, HOME, T0);
  g_assert_cmpint (own.code, ==, HE_CODE_OK);
  /* Rights are judged apart from the URI container. */
  g_autofree char *header = g_strdup_printf (
      "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", signer->kid);
  g_autofree char *wide = signer_token (
      signer, header,
      "{\"iss\":\"headend\",\"aud\":\"headend\",\"exp\":1700000300,\"nbf\":1700000000,"
      "\"iat\":1700000000,\"cdniuc\":\"regex:.*\",\"headend_tid\":"
      "\"AAECAwQFBgcICQoLDA0ODw\",\"headend_acc\":\"alice\",\"headend_rights\":[\"demo\"]"
      "}");
  assert_denied (enter_at (&f, "/live/clear/main.m3u8", wide, NULL, HOME, T0),
                 HE_CODE_RIGHTS);
}

static void
test_second_session (void)
{
  for (guint reject = 0; reject < 2; reject++) {
    g_auto (Fixture) f;
    fixture_init (&f, reject ? HE_SESSIONS_REJECT_NEWEST : HE_SESSIONS_EVICT_OLDEST);
    g_autofree char *one = mint ("alice"), *two = mint ("alice");
    g_autofree char *cookie = cookie_of (&f, one);
    g_auto (HeAnswer) second
        = enter_at (&f, "/live/demo/main.m3u8", two, NULL, AWAY, T0 + S);
    g_auto (HeAnswer) then = ask (&f, "/live/demo/360p/1.ts", cookie, HOME, T0 + S);
    g_assert_cmpint (second.code, ==, reject ? HE_CODE_TOO_MANY : HE_CODE_OK);
    g_assert_cmpint (then.code, ==, reject ? HE_CODE_OK : HE_CODE_EVICTED);
    g_assert_true ((second.replicate != NULL) == !reject);
  }
}

/* Given a session opened at one gate, when that gate is gone, then a gate that never
 * heard of it goes on, with the same end. */
static void
test_survives_the_gate (void)
{
  g_auto (Fixture) f, fresh, late_gate;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  fixture_init (&fresh, HE_SESSIONS_EVICT_OLDEST);
  fixture_init (&late_gate, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint_for ("alice", "*", 600, NULL);
  g_autofree char *cookie = cookie_of (&f, token);
  g_auto (HeAnswer) segment
      = ask (&fresh, "/live/demo/360p/1.ts", cookie, HOME, T0 + 10 * S);
  assert_answer (segment, HE_ANSWER_SEGMENT, 200, HE_CODE_OK);
  g_auto (HeAnswer) late
      = ask (&fresh, "/live/demo/360p/index.m3u8", cookie, HOME, T0 + 599 * S);
  assert_answer (late, HE_ANSWER_MEDIA, 200, HE_CODE_OK);
  assert_denied (ask (&fresh, "/live/demo/360p/index.m3u8", cookie, HOME, T0 + 600 * S),
                 HE_CODE_LEASE);
  assert_denied (ask (&late_gate, "/live/demo/360p/1.ts", cookie, HOME, T0 + 600 * S),
                 HE_CODE_LEASE);
}

/* Given a recording, whose playlists stand elsewhere, then its keys extend the lease. */
static void
test_recording (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autoptr (HeChannel) film = channel_new ("film", TRUE);
  film->recording = TRUE;
  he_gate_add_channel (f.gate, film);
  g_autofree char *token = mint ("alice");
  g_auto (HeAnswer) entry
      = enter_at (&f, "/live/film/main.m3u8", token, NULL, HOME, T0);
  assert_answer (entry, HE_ANSWER_MULTIVARIANT, 200, HE_CODE_OK);
  g_autofree char *cookie
      = g_strndup (entry.set_cookie, strcspn (entry.set_cookie, ";"));
  for (guint i = 0; i < 4; i++) {
    g_auto (HeAnswer) key
        = ask (&f, "/live/film/keys/base/1", cookie, HOME, T0 + i * 299 * S);
    assert_answer (key, HE_ANSWER_KEY, 200, HE_CODE_OK);
  }
  assert_denied (ask (&f, "/live/demo/keys/base/1", cookie, HOME, T0 + (900 + 299) * S),
                 HE_CODE_LEASE);
}

static void
test_lease_ends (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  gint64 later = T0 + 301 * S;
  assert_denied (ask (&f, "/live/demo/360p/1.ts", cookie, HOME, later), HE_CODE_LEASE);
  assert_denied (ask (&f, "/live/demo/keys/base/1", cookie, HOME, later), HE_CODE_LEASE);
  g_auto (HeAnswer) playlist
      = ask (&f, "/live/demo/360p/index.m3u8", cookie, HOME, later);
  g_assert_cmpint (playlist.code, ==, HE_CODE_OK);
  g_assert_cmpuint (playlist.lease_seconds, ==, 300);
  g_auto (HeAnswer) segment = ask (&f, "/live/demo/360p/1.ts", cookie, HOME, later);
  g_assert_cmpint (segment.code, ==, HE_CODE_OK);
  /* No playlist extends it beyond the session's end. */
  g_autofree char *brief = mint_for ("bob", "*", 100, NULL);
  g_autofree char *other = cookie_of (&f, brief);
  g_auto (HeAnswer) last
      = ask (&f, "/live/demo/360p/index.m3u8", other, HOME, T0 + 40 * S);
  g_assert_cmpuint (last.lease_seconds, ==, 60);
}

static void
test_cookies (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (&f, token);
  static const struct {
    HeCode code;
    const char *format;
  } cases[] = {
    { 200, "%s" },
    { 200, "a=b; %s; c=d" },
    { 200, "a=b;%s" },
    { 200,
      "%s; Path=/live/; HttpOnly; SameSite=Lax" }, /* GStreamer sends attributes along */
    { 200, "headend=; %s" },
    { 200, "headend=AAAA; headend=BBBB; %s" },
    { 200, "%s; headend=AAAA" },
    { 601,
      "headend=1; headend=2; headend=3; headend=4; %s" }, /* at most four are tried */
    { 601, "headend=AAAA" },
    { 601, "headend=" },
    { 600, "x%s" },
    { 600, "headend" },
    { 600, "Headend=AAAA" },
    { 600, "" },
    { 600, ";;; ; =" },
    { 601, "%sA" },
    { 601, "headend=\"%s\"" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) halves = g_strsplit (cases[i].format, "%s", 2);
    g_autofree char *header = g_strjoinv (cookie, halves);
    g_auto (HeAnswer) answer = ask (&f, "/live/demo/360p/1.ts", header, HOME, T0);
    g_test_message ("%s", cases[i].format);
    g_assert_cmpint (answer.code, ==, cases[i].code);
    g_assert_cmpuint (answer.status, ==,
                      cases[i].code == 200   ? 200
                      : cases[i].code == 600 ? 401
                                             : 403);
  }
}

/* Given the cookie of an evicted session beside that of the one that holds the slot, when
 * both come along, then the good one counts. */
static void
test_old_and_new_cookie (void)
{
  g_auto (Fixture) f;
  fixture_init (&f, HE_SESSIONS_EVICT_OLDEST);
  g_autofree char *one = mint ("alice"), *two = mint ("alice");
  g_autofree char *old = cookie_of (&f, one);
  g_auto (HeAnswer) entry
      = enter_at (&f, "/live/demo/main.m3u8", two, NULL, HOME, T0 + S);
  g_autofree char *new_cookie
      = g_strndup (entry.set_cookie, strcspn (entry.set_cookie, ";"));
  g_autofree char *both = g_strdup_printf ("%s; %s", old, new_cookie);
  g_auto (HeAnswer) answer = ask (&f, "/live/demo/360p/1.ts", both, HOME, T0 + S);
  g_assert_cmpint (answer.code, ==, HE_CODE_OK);
  g_autofree char *with_junk = g_strdup_printf ("%s; headend=AAAA", old);
  assert_denied (ask (&f, "/live/demo/360p/1.ts", with_junk, HOME, T0 + S),
                 HE_CODE_EVICTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kit_init ();
  g_test_add_func ("/gate/request/each-kind-is-answered-or-denied", test_requests);
  g_test_add_func ("/gate/request/variant-is-the-viewers-bit",
                   test_answers_carry_identity);
  g_test_add_func ("/gate/request/foreign-paths-do-not-exist", test_paths);
  g_test_add_func ("/gate/request/rights-are-by-channel", test_rights);
  g_test_add_func ("/gate/session/second-one-by-the-policy", test_second_session);
  g_test_add_func ("/gate/session/survives-its-gate", test_survives_the_gate);
  g_test_add_func ("/gate/session/media-needs-the-lease", test_lease_ends);
  g_test_add_func ("/gate/session/keys-of-a-recording-extend-the-lease", test_recording);
  g_test_add_func ("/gate/request/cookies-are-found-among-others", test_cookies);
  g_test_add_func ("/gate/request/good-cookie-beside-an-old-one",
                   test_old_and_new_cookie);
  return kit_run ();
}
