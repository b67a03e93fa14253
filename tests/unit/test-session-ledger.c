/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "he-error.h"
#include "he-ledger-private.h"

#define NOW G_GINT64_CONSTANT (1763750000000000)
#define SECOND ((gint64)G_USEC_PER_SEC)
#define ALICE "00112233445566778899aabbccddeeff"
#define BOB "ffeeddccbbaa99887766554433221100"

static const guint8 address[16] = { 1, 2, 3 };

typedef struct {
  char *folder;
  GString *lines; /* "event account channel from to;", times in seconds since NOW */
  guint64 damaged;
} Fixture;

static void
fixture_init (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("headend-ledger-XXXXXX", &error);
  g_assert_no_error (error);
  f->lines = g_string_new (NULL);
}

static void
fixture_clear (Fixture *f)
{
  g_autoptr (GDir) dir = g_dir_open (f->folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (f->folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (f->folder);
  g_free (f->folder);
  g_string_free (f->lines, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static HeLedger *
open_ledger (Fixture *f, const HeLedgerLimits *limits)
{
  g_autoptr (GError) error = NULL;
  HeLedger *ledger = he_ledger_new (f->folder, limits, NULL, &error);

  g_assert_no_error (error);
  return ledger;
}

static void
on_record (const HeLedgerRecord *record, gpointer user_data)
{
  g_string_append_printf (user_data, "%s %s %s %d %d;", record->event, record->account,
                          record->channel, (int)((record->from - NOW) / SECOND),
                          (int)((record->to - NOW) / SECOND));
}

static const char *
read_lines (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_string_truncate (f->lines, 0);
  g_assert_true (he_ledger_read (f->folder, on_record, f->lines, &f->damaged, &error));
  g_assert_no_error (error);
  return f->lines->str;
}

static char *
current (const Fixture *f)
{
  return g_build_filename (f->folder, "current", NULL);
}

/* Given viewers who watch, zap, fall silent and are evicted, then the lines say from when
 * to when each watched what. */
static void
stays_are_written (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  HeLedger *ledger = open_ledger (&f, NULL);

  he_ledger_note (ledger, ALICE, "al\"ice", address, "demo", NOW);
  he_ledger_note (ledger, BOB, "bob", address, "demo", NOW + 1 * SECOND);
  he_ledger_note (ledger, ALICE, "al\"ice", address, "demo", NOW + 599 * SECOND);
  he_ledger_note (ledger, ALICE, "al\"ice", address, "demo", NOW + 601 * SECOND);
  he_ledger_tick (ledger, NOW + 602 * SECOND); /* bob has been silent */
  he_ledger_note (ledger, ALICE, "al\"ice", address, "news", NOW + 610 * SECOND);
  he_ledger_evict (ledger, ALICE, NOW + 611 * SECOND);
  he_ledger_evict (ledger, ALICE, NOW + 612 * SECOND);
  he_ledger_note (ledger, BOB, "bob", address, "demo", NOW + 700 * SECOND);
  he_ledger_note (ledger, BOB, "bob", address, "demo", NOW + 720 * SECOND);
  he_ledger_free (ledger);
  g_assert_cmpstr (
      read_lines (&f), ==,
      "open al\"ice demo 0 0;open bob demo 1 1;renew al\"ice demo 0 601;"
      "end bob demo 1 1;open al\"ice news 610 610;evict al\"ice demo 0 601;"
      "evict al\"ice news 610 610;open bob demo 700 700;renew bob demo 700 720;");
  g_assert_cmpuint (f.damaged, ==, 0);
  g_autofree char *path = current (&f);
  GStatBuf about;
  g_assert_cmpint (g_stat (path, &about), ==, 0);
  g_assert_cmpuint (about.st_mode & 0777, ==, 0600);
}

/* Given a ledger that goes on, then a reader sees what was noted a moment ago. */
static void
lines_reach_the_disk_soon (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autoptr (HeLedger) ledger = open_ledger (&f, NULL);
  HeLedgerStats stats = { 0 };

  he_ledger_note (ledger, ALICE, "alice", address, "demo", NOW);
  for (guint i = 0; i < 6000 && stats.written == 0; i++) {
    g_usleep (10000);
    he_ledger_get_stats (ledger, &stats);
  }
  g_assert_cmpuint (stats.written, ==, 1);
  g_assert_cmpuint (stats.waiting, ==, 0);
  g_assert_cmpstr (read_lines (&f), ==, "open alice demo 0 0;");
}

static void
write_two (Fixture *f)
{
  g_autoptr (HeLedger) ledger = open_ledger (f, NULL);

  he_ledger_note (ledger, ALICE, "alice", address, "demo", NOW);
  he_ledger_note (ledger, BOB, "bob", address, "demo", NOW);
}

/* Given a last line of which a crash left any number of bytes, then the next start cuts
 * it off, and what is written after it can be read. */
static void
torn_writes_are_survived (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *path = current (&f);
  g_autofree char *whole = NULL;
  gsize len;

  write_two (&f);
  g_assert_true (g_file_get_contents (path, &whole, &len, NULL));
  gsize first = (gsize)(strchr (whole, '\n') - whole) + 1;
  for (gsize keep = first; keep < len; keep++) {
    g_assert_true (g_file_set_contents (path, whole, (gssize)keep, NULL));
    HeLedger *ledger = open_ledger (&f, NULL);
    he_ledger_note (ledger, BOB, "eve", address, "demo", NOW + 5 * SECOND);
    he_ledger_free (ledger);
    g_assert_cmpstr (read_lines (&f), ==, "open alice demo 0 0;open eve demo 5 5;");
    g_assert_cmpuint (f.damaged, ==, 0);
  }
  /* Blocks that never reached the disk read as zeros. */
  g_autofree char *zeros = g_malloc0 (len);
  memcpy (zeros, whole, first);
  g_assert_true (g_file_set_contents (path, zeros, (gssize)len, NULL));
  he_ledger_free (open_ledger (&f, NULL));
  g_assert_cmpstr (read_lines (&f), ==, "open alice demo 0 0;");
  /* And of a whole group. */
  g_autofree char *group = g_malloc0 (first + HE_LEDGER_GROUP_BYTES);
  memcpy (group, whole, first);
  g_assert_true (
      g_file_set_contents (path, group, (gssize)(first + HE_LEDGER_GROUP_BYTES), NULL));
  he_ledger_free (open_ledger (&f, NULL));
  g_assert_cmpstr (read_lines (&f), ==, "open alice demo 0 0;");
}

/* Given a line that was changed, wherever, then it alone is passed over. */
static void
changed_lines_do_not_count (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *path = current (&f);
  g_autofree char *whole = NULL;
  gsize len;

  write_two (&f);
  g_assert_true (g_file_get_contents (path, &whole, &len, NULL));
  for (char *byte = whole; *byte != '\n'; byte++) {
    *byte ^= 1;
    g_assert_true (g_file_set_contents (path, whole, (gssize)len, NULL));
    g_assert_cmpstr (read_lines (&f), ==, "open bob demo 0 0;");
    g_assert_cmpuint (f.damaged, ==, 1);
    *byte ^= 1;
  }
}

/* Given a file that is full, then another is begun, the oldest of too many goes, and all
 * that remains is read in order. */
static void
files_rotate (void)
{
  const HeLedgerLimits limits = { 400, 2, 1000, 1000 };
  g_auto (Fixture) f;
  fixture_init (&f);

  for (guint i = 0; i < 12; i++) {
    HeLedger *ledger = open_ledger (&f, &limits);
    g_autofree char *account = g_strdup_printf ("v%u", i);

    he_ledger_note (ledger, ALICE, account, address, "demo", NOW + i * SECOND);
    he_ledger_free (ledger);
  }
  g_autoptr (GArray) numbers = he_ledger_numbers (f.folder, NULL);
  g_assert_cmpuint (numbers->len, ==, 2);
  const char *lines = read_lines (&f);
  g_assert_true (g_str_has_suffix (lines, "open v10 demo 10 10;open v11 demo 11 11;"));
  g_assert_null (strstr (lines, " v0 "));
  g_assert_cmpuint (f.damaged, ==, 0);
}

/* Given a disk that takes no more, then lines wait up to the bound and the rest are
 * counted as lost; when it takes them again, what waited is there, whole, and so is a
 * stay whose first line was lost. */
static void
nothing_is_lost_silently (void)
{
  const HeLedgerLimits limits = { 1 << 20, 2, 5, 1000 };
  g_auto (Fixture) f;
  fixture_init (&f);
  struct rlimit before, small;
  HeLedgerStats stats = { 0 };

  write_two (&f);
  g_autofree char *path = current (&f);
  GStatBuf about;
  g_assert_cmpint (g_stat (path, &about), ==, 0);
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  small = before;
  small.rlim_cur = (rlim_t)about.st_size + 100; /* half a line */
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  HeLedger *ledger = open_ledger (&f, &limits);
  for (guint i = 0; i < 8; i++) {
    g_autofree char *id = g_strdup_printf ("%032u", i);
    g_autofree char *account = g_strdup_printf ("v%u", i);

    he_ledger_note (ledger, id, account, address, "demo", NOW + SECOND);
  }
  for (guint i = 0; i < 6000 && !stats.failing; i++) {
    g_usleep (10000);
    he_ledger_get_stats (ledger, &stats);
  }
  g_assert_true (stats.failing);
  he_ledger_note (ledger, "00000000000000000000000000000007", "v7", address, "demo",
                  NOW + SECOND + HE_LEDGER_RENEW);
  he_ledger_get_stats (ledger, &stats);
  g_assert_cmpuint (stats.waiting, ==, 5);
  g_assert_cmpuint (stats.lost, ==, 3);
  g_assert_cmpuint (stats.written, ==, 0);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  for (guint i = 0; i < 6000 && stats.waiting > 0; i++) {
    g_usleep (10000);
    he_ledger_get_stats (ledger, &stats);
  }
  g_assert_false (stats.failing);
  g_assert_cmpuint (stats.written, ==, 5);
  he_ledger_note (ledger, "00000000000000000000000000000007", "v7", address, "demo",
                  NOW + 2 * SECOND + HE_LEDGER_RENEW);
  he_ledger_free (ledger);
  const char *lines = read_lines (&f);
  g_assert_cmpuint (f.damaged, ==, 0);
  g_assert_nonnull (strstr (lines, "open v4 demo 1 1;"));
  g_assert_nonnull (strstr (lines, "renew v7 demo 1 602;"));
}

/* Given more sessions than the bound, then one that finds no room is counted once. */
static void
refused_sessions_count_once (void)
{
  const HeLedgerLimits limits = { 1 << 20, 2, 1000, 1 };
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autoptr (HeLedger) ledger = open_ledger (&f, &limits);
  HeLedgerStats stats = { 0 };

  for (guint i = 0; i < 3; i++) {
    he_ledger_note (ledger, ALICE, "alice", address, "demo", NOW + i * SECOND);
    he_ledger_note (ledger, BOB, "bob", address, "demo", NOW + i * SECOND);
  }
  he_ledger_get_stats (ledger, &stats);
  g_assert_cmpuint (stats.lost, ==, 1);
}

/* Given a folder that another process writes, then that is said; given a file that is no
 * ledger, then it is set aside untouched. */
static void
others_files_are_left_alone (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = current (&f);
  g_autofree char *text = g_strnfill (300000, 'x');
  g_autofree char *after = NULL;

  HeLedger *ledger = open_ledger (&f, NULL);
  g_assert_null (he_ledger_new (f.folder, NULL, NULL, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_CONFLICT);
  g_clear_error (&error);
  he_ledger_free (ledger);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  write_two (&f);
  g_assert_cmpstr (read_lines (&f), ==, "open alice demo 0 0;open bob demo 0 0;");
  g_autoptr (GDir) dir = g_dir_open (f.folder, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name (dir)) != NULL && !strstr (name, ".unreadable-"))
    ;
  g_assert_nonnull (name);
  g_autofree char *aside = g_build_filename (f.folder, name, NULL);
  g_assert_true (g_file_get_contents (aside, &after, NULL, NULL));
  g_assert_cmpstr (after, ==, text);
}

typedef struct {
  Fixture *f;
  HeLedgerFile *file; /* that the first record's reader begins anew */
} Meanwhile;

static void
begin_anew (HeLedgerFile *file)
{
  g_autoptr (GError) error = NULL;
  guint removed;

  g_assert_true (he_ledger_file_rotate (file, 9, &removed, &error));
  g_assert_no_error (error);
}

static void
on_record_of_a_writer (const HeLedgerRecord *record, gpointer user_data)
{
  Meanwhile *meanwhile = user_data;

  on_record (record, meanwhile->f->lines);
  if (meanwhile->file != NULL)
    begin_anew (g_steal_pointer (&meanwhile->file));
}

/* Given a ledger that begins new files while somebody reads it, then he finds what was
 * there before, each line once; also where a crash left none that is current. */
static void
readers_miss_nothing (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = current (&f);
  g_autofree char *aside = NULL;
  gsize torn;

  write_two (&f);
  HeLedgerFile *file = he_ledger_file_open (f.folder, &torn, &aside, &error);
  g_assert_no_error (error);
  begin_anew (file);
  g_autofree char *line = he_ledger_line (
      "{\"event\":\"open\",\"session\":\"" ALICE "\",\"account\":\"eve\","
      "\"channel\":\"demo\",\"from\":1763750005000000,\"to\":1763750005000000}");
  g_assert_true (he_ledger_file_append (file, line, strlen (line), &error));
  g_string_truncate (f.lines, 0);
  Meanwhile meanwhile = { &f, file };
  g_assert_true (
      he_ledger_read (f.folder, on_record_of_a_writer, &meanwhile, &f.damaged, &error));
  const char *all = "open alice demo 0 0;open bob demo 0 0;open eve demo 5 5;";
  g_assert_cmpstr (f.lines->str, ==, all);
  g_assert_cmpuint (f.damaged, ==, 0);
  g_assert_cmpstr (read_lines (&f), ==, all);
  he_ledger_file_free (file);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpstr (read_lines (&f), ==, all);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session-ledger/stays-are-written", stays_are_written);
  g_test_add_func ("/session-ledger/lines-reach-the-disk-soon",
                   lines_reach_the_disk_soon);
  g_test_add_func ("/session-ledger/torn-writes-are-survived", torn_writes_are_survived);
  g_test_add_func ("/session-ledger/changed-lines-do-not-count",
                   changed_lines_do_not_count);
  g_test_add_func ("/session-ledger/files-rotate", files_rotate);
  g_test_add_func ("/session-ledger/nothing-is-lost-silently", nothing_is_lost_silently);
  g_test_add_func ("/session-ledger/refused-sessions-count-once",
                   refused_sessions_count_once);
  g_test_add_func ("/session-ledger/others-files-are-left-alone",
                   others_files_are_left_alone);
  g_test_add_func ("/session-ledger/readers-miss-nothing", readers_miss_nothing);
  return g_test_run ();
}
