/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-epoch.h"
#include "record.h"

#include <string.h>

/* Segmentencoder with agreement=identical: a new encoder for each segment. */

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)
#define D G_GUINT64_CONSTANT (45045) /* 0.5 s and a bit: 15 frames at 29.97 */
#define BASE (EPOCH / D * D)

static inline GstHarness *
harness_new (const char *launch, const char *caps)
{
  GstHarness *harness = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

/* msn -> digest of the bytes, PTS and DTS of what was put out for it. */
static inline GHashTable *
digests (Record *record, guint64 (*msn_of) (guint64 ns))
{
  GHashTable *sums
      = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)g_checksum_free);

  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);
    GChecksum *sum;
    guint64 times[2];
    gpointer msn;
    GstMapInfo map;

    if (item->kind != RECORD_BUFFER)
      continue;
    msn = GSIZE_TO_POINTER (msn_of (GST_BUFFER_PTS (item->buffer)));
    sum = g_hash_table_lookup (sums, msn);
    if (sum == NULL) {
      sum = g_checksum_new (G_CHECKSUM_SHA256);
      g_hash_table_insert (sums, msn, sum);
    }
    times[0] = GST_BUFFER_PTS (item->buffer);
    times[1] = GST_BUFFER_DTS (item->buffer);
    g_checksum_update (sum, (const guint8 *)times, sizeof times);
    gst_buffer_map (item->buffer, &map, GST_MAP_READ);
    g_checksum_update (sum, map.data, map.size);
    gst_buffer_unmap (item->buffer, &map);
  }
  return sums;
}

/* Every segment of b from its skip-th on is one of a, with the same bytes. */
static inline void
assert_same (GHashTable *a, GHashTable *b, guint skip, guint at_least)
{
  guint64 first = G_MAXUINT64;
  guint same = 0;
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, b);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    first = MIN (first, GPOINTER_TO_SIZE (key));
  g_hash_table_iter_init (&iter, b);
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    GChecksum *other = g_hash_table_lookup (a, key);

    if (GPOINTER_TO_SIZE (key) < first + skip)
      continue;
    g_assert_nonnull (other);
    g_assert_cmpstr (g_checksum_get_string (other), ==, g_checksum_get_string (value));
    same++;
  }
  g_assert_cmpuint (same, >=, at_least);
}
