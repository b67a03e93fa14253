/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

gboolean
he_disk_write (int fd, const void *data, gsize len)
{
  const guint8 *at = data;

  while (len > 0) {
    gssize n = write (fd, at, len);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    at += n;
    len -= (gsize)n;
  }
  return TRUE;
}

gboolean
he_disk_sync_folder (const char *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean ok = fd >= 0 && fsync (fd) == 0;
  int failed = errno;

  if (fd >= 0)
    close (fd);
  errno = failed;
  return ok;
}
