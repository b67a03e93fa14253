/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-state.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include "he-anchors.h"
#include "he-error.h"

#define S G_USEC_PER_SEC

/* A folder, and a disk that stands still as soon as the file "slow" is written: what is
 * in its way is a pipe that nobody reads, which opening waits for. */
typedef struct {
  char *folder, *pipe;
  HeStateWriter *writer;
} Disk;

static void
disk_stop (Disk *disk, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".new", NULL);

  g_clear_pointer (&disk->pipe, g_free);
  disk->pipe = g_build_filename (disk->folder, file, NULL);
  g_assert_cmpint (mkfifo (disk->pipe, 0600), ==, 0);
}

/* What was under way fails, since a pipe cannot be synced, and is tried again. */
static void
disk_go_on (Disk *disk)
{
  int fd = g_open (disk->pipe, O_RDONLY | O_CLOEXEC, 0); /* waits for the writer */

  g_assert_cmpint (fd, >=, 0);
  close (fd);
}

static Disk *
disk_new (void)
{
  Disk *disk = g_new0 (Disk, 1);

  disk->folder = g_dir_make_tmp ("state-XXXXXX", NULL);
  disk->writer = he_state_writer_new (disk->folder);
  return disk;
}

static void
disk_free (Disk *disk)
{
  static const char *const names[] = { "slow", "other", "anchor-demo.json", ".writable" };

  he_state_writer_free (disk->writer, HE_STATE_END);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (disk->folder, names[i], NULL);

    g_unlink (path);
  }
  g_assert_cmpint (g_rmdir (disk->folder), ==, 0);
  g_free (disk->folder);
  g_free (disk->pipe);
  g_free (disk);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Disk, disk_free)

static char *
read_state (const Disk *disk, const char *name)
{
  g_autofree char *path = g_build_filename (disk->folder, name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

static void
what_is_written_is_there (void)
{
  g_autoptr (Disk) disk = disk_new ();
  g_autoptr (GError) error = NULL;
  guint64 first = he_state_writer_put (disk->writer, "slow", g_strdup ("1"));
  guint64 second = he_state_writer_put (disk->writer, "slow", g_strdup ("2"));
  g_autofree char *text = NULL;

  g_assert_cmpuint (second, >, first);
  g_assert_cmpint (he_state_writer_wait (disk->writer, "slow", second, 60 * S, &error),
                   ==, HE_STATE_WRITTEN);
  g_assert_no_error (error);
  text = read_state (disk, "slow");
  g_assert_cmpstr (text, ==, "2");
  g_assert_cmpint (he_state_writer_wait (disk->writer, "slow", first, 0, NULL), ==,
                   HE_STATE_WRITTEN);
}

/* Given a disk that stands still, when files are written, then nobody waits for longer
 * than he wants to, and who comes later not at all; when it goes on, what is newest is
 * written. */
static void
nobody_waits_for_a_disk_that_stands_still (void)
{
  g_autoptr (Disk) disk = disk_new ();
  g_autoptr (GError) error = NULL;
  guint64 last;
  g_autofree char *text = NULL, *other = NULL;

  disk_stop (disk, "slow");
  last = he_state_writer_put (disk->writer, "slow", g_strdup ("old"));
  g_assert_cmpint (he_state_writer_wait (disk->writer, "slow", last, S / 10, &error), ==,
                   HE_STATE_WAITS);
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  for (guint i = 0; i < 1000; i++) {
    g_autofree char *number = g_strdup_printf ("%u", i);
    guint64 at = he_state_writer_put (disk->writer, "other", g_steal_pointer (&number));

    g_assert_cmpint (he_state_writer_wait (disk->writer, "other", at, S / 10, NULL), ==,
                     HE_STATE_WAITS); /* a thousand of these would take 100 s */
  }
  last = he_state_writer_put (disk->writer, "slow", g_strdup ("new"));
  disk_go_on (disk);
  while (he_state_writer_wait (disk->writer, "slow", last, 60 * S, NULL)
         != HE_STATE_WRITTEN)
    g_usleep (10000);
  text = read_state (disk, "slow");
  g_assert_cmpstr (text, ==, "new");
  g_assert_cmpint (he_state_writer_wait (disk->writer, "other", 1000, 60 * S, NULL), ==,
                   HE_STATE_WRITTEN);
  other = read_state (disk, "other");
  g_assert_cmpstr (other, ==, "999");
}

/* Given a disk that was too slow for somebody, then nobody waits for it again, however
 * patient, as an hour would be too long for this test. */
static void
waiting_in_vain_is_done_once (void)
{
  g_autoptr (Disk) disk = disk_new ();
  guint64 number = he_state_writer_put (disk->writer, "other", g_strdup ("0"));

  g_assert_cmpint (he_state_writer_wait (disk->writer, "other", number, 60 * S, NULL), ==,
                   HE_STATE_WRITTEN);
  disk_stop (disk, "slow");
  number = he_state_writer_put (disk->writer, "slow", g_strdup ("1"));
  g_assert_cmpint (he_state_writer_wait (disk->writer, "slow", number, S / 10, NULL), ==,
                   HE_STATE_WAITS);
  g_assert_cmpint (he_state_writer_wait (disk->writer, "slow", number, (gint64)3600 * S, NULL), ==,
                   HE_STATE_WAITS);
  disk_go_on (disk);
  while (he_state_writer_wait (disk->writer, "slow", number, 0, NULL) != HE_STATE_WRITTEN)
    g_usleep (10000);
}

/* Given a file that cannot be written, then that is said, it is tried again by itself,
 * and is there in the end. */
static void
what_fails_is_tried_again (void)
{
  g_autoptr (Disk) disk = disk_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *in_its_way = g_build_filename (disk->folder, "slow.new", NULL);
  guint64 number;

  g_assert_cmpint (g_mkdir (in_its_way, 0700), ==, 0);
  number = he_state_writer_put (disk->writer, "slow", g_strdup ("text"));
  g_assert_cmpint (he_state_writer_wait (disk->writer, "slow", number, 60 * S, &error),
                   ==, HE_STATE_FAILED);
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_assert_nonnull (strstr (error->message, "slow.new"));
  g_assert_cmpint (g_rmdir (in_its_way), ==, 0);
  while (he_state_writer_wait (disk->writer, "slow", number, 0, NULL) != HE_STATE_WRITTEN)
    g_usleep (10000);
}

/* Given a disk that stands still, when nodes settle on an anchor, then it holds, whoever
 * asks for it has it at once, and it is on the disk in the end. */
static void
anchors_hold_before_they_are_kept (void)
{
  g_autoptr (Disk) disk = disk_new ();
  HeAnchors *anchors = he_anchors_new (disk->folder, NULL);
  HeAnchor first = { .node = "A" }, next = { .generation = 1, .node = "B" }, holds;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  disk_stop (disk, "anchor-demo.json");
  g_assert_false (he_anchors_settle (anchors, "demo", &first, NULL, 0, &holds, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_assert_false (he_anchors_settle (anchors, "demo", &next, NULL, 0, &holds, NULL));
  g_assert_true (he_anchors_get (anchors, "demo", TRUE, &holds));
  g_assert_cmpuint (holds.generation, ==, 1);
  /* What holds already is no reason to write. */
  g_assert_true (he_anchors_settle (anchors, "demo", NULL, &next, 1, &holds, NULL));
  disk_go_on (disk);
  while ((text = read_state (disk, "anchor-demo.json")) == NULL)
    g_usleep (10000);
  he_anchors_free (anchors);
  anchors = he_anchors_new (disk->folder, NULL);
  g_assert_true (he_anchors_get (anchors, "demo", FALSE, &holds));
  g_assert_cmpuint (holds.generation, ==, 1);
  he_anchors_free (anchors);
}

/* Given a disk that stands still for good, then whoever ends does not wait for ever. */
static void
an_end_does_not_wait_for_ever (void)
{
  g_autoptr (Disk) disk = disk_new ();

  disk_stop (disk, "slow");
  he_state_writer_put (disk->writer, "slow", g_strdup ("text"));
  he_state_writer_free (g_steal_pointer (&disk->writer), S / 10);
  disk_go_on (disk);
  /* Its thread ends by itself, and takes the pipe away. */
  while (g_file_test (disk->pipe, G_FILE_TEST_EXISTS))
    g_usleep (10000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  g_test_add_func ("/state/what-is-written-is-there", what_is_written_is_there);
  g_test_add_func ("/state/nobody-waits-for-a-disk-that-stands-still",
                   nobody_waits_for_a_disk_that_stands_still);
  g_test_add_func ("/state/waiting-in-vain-is-done-once", waiting_in_vain_is_done_once);
  g_test_add_func ("/state/what-fails-is-tried-again", what_fails_is_tried_again);
  g_test_add_func ("/state/anchors-hold-before-they-are-kept",
                   anchors_hold_before_they_are_kept);
  g_test_add_func ("/state/an-end-does-not-wait-for-ever", an_end_does_not_wait_for_ever);
  return g_test_run ();
}
