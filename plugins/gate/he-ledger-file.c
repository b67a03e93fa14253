/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ledger-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "he-codec.h"
#include "he-disk.h"
#include "he-error.h"

#define CHECKSUM_LEN 8 /* hex digits */
/* Holds the whole of a group and a line before it. */
#define TAIL_BYTES (HE_LEDGER_GROUP_BYTES + 2 * HE_LEDGER_LINE_MAX)

struct _HeLedgerFile {
  char *folder, *path;
  int fd;
  gsize size;    /* of whole lines */
  gboolean torn; /* more than size lies there */
};

char *
he_ledger_line (const char *json)
{
  guint32 checksum = he_crc32_mpeg ((const guint8 *)json, strlen (json));

  return g_strdup_printf ("%08x %s\n", checksum, json);
}

const char *
he_ledger_line_json (const char *line)
{
  guint8 bytes[4];

  if (strlen (line) <= CHECKSUM_LEN || line[CHECKSUM_LEN] != ' '
      || !he_hex_decode (line, CHECKSUM_LEN, bytes, sizeof bytes))
    return NULL;
  line += CHECKSUM_LEN + 1;
  return he_crc32_mpeg ((const guint8 *)line, strlen (line)) == he_read_be32 (bytes)
             ? line
             : NULL;
}

static gboolean
fail (GError **error, const char *path, const char *what)
{
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot %s: %s", path, what,
               g_strerror (errno));
  return FALSE;
}

/* Of a piece of the file, where its last sound line ends; 0: nowhere. */
static gsize
end_of_last_line (char *text, gsize len)
{
  while (len > 0) {
    gsize start;

    while (len > 0 && text[len - 1] != '\n')
      len--;
    if (len == 0)
      return 0;
    for (start = len - 1; start > 0 && text[start - 1] != '\n';)
      start--;
    text[len - 1] = '\0';
    if (he_ledger_line_json (text + start) != NULL)
      return len;
    len = start;
  }
  return 0;
}

/* All but the last group was synced before that was written, so only the end can be torn. */
static gboolean
cut_torn_end (HeLedgerFile *file, gsize *ret_torn, gboolean *ret_foreign, GError **error)
{
  g_autofree char *text = g_malloc (TAIL_BYTES);
  struct stat about;
  gsize from, len, end;
  gssize got;

  if (fstat (file->fd, &about) != 0)
    return fail (error, file->path, "examine it");
  file->size = (gsize)about.st_size;
  len = MIN (file->size, TAIL_BYTES);
  from = file->size - len;
  got = pread (file->fd, text, len, (off_t)from);
  if (got < 0 || (gsize)got != len)
    return fail (error, file->path, "read it");
  end = end_of_last_line (text, len);
  /* Nothing sound in more than a line: it may be no ledger, and is not ours to cut. */
  *ret_foreign = end == 0 && len > HE_LEDGER_LINE_MAX;
  *ret_torn = *ret_foreign ? 0 : len - end;
  if (*ret_foreign)
    return TRUE;
  if (*ret_torn > 0 && ftruncate (file->fd, (off_t)(from + end)) != 0)
    return fail (error, file->path, "cut off a torn line");
  file->size = from + end;
  return TRUE;
}

static void
close_current (HeLedgerFile *file)
{
  if (file->fd >= 0)
    close (file->fd);
  file->fd = -1;
  file->size = 0;
  file->torn = FALSE;
}

static gboolean
open_locked (HeLedgerFile *file, GError **error)
{
  file->fd = g_open (file->path,
                     O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file->fd < 0)
    return fail (error, file->path, "open it");
  if (flock (file->fd, LOCK_EX | LOCK_NB) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_CONFLICT,
                 "%s: another process writes it; give each node a state folder of its own",
                 file->path);
    return FALSE;
  }
  return he_disk_sync_folder (file->folder) || fail (error, file->folder, "sync it");
}

/* It is closed when this fails. */
static gboolean
open_current (HeLedgerFile *file, gsize *ret_torn, char **ret_aside, GError **error)
{
  gboolean foreign = FALSE;

  *ret_aside = NULL;
  if (!open_locked (file, error) || !cut_torn_end (file, ret_torn, &foreign, error)) {
    close_current (file);
    return FALSE;
  }
  if (!foreign)
    return TRUE;
  close_current (file);
  *ret_aside = g_strdup_printf ("%s.unreadable-%" G_GINT64_FORMAT, file->path,
                                g_get_real_time ());
  if (g_rename (file->path, *ret_aside) != 0 && !fail (error, file->path, "rename it"))
    return FALSE;
  if (open_locked (file, error))
    return TRUE;
  close_current (file);
  return FALSE;
}

HeLedgerFile *
he_ledger_file_open (const char *folder, gsize *ret_torn, char **ret_aside,
                     GError **error)
{
  HeLedgerFile *file = g_new0 (HeLedgerFile, 1);

  file->fd = -1;
  file->folder = g_strdup (folder);
  file->path = g_build_filename (folder, HE_LEDGER_CURRENT, NULL);
  if ((g_mkdir_with_parents (folder, 0700) != 0 && !fail (error, folder, "make it"))
      || !open_current (file, ret_torn, ret_aside, error)) {
    he_ledger_file_free (file);
    return NULL;
  }
  return file;
}

void
he_ledger_file_free (HeLedgerFile *file)
{
  if (file == NULL)
    return;
  close_current (file);
  g_free (file->folder);
  g_free (file->path);
  g_free (file);
}

gsize
he_ledger_file_size (const HeLedgerFile *file)
{
  return file->size;
}

static gboolean
begin_current (HeLedgerFile *file, GError **error)
{
  g_autofree char *aside = NULL;
  gsize torn = 0;

  return open_current (file, &torn, &aside, error);
}

gboolean
he_ledger_file_append (HeLedgerFile *file, const char *text, gsize len, GError **error)
{
  if (file->fd < 0 && !begin_current (file, error))
    return FALSE;
  if (file->torn && ftruncate (file->fd, (off_t)file->size) != 0)
    return fail (error, file->path, "cut off what was not written whole");
  file->torn = TRUE;
  if (!he_disk_write (file->fd, text, len))
    return fail (error, file->path, "write to it");
  if (fdatasync (file->fd) != 0)
    return fail (error, file->path, "sync it");
  file->torn = FALSE;
  file->size += len;
  return TRUE;
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint64 first = *(const guint64 *)a, second = *(const guint64 *)b;

  return first < second ? -1 : first > second;
}

GArray *
he_ledger_numbers (const char *folder, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  GArray *numbers;
  const char *name;
  guint64 number;

  if (dir == NULL)
    return NULL;
  numbers = g_array_new (FALSE, FALSE, sizeof (guint64));
  while ((name = g_dir_read_name (dir)) != NULL)
    if (he_uint64_decode (name, strlen (name), G_MAXINT64, &number))
      g_array_append_val (numbers, number);
  g_array_sort (numbers, compare_numbers);
  return numbers;
}

gboolean
he_ledger_file_rotate (HeLedgerFile *file, guint keep, guint *ret_removed, GError **error)
{
  g_autoptr (GArray) numbers = he_ledger_numbers (file->folder, error);
  guint64 next = 1;

  *ret_removed = 0;
  if (numbers == NULL)
    return FALSE;
  if (numbers->len > 0)
    next = g_array_index (numbers, guint64, numbers->len - 1) + 1;
  g_autofree char *name = g_strdup_printf ("%" G_GUINT64_FORMAT, next);
  g_autofree char *path = g_build_filename (file->folder, name, NULL);
  if (g_rename (file->path, path) != 0)
    return fail (error, file->path, "rename it");
  for (guint i = 0; i + keep < numbers->len + 1; i++) {
    g_autofree char *old = g_strdup_printf ("%" G_GUINT64_FORMAT,
                                            g_array_index (numbers, guint64, i));
    g_autofree char *gone = g_build_filename (file->folder, old, NULL);

    *ret_removed += g_unlink (gone) == 0;
  }
  close_current (file);
  return begin_current (file, error);
}
