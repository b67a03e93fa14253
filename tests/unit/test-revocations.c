/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <unistd.h>
#include "gate-kit.h"
#include "he-error.h"

#define LONG (T0 + 86400 * S)

typedef struct {
  Fixture gate;
  HeRevocations *revocations;
} Barred;

static void
barred_init (Barred *barred)
{
  g_autofree char *aside = NULL;
  barred->gate.sessions
      = he_sessions_new (HE_SESSIONS_REJECT_NEWEST, 300 * S, 6 * S, 100);
  barred->revocations = he_revocations_new (credential, NULL, 100, T0, &aside, NULL);
  const HeGateRules rules = {
    .keys = keys,
    .issuer = "headend",
    .audience = "headend",
    .codeword = codeword,
    .credential = credential,
    .sessions = barred->gate.sessions,
    .session_seconds = LENGTH,
    .per_account = 1,
    .revocations = barred->revocations,
  };
  barred->gate.gate = he_gate_new (&rules);
  g_autoptr (HeChannel) demo = channel_new ("demo", TRUE);
  he_gate_add_channel (barred->gate.gate, demo);
}

static void
barred_clear (Barred *barred)
{
  fixture_clear (&barred->gate);
  he_revocations_free (barred->revocations);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Barred, barred_clear)

static guint
merged (HeRevocations *revocations, const char *text, gint64 now)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) news = he_revocations_merge (revocations, text, -1, now, &error);
  g_assert_no_error (error);
  return news->len;
}

static void
assert_good (HeAnswer answer)
{
  g_assert_cmpint (answer.code, ==, HE_CODE_OK);
  he_answer_clear (&answer);
}

/* Playlist, segment and key of who has watched, so that its credential is in the cache.
 */
static void
assert_all_denied (Fixture *f, const char *cookie, gint64 now)
{
  static const char *const paths[]
      = { "/live/demo/main.m3u8", "/live/demo/360p/index.m3u8", "/live/demo/360p/7.ts",
          "/live/demo/keys/base/0" };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_denied (ask (f, paths[i], cookie, HOME, now), HE_CODE_REVOKED);
}

static void
account_is_barred_up_to_a_moment (void)
{
  g_auto (Barred) barred;
  barred_init (&barred);
  Fixture *f = &barred.gate;
  g_autofree char *token = mint ("alice");
  g_autofree char *unused = mint ("alice");
  g_autofree char *cookie = cookie_of (f, token);
  g_autofree char *other = mint ("bob");
  g_autofree char *cookie_of_other = cookie_of (f, other);
  assert_good (ask (f, "/live/demo/360p/7.ts", cookie, HOME, T0 + S));
  g_assert_cmpuint (merged (barred.revocations, "[{\"account\":\"alice\"}]", T0 + 2 * S),
                    ==, 1);
  assert_all_denied (f, cookie, T0 + 3 * S);
  assert_denied (enter_at (f, "/live/demo/main.m3u8", token, NULL, HOME, T0 + 3 * S),
                 HE_CODE_REVOKED);
  assert_denied (enter_at (f, "/live/demo/main.m3u8", unused, NULL, HOME, T0 + 3 * S),
                 HE_CODE_REVOKED);
  assert_good (ask (f, "/live/demo/360p/7.ts", cookie_of_other, HOME, T0 + 3 * S));
  /* The sessions are ended by who revokes, so that they hold no slot; a token that is
   * issued later opens. */
  g_assert_cmpuint (
      he_sessions_end_account (f->sessions, "alice", T0 + 2 * S, HE_CODE_REVOKED), ==, 1);
  g_assert_cmpuint (
      he_sessions_end_account (f->sessions, "alice", T0 + 2 * S, HE_CODE_REVOKED), ==, 0);
  g_assert_cmpuint (he_sessions_end_account (f->sessions, "bob", T0 - 1, HE_CODE_REVOKED),
                    ==, 0);
  static const char *const channels[] = { "*", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = "alice",
                                   .channels = channels,
                                   .now = T0 / S + 3,
                                   .ttl_seconds = 300 };
  g_autofree char *later = he_token_mint (signer->pem, &request, NULL);
  assert_good (enter_at (f, "/live/demo/main.m3u8", later, NULL, HOME, T0 + 4 * S));
}

static void
token_and_its_session_are_one (void)
{
  g_auto (Barred) barred;
  barred_init (&barred);
  Fixture *f = &barred.gate;
  g_autofree char *token = mint ("alice");
  g_autofree char *cookie = cookie_of (f, token);
  g_autofree char *claims = he_token_inspect (token, NULL);
  const char *at = strstr (claims, "\"headend_tid\"");
  g_autofree char *list
      = g_strdup_printf ("[{\"token\":%.24s,\"keep\":60}]", strchr (at + 13, '"'));
  g_assert_cmpuint (merged (barred.revocations, list, T0), ==, 1);
  assert_all_denied (f, cookie, T0 + S);
  assert_denied (enter (f, token), HE_CODE_REVOKED);
  /* Remembered as long as was said. */
  assert_good (ask (f, "/live/demo/360p/7.ts", cookie, HOME, T0 + 61 * S));
}

static void
merging_is_idempotent_and_survives_the_wire (void)
{
  g_autofree char *aside = NULL;
  g_autoptr (HeRevocations) a
      = he_revocations_new (credential, NULL, 100, T0, &aside, NULL);
  g_autoptr (HeRevocations) b
      = he_revocations_new (credential, NULL, 100, T0, &aside, NULL);
  const char *list = "[{\"session\":\"000102030405060708090a0b0c0d0e0f\",\"keep\":90},"
                     "{\"account\":\"al\\\"ice\",\"keep\":90}]";
  g_assert_cmpuint (merged (a, list, T0), ==, 2);
  g_autofree char *wire = he_revocations_to_json (a);
  g_assert_cmpuint (merged (b, wire, T0 + S), ==, 2);
  g_assert_cmpuint (merged (b, wire, T0 + S), ==, 0);
  g_assert_cmpuint (merged (a, wire, T0 + S), ==, 0);
  guint8 id[16];
  for (guint8 i = 0; i < 16; i++)
    id[i] = i;
  g_assert_true (he_revocations_match (b, id, "x", T0 + 5 * S, T0 + 6 * S));
  g_assert_true (he_revocations_match (b, (const guint8 *)"0123456789abcdef", "al\"ice",
                                       T0, T0 + S));
  g_assert_false (he_revocations_match (b, (const guint8 *)"0123456789abcdef", "al\"ice",
                                        T0 + 1, T0 + S));
  /* A clock that runs ahead bars nobody who comes later. */
  g_assert_cmpuint (merged (b, "[{\"account\":\"carol\",\"at\":2000000000000000}]", T0),
                    ==, 1);
  g_assert_false (
      he_revocations_match (b, (const guint8 *)"0123456789abcdef", "nobody", T0, LONG));
  g_assert_false (he_revocations_match (b, (const guint8 *)"0123456789abcdef", "carol",
                                        T0 + 1, T0 + 1));
  HeRevocationsCount count = he_revocations_count (b, T0 + S);
  g_assert_cmpuint (count.sessions, ==, 1);
  g_assert_cmpuint (count.accounts, ==, 2);
  count = he_revocations_count (b, T0 + 91 * S);
  g_assert_cmpuint (count.sessions, ==, 0);
  g_assert_cmpuint (count.accounts, ==, 1);
}

static void
full_or_malformed_is_refused_whole (void)
{
  g_autofree char *aside = NULL;
  g_autoptr (GError) full = NULL;
  g_autoptr (HeRevocations) few
      = he_revocations_new (credential, NULL, 2, T0, &aside, NULL);
  static const char *const bad[]
      = { "",
          "{}",
          "[1]",
          "[{}]",
          "[{\"session\":\"00\"}]",
          "[{\"account\":\"\"}]",
          "[{\"account\":\"a\",\"session\":\"000102030405060708090a0b0c0d0e0f\"}]",
          "[{\"account\":\"ok\"},{\"token\":\"short\"}]",
          "[{\"account\":\"a\",\"keep\":-1}]",
          "[{\"account\":\"a\",\"keep\":1e3}]" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (he_revocations_merge (few, bad[i], -1, T0, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  }
  g_assert_cmpuint (
      merged (few, "[{\"account\":\"a\",\"keep\":10},{\"account\":\"b\"}]", T0), ==, 2);
  g_assert_null (he_revocations_merge (few, "[{\"account\":\"c\"}]", -1, T0 + S, &full));
  g_assert_error (full, HE_ERROR, HE_ERROR_LIMIT);
  /* What is known takes no room, and what is over gives its own back. */
  g_assert_cmpuint (merged (few, "[{\"account\":\"b\"}]", T0 + S), ==, 1);
  g_assert_cmpuint (merged (few, "[{\"account\":\"c\"}]", T0 + 11 * S), ==, 1);
}

static void
restart_forgets_nothing (void)
{
  g_autofree char *folder = g_dir_make_tmp ("revocations-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, HE_REVOCATIONS_FILE, NULL);
  g_autofree char *aside = NULL, *none = NULL;
  g_autoptr (GError) error = NULL;
  HeRevocations *first = he_revocations_new (credential, folder, 100, T0, &none, &error);
  g_assert_no_error (error);
  merged (first,
          "[{\"account\":\"alice\",\"keep\":90},{\"account\":\"bob\",\"keep\":10}]", T0);
  g_assert_cmpuint (he_revocations_save (first), ==, 1);
  he_revocations_free (first);
  HeRevocations *second
      = he_revocations_new (credential, folder, 100, T0 + 20 * S, &none, &error);
  g_assert_null (none);
  g_assert_true (he_revocations_match (second, (const guint8 *)"0123456789abcdef",
                                       "alice", T0, T0 + 20 * S));
  g_assert_cmpuint (he_revocations_count (second, T0 + 20 * S).accounts, ==, 1);
  he_revocations_free (second);
  /* What is not ours is neither lost nor in the way. */
  g_assert_true (g_file_set_contents (path, "[{]", -1, NULL));
  HeRevocations *third = he_revocations_new (credential, folder, 100, T0, &aside, &error);
  g_assert_no_error (error);
  g_assert_nonnull (aside);
  g_assert_cmpuint (he_revocations_count (third, T0).accounts, ==, 0);
  he_revocations_free (third);
  g_assert_cmpint (g_unlink (aside), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kit_init ();
  g_test_add_func ("/revocations/account", account_is_barred_up_to_a_moment);
  g_test_add_func ("/revocations/token", token_and_its_session_are_one);
  g_test_add_func ("/revocations/merge", merging_is_idempotent_and_survives_the_wire);
  g_test_add_func ("/revocations/refused", full_or_malformed_is_refused_whole);
  g_test_add_func ("/revocations/restart", restart_forgets_nothing);
  return kit_run ();
}
