/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ledger-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "he-error.h"
#include "he-json.h"

static gboolean
read_time (const HeJson *root, const char *name, gint64 *ret_time)
{
  guint64 value = 0;

  if (!he_json_get_uint64 (root, name, TRUE, G_MAXINT64, &value, NULL))
    return FALSE;
  *ret_time = (gint64)value;
  return TRUE;
}

static gboolean
read_line (const char *line, HeLedgerFunc func, gpointer user_data)
{
  const char *json = he_ledger_line_json (line);
  g_autoptr (HeJson) root
      = json != NULL ? he_json_parse (json, -1, HE_LEDGER_LINE_MAX, 2, NULL) : NULL;
  HeLedgerRecord record;

  if (root == NULL || he_json_type (root) != HE_JSON_OBJECT
      || !he_json_get_string (root, "event", TRUE, &record.event, NULL)
      || !he_json_get_string (root, "session", TRUE, &record.session, NULL)
      || !he_json_get_string (root, "account", TRUE, &record.account, NULL)
      || !he_json_get_string (root, "channel", TRUE, &record.channel, NULL)
      || !read_time (root, "from", &record.from) || !read_time (root, "to", &record.to))
    return FALSE;
  func (&record, user_data);
  return TRUE;
}

static void
read_file (FILE *file, HeLedgerFunc func, gpointer user_data, guint64 *damaged)
{
  char line[HE_LEDGER_LINE_MAX + 1];

  while (fgets (line, sizeof line, file) != NULL) {
    gsize len = strlen (line);

    if (len > 0 && line[len - 1] == '\n')
      line[len - 1] = '\0';
    if (!read_line (line, func, user_data))
      ++*damaged;
  }
  fclose (file);
}

/* *ret_file: NULL when there is none by that name. */
static gboolean
open_file (const char *folder, const char *name, FILE **ret_file, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  *ret_file = fopen (path, "re");
  if (*ret_file != NULL || errno == ENOENT)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
  return FALSE;
}

static gboolean
is_same (FILE *a, FILE *b)
{
  struct stat first, second;

  return a != NULL && b != NULL && fstat (fileno (a), &first) == 0
         && fstat (fileno (b), &second) == 0 && first.st_ino == second.st_ino
         && first.st_dev == second.st_dev;
}

/* Full files, up to the one that was current. They may be removed meanwhile. */
static gboolean
read_full (const char *folder, const GArray *numbers, FILE *current, HeLedgerFunc func,
           gpointer user_data, guint64 *damaged, GError **error)
{
  gboolean reached = FALSE;

  for (guint i = 0; i < numbers->len && !reached; i++) {
    g_autofree char *name
        = g_strdup_printf ("%" G_GUINT64_FORMAT, g_array_index (numbers, guint64, i));
    FILE *file;

    if (!open_file (folder, name, &file, error))
      return FALSE;
    if ((reached = is_same (file, current)))
      fclose (file);
    else if (file != NULL)
      read_file (file, func, user_data, damaged);
  }
  return TRUE;
}

/* The current one is opened before the others are listed, as it may become one of them,
 * of which a list made before would not know; for a moment there is none then. */
gboolean
he_ledger_read (const char *folder, HeLedgerFunc func, gpointer user_data,
                guint64 *ret_damaged, GError **error)
{
  g_autoptr (GArray) numbers = NULL;
  gboolean ok;
  FILE *current;

  *ret_damaged = 0;
  if (!open_file (folder, HE_LEDGER_CURRENT, &current, error))
    return FALSE;
  numbers = he_ledger_numbers (folder, error);
  ok = numbers != NULL
       && read_full (folder, numbers, current, func, user_data, ret_damaged, error);
  if (current == NULL && ok && numbers->len == 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: no session ledger is here", folder);
    return FALSE;
  }
  if (current != NULL && ok)
    read_file (current, func, user_data, ret_damaged);
  else if (current != NULL)
    fclose (current);
  return ok;
}
