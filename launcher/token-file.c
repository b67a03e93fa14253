/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "he-disk.h"
#include "he-error.h"

static gboolean
fail (GError **error, const char *path, int failed)
{
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (failed));
  return FALSE;
}

/* Closes fd. */
static gboolean
write_and_close (int fd, const char *path, const char *text, GError **error)
{
  gboolean ok = he_disk_write (fd, text, strlen (text)) && fsync (fd) == 0;
  int failed = errno;
  if (close (fd) != 0 && ok) {
    failed = errno;
    ok = FALSE;
  }
  return ok || fail (error, path, failed);
}

gboolean
headend_token_file_new (const char *path, mode_t mode, const char *text, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) {
    int failed = errno;
    g_set_error (error, HE_ERROR, failed == EEXIST ? HE_ERROR_CONFLICT : HE_ERROR_IO,
                 failed == EEXIST
                     ? "%s: %s; keys are never overwritten, so name another --dir"
                     : "%s: %s",
                 path, g_strerror (failed));
    return FALSE;
  }
  if (write_and_close (fd, path, text, error))
    return TRUE;
  unlink (path);
  return FALSE;
}

/* While it is empty, and the owner first: nobody else may read it meanwhile. */
static gboolean
make_like (int fd, const char *path, const struct stat *like, GError **error)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    return fail (error, path, errno);
  if ((st.st_uid != like->st_uid || st.st_gid != like->st_gid)
      && fchown (fd, st.st_uid == like->st_uid ? (uid_t)-1 : like->st_uid,
                 st.st_gid == like->st_gid ? (gid_t)-1 : like->st_gid)
             != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO,
                 "%s: cannot be given to user %u and group %u, as the file before: %s; run "
                 "this as that user or as root",
                 path, (guint)like->st_uid, (guint)like->st_gid, g_strerror (errno));
    return FALSE;
  }
  return fchmod (fd, like->st_mode & 0777) == 0 || fail (error, path, errno);
}

gboolean
headend_token_file_replace (const char *path, const char *text, const struct stat *like,
                            GError **error)
{
  g_autofree char *fresh = g_strconcat (path, ".XXXXXX", NULL);
  int fd = g_mkstemp_full (fresh, O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail (error, fresh, errno);
  gboolean ok = make_like (fd, path, like, error);
  if (!ok)
    close (fd);
  else
    ok = write_and_close (fd, fresh, text, error);
  if (ok && g_rename (fresh, path) != 0)
    ok = fail (error, path, errno);
  if (!ok) {
    g_unlink (fresh);
    return FALSE;
  }
  g_autofree char *folder = g_path_get_dirname (path);
  return he_disk_sync_folder (folder) || fail (error, folder, errno);
}
