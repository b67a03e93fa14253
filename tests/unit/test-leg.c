/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backlog.h"
#include "faults.h"
#include "leg.h"

#define MS G_GINT64_CONSTANT (1000)
#define S (1000 * MS)

/* Two feeds over time: data every 100 ms while it comes, and damage where it is said. */
typedef struct {
  HeadendLeg legs[2];
  guint current, switches;
  gint64 now;
} Air;

typedef enum { GOOD, SILENT, DAMAGED } How;

static void
play (Air *air, gint64 seconds, How first, How second)
{
  const How how[] = { first, second };
  for (gint64 end = air->now + seconds * S; air->now < end; air->now += 100 * MS) {
    for (guint i = 0; i < 2; i++)
      if (how[i] != SILENT)
        headend_leg_data (&air->legs[i], how[i] == DAMAGED, air->now);
    guint next = headend_leg_choose (air->legs, 2, air->current, air->now);
    air->switches += next != air->current;
    air->current = next;
  }
}

static void
test_silence (void)
{
  Air air = { .now = 1000 * S };
  play (&air, 10, GOOD, GOOD);
  g_assert_cmpuint (air.current, ==, 0);
  play (&air, 3, SILENT, GOOD);
  g_assert_cmpuint (air.current, ==, 1);
  /* It must have been back for long, and is lost again before. */
  play (&air, 20, GOOD, GOOD);
  play (&air, 5, SILENT, GOOD);
  play (&air, 29, GOOD, GOOD);
  g_assert_cmpuint (air.current, ==, 1);
  g_assert_cmpuint (air.switches, ==, 1);
  play (&air, 4, GOOD, GOOD);
  g_assert_cmpuint (air.current, ==, 0);
  g_assert_cmpuint (air.switches, ==, 2);
}

static void
test_damage (void)
{
  Air air = { .now = 1000 * S };
  play (&air, 10, GOOD, GOOD);
  play (&air, 1, DAMAGED, GOOD);
  g_assert_cmpuint (air.current, ==, 1);
  /* Where both are, nothing is won by going to and fro. */
  play (&air, 60, DAMAGED, DAMAGED);
  g_assert_cmpuint (air.switches, ==, 1);
  /* The first is fine, the second is not: no need to wait for long. */
  play (&air, 7, GOOD, DAMAGED);
  g_assert_cmpuint (air.current, ==, 0);
}

static void
test_nothing_to_choose (void)
{
  Air air = { .now = 1000 * S };
  play (&air, 10, SILENT, SILENT);
  g_assert_cmpuint (air.current, ==, 0);
  play (&air, 3, SILENT, GOOD);
  g_assert_cmpuint (air.current, ==, 1);
  play (&air, 60, SILENT, SILENT);
  g_assert_cmpuint (air.current, ==, 1);
  play (&air, 2, GOOD, SILENT);
  g_assert_cmpuint (air.current, ==, 0);
  HeadendLeg lone = { 0 };
  g_assert_cmpuint (headend_leg_choose (&lone, 1, 0, air.now), ==, 0);
}

/* Given a worker that is ever later, then one piece is skipped, and no more before it is
 * too late again; or before the room for what waits is nearly taken. */
static void
test_backlog (void)
{
  HeadendBacklog backlog = { 0 };
  g_assert_false (headend_backlog_skips (&backlog, HEADEND_BACKLOG_MAX, 0));
  for (gint64 waited = HEADEND_BACKLOG_MAX + 1; waited > HEADEND_BACKLOG_GOOD;
       waited -= 100 * MS)
    g_assert_true (headend_backlog_skips (&backlog, waited, 0));
  for (gint64 waited = HEADEND_BACKLOG_GOOD; waited <= HEADEND_BACKLOG_MAX;
       waited += 100 * MS)
    g_assert_false (headend_backlog_skips (&backlog, waited, HEADEND_BACKLOG_FULL));
  g_assert_true (headend_backlog_skips (&backlog, HEADEND_BACKLOG_MAX + 1, 0));
  g_assert_false (headend_backlog_skips (&backlog, HEADEND_BACKLOG_GOOD, 100));
  g_assert_true (headend_backlog_skips (&backlog, HEADEND_BACKLOG_GOOD + 1, 100));
  g_assert_true (headend_backlog_skips (&backlog, HEADEND_BACKLOG_GOOD + 1, 0));
}

/* Given a source that is joined in the middle, and comes back after a silence, then what
 * is missing there is no news, and what is later is. */
static void
test_faults_of_joining (void)
{
  HeadendFaults faults = { 0 };
  guint64 total = 0, spell;
  gint64 lasted, now = 1000 * S;
  for (guint turn = 0; turn < 2; turn++) {
    for (guint i = 0; i < 5; i++, now += S)
      g_assert_cmpint (
          headend_faults_look (&faults, ++total, FALSE, now, &spell, &lasted), ==,
          HEADEND_FAULTS_NO_NEWS);
    for (gint64 end = now + HEADEND_FAULTS_JOIN; now < end; now += S)
      g_assert_cmpint (headend_faults_look (&faults, ++total, TRUE, now, &spell, &lasted),
                       ==, HEADEND_FAULTS_NO_NEWS);
  }
  g_assert_cmpint (headend_faults_look (&faults, total, TRUE, now, &spell, &lasted), ==,
                   HEADEND_FAULTS_NO_NEWS);
  g_assert_cmpint (headend_faults_look (&faults, ++total, TRUE, now, &spell, &lasted), ==,
                   HEADEND_FAULTS_BEGUN);
}

/* Given a source that loses packets for 30 s, now and then, then that is told once, and
 * 10 s behind the last how many they were; so is what begins later. */
static void
test_faults (void)
{
  HeadendFaults faults = { 0 };
  guint64 total = 0, spell = 0;
  gint64 lasted = 0, now = 0;
  for (guint turn = 1; turn <= 2; turn++) {
    for (guint i = 0; i < 100; i++, now += S)
      g_assert_cmpint (headend_faults_look (&faults, total, TRUE, now, &spell, &lasted),
                       ==, HEADEND_FAULTS_NO_NEWS);
    for (guint i = 0; i <= 30; i++, now += S) {
      total += i % 6 == 0 ? turn : 0;
      g_assert_cmpint (headend_faults_look (&faults, total, TRUE, now, &spell, &lasted),
                       ==, i == 0 ? HEADEND_FAULTS_BEGUN : HEADEND_FAULTS_NO_NEWS);
    }
    for (guint i = 1; i < 10; i++, now += S)
      g_assert_cmpint (headend_faults_look (&faults, total, TRUE, now, &spell, &lasted),
                       ==, HEADEND_FAULTS_NO_NEWS);
    g_assert_cmpuint (spell, ==, turn == 1 ? 0 : 6);
    g_assert_cmpint (headend_faults_look (&faults, total, TRUE, now, &spell, &lasted), ==,
                     HEADEND_FAULTS_OVER);
    g_assert_cmpuint (spell, ==, 6 * turn);
    g_assert_cmpint (lasted, ==, 30 * S);
    now += S;
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/leg/silence-changes-over-and-back-after-long", test_silence);
  g_test_add_func ("/leg/damage-changes-over-to-what-is-whole", test_damage);
  g_test_add_func ("/leg/without-a-choice-nothing-changes", test_nothing_to_choose);
  g_test_add_func ("/leg/what-waits-too-long-is-skipped", test_backlog);
  g_test_add_func ("/leg/what-a-join-misses-is-no-fault", test_faults_of_joining);
  g_test_add_func ("/leg/faults-are-told-once-and-summed-up", test_faults);
  return g_test_run ();
}
