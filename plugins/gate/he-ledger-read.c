/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ledger-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static gboolean
read_file (const char *path, gboolean may_be_missing, HeLedgerFunc func,
           gpointer user_data, guint64 *damaged, GError **error)
{
  char line[HE_LEDGER_LINE_MAX + 1];
  FILE *file = fopen (path, "re");

  /* One may be renamed or removed while they are read. */
  if (file == NULL && may_be_missing && errno == ENOENT)
    return TRUE;
  if (file == NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  while (fgets (line, sizeof line, file) != NULL) {
    gsize len = strlen (line);

    if (len > 0 && line[len - 1] == '\n')
      line[len - 1] = '\0';
    if (!read_line (line, func, user_data))
      ++*damaged;
  }
  fclose (file);
  return TRUE;
}

gboolean
he_ledger_read (const char *folder, HeLedgerFunc func, gpointer user_data,
                guint64 *ret_damaged, GError **error)
{
  g_autoptr (GArray) numbers = he_ledger_numbers (folder, error);
  g_autofree char *current = g_build_filename (folder, HE_LEDGER_CURRENT, NULL);

  *ret_damaged = 0;
  if (numbers == NULL)
    return FALSE;
  for (guint i = 0; i < numbers->len; i++) {
    g_autofree char *name
        = g_strdup_printf ("%" G_GUINT64_FORMAT, g_array_index (numbers, guint64, i));
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (!read_file (path, TRUE, func, user_data, ret_damaged, error))
      return FALSE;
  }
  return read_file (current, FALSE, func, user_data, ret_damaged, error);
}
