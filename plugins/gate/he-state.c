/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-state.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "he-disk.h"
#include "he-error.h"

static gboolean
fail (GError **error, const char *path)
{
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot write: %s", path,
               g_strerror (errno));
  return FALSE;
}

gboolean
he_state_write (const char *folder, const char *name, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *temp = g_strconcat (path, ".new", NULL);
  int fd = g_open (temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  gboolean ok = fd >= 0 && he_disk_write (fd, text, strlen (text)) && fsync (fd) == 0;

  if (!ok)
    fail (error, temp);
  if (fd >= 0 && close (fd) != 0 && ok)
    ok = fail (error, temp);
  if (ok && (g_rename (temp, path) != 0 || !he_disk_sync_folder (folder)))
    ok = fail (error, path);
  if (!ok)
    g_unlink (temp);
  return ok;
}
