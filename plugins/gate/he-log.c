/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-log.h"

#include <string.h>

#define MAX_PATH 200
#define MAX_NAME 64 /* no token and no credential is so short */

struct _HeLog {
  void (*write) (const char *line, gpointer user_data);
  gpointer user_data;
  GMutex lock; /* guards the rest */
  gint64 second;
  guint written;
  guint64 suppressed;
};

HeLog *
he_log_new (void (*write) (const char *line, gpointer user_data), gpointer user_data)
{
  HeLog *log = g_new0 (HeLog, 1);

  log->write = write;
  log->user_data = user_data;
  g_mutex_init (&log->lock);
  return log;
}

void
he_log_free (HeLog *log)
{
  if (log == NULL)
    return;
  g_mutex_clear (&log->lock);
  g_free (log);
}

void
he_log_state (HeLog *log, const char *format, ...)
{
  g_autofree char *line = NULL;
  va_list args;

  if (log->write == NULL)
    return;
  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  g_strdelimit (line, "\r\n", ' ');
  log->write (line, log->user_data);
}

/* Whether this line may be written, and how many were not since the last. */
static gboolean
take (HeLog *log, gint64 now, guint64 *ret_suppressed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&log->lock);
  gint64 second = now / G_USEC_PER_SEC;

  if (second != log->second) {
    log->second = second;
    log->written = 0;
  }
  if (log->written >= HE_LOG_PER_SECOND) {
    log->suppressed++;
    return FALSE;
  }
  log->written++;
  *ret_suppressed = log->suppressed;
  log->suppressed = 0;
  return TRUE;
}

void
he_log_event (HeLog *log, gint64 now, const char *format, ...)
{
  g_autofree char *line = NULL;
  guint64 suppressed;
  va_list args;

  if (log->write == NULL || !take (log, now, &suppressed))
    return;
  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  if (suppressed > 0)
    he_log_state (log, "%s suppressed=%" G_GUINT64_FORMAT, line, suppressed);
  else
    he_log_state (log, "%s", line);
}

char *
he_log_path (const char *path)
{
  GString *text = g_string_new (NULL);
  gboolean hidden = FALSE; /* behind a prefix, which goes as far as our paths begin */

  for (const char *end; *path != '\0' && !strchr (";%", *path) && text->len < MAX_PATH;
       path = end) {
    end = path + 1 + strcspn (path + 1, "/;%");
    gsize len = (gsize)(end - path);

    hidden = hidden && !(len == strlen ("/live") && strncmp (path, "/live", len) == 0);
    if (hidden && g_str_has_suffix (text->str, "/*"))
      continue;
    if (hidden || len > 1 + MAX_NAME)
      g_string_append (text, "/*");
    else
      for (const char *p = path; p < end; p++)
        g_string_append_c (text, g_ascii_isgraph (*p) ? *p : '?');
    hidden = hidden || (len == 2 && g_ascii_strncasecmp (path, "/s", 2) == 0);
  }
  if (*path == ';' || *path == '%')
    g_string_append_printf (text, "%c*", *path);
  return g_string_free (text, FALSE);
}
