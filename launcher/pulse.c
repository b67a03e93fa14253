/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pulse.h"

#include <stdio.h>
#include <string.h>

void
headend_pulse_heard (HeadendPulse *pulse)
{
  pulse->still = pulse->silent = 0;
}

static gboolean
shows_life (const HeadendPulse *pulse, const HeadendPulseSample *sample)
{
  return !sample->known || !pulse->last.known || sample->waits
         || sample->turns != pulse->last.turns;
}

gboolean
headend_pulse_look (HeadendPulse *pulse, const HeadendPulseSample *sample, gboolean ready,
                    guint *ret_looks)
{
  pulse->silent++;
  pulse->still = !ready || shows_life (pulse, sample) ? 0 : pulse->still + 1;
  pulse->last = *sample;
  if (pulse->still < HEADEND_PULSE_STILL && pulse->silent < HEADEND_PULSE_SILENT)
    return FALSE;
  *ret_looks
      = pulse->still >= HEADEND_PULSE_STILL ? HEADEND_PULSE_STILL : HEADEND_PULSE_SILENT;
  headend_pulse_heard (pulse);
  return TRUE;
}

/* The letter for what it does, in a stat file of /proc; '\0': it is gone. */
static char
state_of (const char *stat)
{
  const char *behind_name = strrchr (stat, ')'); /* which may hold anything */
  return behind_name && strlen (behind_name) > 2 ? behind_name[2] : '\0';
}

HeadendPulseSample
headend_pulse_sample (const char *pid)
{
  g_autofree char *state_path = g_strdup_printf ("/proc/%s/stat", pid);
  g_autofree char *turns_path = g_strdup_printf ("/proc/%s/schedstat", pid);
  g_autofree char *state = NULL, *turns = NULL;
  HeadendPulseSample sample = { 0 };
  if (!g_file_get_contents (state_path, &state, NULL, NULL)
      || !g_file_get_contents (turns_path, &turns, NULL, NULL))
    return sample;
  char letter = state_of (state);
  sample.known
      = letter && sscanf (turns, "%*u %*u %" G_GUINT64_FORMAT, &sample.turns) == 1;
  sample.waits = sample.known && strchr ("RDt", letter);
  return sample;
}

#define DEPTH 3 /* a supervisor's node, and its origin */

static gboolean
waits_for_disk (const char *pid, guint depth)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%s/task", pid);
  g_autoptr (GDir) threads = depth > 0 ? g_dir_open (folder, 0, NULL) : NULL;
  const char *thread;
  while (threads && (thread = g_dir_read_name (threads))) {
    g_autofree char *stat_path = g_build_filename (folder, thread, "stat", NULL);
    g_autofree char *list_path = g_build_filename (folder, thread, "children", NULL);
    g_autofree char *stat = NULL, *list = NULL;
    if (g_file_get_contents (stat_path, &stat, NULL, NULL) && state_of (stat) == 'D')
      return TRUE;
    if (!g_file_get_contents (list_path, &list, NULL, NULL))
      continue;
    g_auto (GStrv) children = g_strsplit (g_strstrip (list), " ", -1);
    for (char **child = children; *child; child++)
      if (**child && waits_for_disk (*child, depth - 1))
        return TRUE;
  }
  return FALSE;
}

gboolean
headend_pulse_waits_for_disk (const char *pid)
{
  return waits_for_disk (pid, DEPTH);
}
