/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-disk.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "drill-process.h"
#include "he-error.h"

#define BYTES (8 * 1024 * 1024)

/* Says that it is done, waits for its input to end, and thaws. A frozen disk that nobody
 * thaws would hold a loop device for ever. */
#define KEEPER                                                                           \
  "trap '' INT TERM HUP; fsfreeze --freeze \"$1\" || exit; echo frozen; read -r end; "   \
  "fsfreeze --unfreeze \"$1\""

static gboolean
make_image (const char *image, GError **error)
{
  int fd = g_open (image, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gboolean ok = fd >= 0 && ftruncate (fd, BYTES) == 0;
  if (!ok)
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot be made", image);
  if (fd >= 0)
    close (fd);
  return ok
         && headend_process_run (error, "mkfs.ext4", "-q", "-F", "-m", "0", image, NULL);
}

gboolean
headend_disk_mount (const char *image, const char *path, GError **error)
{
  if (make_image (image, error) && g_mkdir_with_parents (path, 0700) == 0
      && headend_process_run (error, "mount", "-o", "loop,nosuid,nodev", image, path,
                              NULL))
    return TRUE;
  g_prefix_error (error, "a disk of its own, which needs loop devices and e2fsprogs: ");
  return FALSE;
}

/* Whatever ends us must not end it. */
static void
in_child (gpointer user)
{
  setsid ();
}

GSubprocess *
headend_disk_freeze (const char *path, GError **error)
{
  static const char said[] = "frozen\n";
  char answer[sizeof said] = "";
  gsize len = 0;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
      | G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_subprocess_launcher_set_child_setup (launcher, in_child, NULL, NULL);
  GSubprocess *process = g_subprocess_launcher_spawn (launcher, error, "sh", "-c", KEEPER,
                                                      "sh", path, NULL);
  if (!process)
    return NULL;
  g_input_stream_read_all (g_subprocess_get_stdout_pipe (process), answer, strlen (said),
                           &len, NULL, NULL);
  if (len == strlen (said) && strcmp (answer, said) == 0)
    return process;
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "%s cannot be frozen: fsfreeze: %s",
               path, answer);
  headend_disk_thaw (process, NULL);
  return NULL;
}

gboolean
headend_disk_thaw (GSubprocess *frozen, GError **error)
{
  g_autoptr (GSubprocess) process = frozen;
  g_output_stream_close (g_subprocess_get_stdin_pipe (process), NULL, NULL);
  return g_subprocess_wait_check (process, NULL, error);
}
