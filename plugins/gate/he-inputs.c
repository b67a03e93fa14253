/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-inputs.h"

typedef struct {
  HeInputReport report;
  gint64 at;
} Entry;

struct _HeInputs {
  GMutex lock; /* guards entries */
  GHashTable *entries;
};

HeInputs *
he_inputs_new (void)
{
  HeInputs *inputs = g_new0 (HeInputs, 1);

  g_mutex_init (&inputs->lock);
  inputs->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return inputs;
}

void
he_inputs_free (HeInputs *inputs)
{
  if (inputs == NULL)
    return;
  g_hash_table_unref (inputs->entries);
  g_mutex_clear (&inputs->lock);
  g_free (inputs);
}

void
he_inputs_set (HeInputs *inputs, const char *channel, const HeInputReport *report,
               gint64 now)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&inputs->lock);
  Entry *entry = g_new (Entry, 1);

  *entry = (Entry) { *report, now };
  g_hash_table_replace (inputs->entries, g_strdup (channel), entry);
}

gboolean
he_inputs_get (HeInputs *inputs, const char *channel, gint64 now,
               HeInputReport *ret_report)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&inputs->lock);
  const Entry *entry = g_hash_table_lookup (inputs->entries, channel);
  gint64 since;

  if (entry == NULL)
    return FALSE;
  since = MAX (now - entry->at, 0);
  *ret_report = entry->report;
  for (guint i = 0; i < ret_report->n; i++) {
    HeInput *input = &ret_report->inputs[i];

    input->age_ms += (guint64)since / 1000;
    input->up &= since <= HE_INPUTS_STALE;
    input->taken &= since <= HE_INPUTS_STALE;
  }
  return TRUE;
}
