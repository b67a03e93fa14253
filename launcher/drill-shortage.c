/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-shortage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US G_USEC_PER_SEC

gboolean
headend_shortage_read (const char *text, guint64 *ret_waited)
{
  return sscanf (text, "%*u %" G_GUINT64_FORMAT, ret_waited) == 1;
}

int
headend_shortage_group (const char *text)
{
  const char *behind_name = strrchr (text, ')'); /* which may hold anything */
  int group = 0;
  if (!behind_name || sscanf (behind_name, ") %*c %*d %d", &group) != 1)
    return 0;
  return group;
}

static void
take_thread (HeadendShortage *shortage, const char *path, const char *thread)
{
  g_autofree char *file = g_build_filename (path, thread, "schedstat", NULL);
  g_autofree char *text = NULL;
  guint64 waited;
  if (!g_file_get_contents (file, &text, NULL, NULL)
      || !headend_shortage_read (text, &waited))
    return;
  gpointer key = GINT_TO_POINTER (atoi (thread));
  const guint64 *before = g_hash_table_lookup (shortage->waited, key);
  if (before && waited > *before)
    shortage->longest = MAX (shortage->longest, (gint64)((waited - *before) / 1000));
  g_hash_table_insert (shortage->waited, key, g_memdup2 (&waited, sizeof waited));
}

static void
take_process (HeadendShortage *shortage, const char *pid)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "task", NULL);
  g_autoptr (GDir) threads = g_dir_open (path, 0, NULL);
  const char *thread;
  while (threads && (thread = g_dir_read_name (threads)))
    take_thread (shortage, path, thread);
}

static gboolean
is_in (const char *pid, const int *groups, guint n)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "stat", NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  int group = headend_shortage_group (text);
  for (guint i = 0; i < n; i++)
    if (group > 1 && group == groups[i])
      return TRUE;
  return FALSE;
}

static void
take_all (HeadendShortage *shortage, const int *groups, guint n)
{
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *name;
  while (proc && (name = g_dir_read_name (proc)))
    if (g_ascii_isdigit (*name) && is_in (name, groups, n))
      take_process (shortage, name);
  shortage->looked = g_get_monotonic_time ();
}

void
headend_shortage_begin (HeadendShortage *shortage, const int *groups, guint n)
{
  headend_shortage_clear (shortage);
  shortage->waited = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  take_all (shortage, groups, n);
}

void
headend_shortage_look (HeadendShortage *shortage, gint64 late, const int *groups, guint n)
{
  if (!shortage->waited)
    return;
  shortage->longest = MAX (shortage->longest, late);
  if (g_get_monotonic_time () - shortage->looked >= LOOK_US)
    take_all (shortage, groups, n);
}

void
headend_shortage_clear (HeadendShortage *shortage)
{
  g_clear_pointer (&shortage->waited, g_hash_table_unref);
  *shortage = (HeadendShortage) { 0 };
}
