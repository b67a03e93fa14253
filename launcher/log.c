/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log.h"

#include <string.h>
#include <unistd.h>

/* Set once, before there are threads. */
static char *who;

static void
write_line (const char *message)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *line
      = g_strdup_printf ("%s.%03dZ %s %s", time, g_date_time_get_microsecond (now) / 1000,
                         who ? who : "headend", message);
  for (char *p = line; *p; p++)
    if ((guint8)*p < 0x20 || *p == 0x7f)
      *p = ' ';
  /* In one piece, because all processes of a node share the descriptor. */
  g_autofree char *ended = g_strconcat (line, "\n", NULL);
  for (gsize done = 0, len = strlen (ended); done < len;) {
    gssize n = write (STDERR_FILENO, ended + done, len - done);
    if (n <= 0)
      return;
    done += (gsize)n;
  }
}

static GLogWriterOutput
on_glib_message (GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                 gpointer user_data)
{
  if (g_log_writer_default_would_drop (level, NULL))
    return G_LOG_WRITER_HANDLED;
  for (gsize i = 0; i < n_fields; i++)
    if (strcmp (fields[i].key, "MESSAGE") == 0)
      write_line (fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

void
headend_log_init (const char *node, const char *process)
{
  g_free (who);
  who = node ? g_strdup_printf ("%s %s", node, process) : g_strdup (process);
  static gboolean hooked;
  if (!hooked)
    g_log_set_writer_func (on_glib_message, NULL, NULL);
  hooked = TRUE;
}

void
headend_log (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  write_line (message);
}
