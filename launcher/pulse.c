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
  const char *behind_name = strrchr (state, ')'); /* which may hold anything */
  sample.known = behind_name && strlen (behind_name) > 2
                 && sscanf (turns, "%*u %*u %" G_GUINT64_FORMAT, &sample.turns) == 1;
  sample.waits = sample.known && strchr ("RDt", behind_name[2]);
  return sample;
}
