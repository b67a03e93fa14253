/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-alarms.h"

#include <malloc.h>

#define S G_GINT64_CONSTANT (1000000)
#define T0 (G_GINT64_CONSTANT (1700000000) * S)

static guint
seen (HeAlarms *alarms, const char *account, guint address, gint64 now)
{
  guint8 hash[16] = { (guint8)address, (guint8)(address >> 8) };

  return he_alarms_address (alarms, account, hash, now);
}

static guint
fetch (HeAlarms *alarms, const char *session, guint64 msn, HeVariant variant, gint64 now)
{
  const HeSegment segment = {
    .channel = (char *)"demo", .rendition = (char *)"360p", .variant = variant, .msn = msn
  };

  gboolean each;

  return he_alarms_fetch (alarms, session, &segment, now, &each);
}

/* Given more addresses than may be, then the account raises an alarm, once an hour;
 * however often it is seen at few, or at many over a day, it raises none. */
static void
many_addresses_are_an_alarm (void)
{
  const HeAlarmRules rules = { .addresses = 4 };
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);

  for (guint i = 0; i < 100; i++)
    g_assert_cmpuint (seen (alarms, "family", i % 4, T0 + i * S), ==, 0);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpuint (seen (alarms, "traveller", i, T0 + i * 1000 * S), ==, 0);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (seen (alarms, "leak", i, T0 + i * S), ==, 0);
  g_assert_cmpuint (seen (alarms, "leak", 4, T0 + 4 * S), ==, 5);
  for (guint i = 5; i < 300; i++)
    g_assert_cmpuint (seen (alarms, "leak", i, T0 + i * S), ==, 0);
  g_assert_cmpuint (seen (alarms, "leak", 300, T0 + 3604 * S), ==, 5);
  g_assert_cmpuint (seen (alarms, "family", 4, T0 + 101 * S), ==, 5);
}

/* Given a segment that a session fetches oftener than players do, then it raises an
 * alarm, once in ten minutes, in whichever variants it comes; other sessions and other
 * segments are others. */
static void
many_fetches_are_an_alarm (void)
{
  const HeAlarmRules rules = { .fetches = 3 };
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);

  for (guint64 msn = 0; msn < 2000; msn++)
    for (guint i = 0; i < 3; i++)
      g_assert_cmpuint (
          fetch (alarms, "honest", msn, HE_VARIANT_A, T0 + (gint64)msn * 2 * S), ==, 0);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (fetch (alarms, "proxy", 7, HE_VARIANT_A, T0 + i * S), ==, 0);
  g_assert_cmpuint (fetch (alarms, "other", 7, HE_VARIANT_A, T0 + 3 * S), ==, 0);
  g_assert_cmpuint (fetch (alarms, "proxy", 7, HE_VARIANT_B, T0 + 3 * S), ==, 4);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpuint (fetch (alarms, "proxy", 8, HE_VARIANT_A, T0 + 4 * S), ==, 0);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (fetch (alarms, "proxy", 900, HE_VARIANT_A, T0 + 700 * S), ==, 0);
  g_assert_cmpuint (fetch (alarms, "proxy", 900, HE_VARIANT_A, T0 + 700 * S), ==, 4);
}

/* Plays for so many segments of 2 s: each of them is fetched so often by some players.
 * Returns after how many the alarm came, or 0. */
static guint
play (HeAlarms *alarms, const char *session, guint players, guint segments)
{
  for (guint i = 0; i < segments; i++)
    for (guint j = 0; j < players; j++) {
      const HeSegment segment = { .channel = (char *)"demo",
                                  .rendition = (char *)"360p",
                                  .msn = 5000 + i + 10 - j % 4 * 3 };
      gboolean each = FALSE;
      guint fetches = he_alarms_fetch (alarms, session, &segment, T0 + i * 2 * S, &each);

      if (fetches == 0)
        continue;
      g_assert_true (each);
      g_assert_cmpuint (fetches, ==, 6);
      return i;
    }
  return 0;
}

/* Given several players that share a session, each at a place of its own in the window,
 * then that is an alarm within three minutes; fewer, for however long, are none. */
static void
several_players_are_an_alarm (void)
{
  const HeAlarmRules rules = { .fetches = 20 };
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);
  guint after;

  for (guint players = 1; players <= 5; players++) {
    g_autofree char *session = g_strdup_printf ("%u players", players);

    g_assert_cmpuint (play (alarms, session, players, 1000), ==, 0);
  }
  for (guint players = 6; players <= 20; players++) {
    g_autofree char *session = g_strdup_printf ("%u players", players);

    after = play (alarms, session, players, 1000);
    g_assert_cmpuint (after, >=, 60);
    g_assert_cmpuint (after, <=, 90);
  }
}

/* A viewer who seeks every so many milliseconds to anywhere in a live window, with a
 * player that keeps nothing, for ten minutes. Returns whether that is an alarm. */
static gboolean
seek (HeAlarms *alarms, const char *session, GRand *rand, guint window, guint every)
{
  guint wanted = 0, listed;

  for (guint ms = 0, seek_at = 0; ms < 600000;
       ms += (guint)g_rand_int_range (rand, 100, 400)) {
    listed = 5000 + ms / 2000;
    if (ms >= seek_at) {
      wanted = listed - (guint)g_rand_int_range (rand, 0, (gint32)window);
      seek_at
          = ms + (guint)g_rand_int_range (rand, (gint32)every / 2, (gint32)every * 3 / 2);
    }
    if (wanted <= listed
        && fetch (alarms, session, wanted++, HE_VARIANT_A, T0 + (gint64)ms * 1000) > 0)
      return TRUE;
  }
  return FALSE;
}

static void
hard_seekers_are_no_alarm (void)
{
  const HeAlarmRules rules = { .fetches = 20 };
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  static const guint windows[] = { 3, 6, 12, 30 }, pauses[] = { 1000, 2000, 4000, 10000 };

  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    for (guint j = 0; j < G_N_ELEMENTS (pauses); j++)
      for (guint k = 0; k < 20; k++) {
        g_autofree char *session = g_strdup_printf ("%u %u %u", i, j, k);

        g_test_message ("a window of %u, every %u ms", windows[i], pauses[j]);
        g_assert_false (seek (alarms, session, rand, windows[i], pauses[j]));
      }
}

static void
nothing_is_watched_unasked (void)
{
  const HeAlarmRules rules = { 0 };
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);

  for (guint i = 0; i < 1000; i++) {
    g_assert_cmpuint (seen (alarms, "leak", i, T0), ==, 0);
    g_assert_cmpuint (fetch (alarms, "proxy", 7, HE_VARIANT_A, T0), ==, 0);
  }
}

/* Given more accounts than are watched, then those that were quiet for an hour make room.
 */
static void
accounts_are_bounded (void)
{
  const HeAlarmRules rules = { .addresses = 1 };
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);
  gint64 later = T0 + 3600 * S;

  for (guint i = 0; i < 70000; i++) {
    g_autofree char *account = g_strdup_printf ("account%u", i);

    seen (alarms, account, 0, T0);
  }
  g_assert_cmpuint (seen (alarms, "late", 1, T0 + S), ==, 0);
  g_assert_cmpuint (seen (alarms, "late", 2, T0 + S), ==, 0);
  g_assert_cmpuint (seen (alarms, "late", 1, later), ==, 0);
  g_assert_cmpuint (seen (alarms, "late", 2, later), ==, 2);
}

static gsize
allocated (void)
{
  struct mallinfo2 info = mallinfo2 (); /* all zeros under a sanitizer */

  return info.uordblks + info.hblkhd;
}

/* Given the highest limit and more accounts at more addresses than are watched, then
 * memory is bounded; the first are seen, and an hour later others are. */
static void
addresses_are_bounded (void)
{
  const HeAlarmRules rules = { .addresses = HE_ALARMS_ADDRESSES_MAX };
  g_autofree char *filling = g_strnfill (100, 'n');
  gsize before = allocated ();
  g_autoptr (HeAlarms) alarms = he_alarms_new (&rules);
  guint alarmed = 0, n = 17000;

  for (guint i = 0; i < n; i++) {
    g_autofree char *account = g_strdup_printf ("%s%u", filling, i);

    for (guint j = 0; j <= HE_ALARMS_ADDRESSES_MAX; j++)
      alarmed += seen (alarms, account, j, T0) > 0;
  }
  for (guint i = n; i < 70000; i++) {
    g_autofree char *account = g_strdup_printf ("%s%u", filling, i);

    seen (alarms, account, 0, T0 + S);
  }
  g_assert_cmpuint (allocated () - before, <=, HE_ALARMS_BYTES);
  g_assert_cmpuint (alarmed, >, n / 2);
  g_assert_cmpuint (alarmed, <, n);
  for (guint j = 0; j < HE_ALARMS_ADDRESSES_MAX; j++)
    g_assert_cmpuint (seen (alarms, "late", j, T0 + 3700 * S), ==, 0);
  g_assert_cmpuint (seen (alarms, "late", HE_ALARMS_ADDRESSES_MAX, T0 + 3700 * S), ==,
                    HE_ALARMS_ADDRESSES_MAX + 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* First: beside what others freed, each renewal would have MALLOC_PERTURB_ fill all of
   * that. */
  g_test_add_func ("/alarms/addresses-bounded", addresses_are_bounded);
  g_test_add_func ("/alarms/addresses", many_addresses_are_an_alarm);
  g_test_add_func ("/alarms/fetches", many_fetches_are_an_alarm);
  g_test_add_func ("/alarms/players", several_players_are_an_alarm);
  g_test_add_func ("/alarms/seekers", hard_seekers_are_no_alarm);
  g_test_add_func ("/alarms/unasked", nothing_is_watched_unasked);
  g_test_add_func ("/alarms/bounded", accounts_are_bounded);
  return g_test_run ();
}
