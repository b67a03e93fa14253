/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"
#include "record.h"

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)

/* The feed's sample at a position: no two near ones are alike. */
static gint16
sample_value (guint64 position)
{
  return (gint16)(position * 40503 >> 3);
}

static GstHarness *
audio_harness (guint rate)
{
  GstHarness *harness = gst_harness_new ("epochalign");
  g_autofree char *caps = g_strdup_printf (
      "audio/x-raw,format=S16LE,rate=%u,channels=2,layout=interleaved", rate);

  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

/* Block n of a feed that began `phase` ticks behind EPOCH, with the PTS of a TS. */
static void
push_block (GstHarness *harness, guint64 n, guint64 phase, guint rate)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 4096, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (guint i = 0; i < 2048; i++)
    ((gint16 *)map.data)[i] = sample_value (n * 1024 + i / 2);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer)
      = he_ticks_to_ns (EPOCH + phase + (n * 1024 * 90000 + rate / 2) / rate);
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
}

static gint16
sample_at (GstBuffer *buffer, guint index)
{
  gint16 pair[2];

  g_assert_cmpuint (gst_buffer_extract (buffer, index * 4, pair, 4), ==, 4);
  g_assert_cmpint (pair[0], ==, pair[1]);
  return pair[0];
}

/* Given blocks off the grid, then frames of 1024 samples on it come out, whole segments
 * only, announced before their first frame, each sample within half a rounding of its
 * time. */
static void
test_audio_frames_stand_on_the_grid (void)
{
  static const guint rates[] = { 48000, 44100 };

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    const guint rate = rates[r];
    GstHarness *harness = audio_harness (rate);
    Record *record = record_new (harness);
    guint64 first = he_audio_frame_at_or_after (EPOCH + 180000, rate);
    guint64 position, off = 0;
    guint frames = 0;

    for (guint n = 0; n < 400; n++)
      push_block (harness, n, 1234, rate);
    for (guint i = 0; i < record->items->len; i++) {
      RecordItem *item = record_at (record, i);
      guint64 frame = first + frames;
      gboolean starts = frame
                        == he_audio_frame_at_or_after (
                            he_audio_frame_ticks (frame, rate) / 180000 * 180000, rate);

      g_assert_cmpint (item->kind, !=, RECORD_KEY_UNIT);
      if (item->kind != RECORD_BUFFER)
        continue;
      g_assert_cmpint (i > 0 && record_at (record, i - 1)->kind == RECORD_SEGMENT, ==,
                       starts);
      g_assert_cmpuint (gst_buffer_get_size (item->buffer), ==, 4096);
      g_assert_cmpuint (GST_BUFFER_PTS (item->buffer), ==,
                        he_audio_frame_ns (frame, rate));
      frames++;
    }
    g_assert_cmpuint (frames, >, 290);
    g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 0);

    /* Where on the feed the first frame lies, and whether the rest follows. */
    position = first * 1024 - EPOCH / 90000 * rate - (guint64)1234 * rate / 90000 - 9;
    while (sample_value (position + off) != sample_at (record_buffer (record, 0), 0)
           || sample_value (position + off + 1)
                  != sample_at (record_buffer (record, 0), 1))
      g_assert_cmpuint (off++, <, 18);
    for (guint n = 0; n < frames; n++)
      for (guint i = 0; i < 1024; i += 31)
        g_assert_cmpint (sample_at (record_buffer (record, n), i), ==,
                         sample_value (position + off + n * 1024 + i));
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given two nodes that join at different times, then equal times hold equal samples. */
static void
test_audio_is_the_same_on_two_nodes (void)
{
  static const guint rates[] = { 48000, 44100 };

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    for (guint join = 30; join < 140; join += 13) {
      GstHarness *a = audio_harness (rates[r]), *b = audio_harness (rates[r]);
      Record *early = record_new (a), *late = record_new (b);
      guint skip = 0, compared = 0;

      for (guint n = 0; n < 300; n++) {
        push_block (a, n, 77 * join, rates[r]);
        if (n >= join)
          push_block (b, n, 77 * join, rates[r]);
      }
      while (GST_BUFFER_PTS (record_buffer (early, skip))
             < GST_BUFFER_PTS (record_buffer (late, 0)))
        skip++;
      g_assert_cmpuint (record_count (early, RECORD_BUFFER), ==,
                        record_count (late, RECORD_BUFFER) + skip);
      for (; compared < record_count (late, RECORD_BUFFER); compared++) {
        GstBuffer *x = record_buffer (early, skip + compared);
        GstBuffer *y = record_buffer (late, compared);
        GstMapInfo map;

        g_assert_cmpuint (GST_BUFFER_PTS (x), ==, GST_BUFFER_PTS (y));
        gst_buffer_map (y, &map, GST_MAP_READ);
        g_assert_cmpint (gst_buffer_memcmp (x, 0, map.data, map.size), ==, 0);
        gst_buffer_unmap (y, &map);
      }
      g_assert_cmpuint (compared, >, 50);
      gst_harness_teardown (a);
      gst_harness_teardown (b);
      record_free (early);
      record_free (late);
    }
  }
}

/* Given lost blocks, then silence stands in their place, and is flagged. */
static void
test_audio_gap_is_silence_and_flagged (void)
{
  GstHarness *harness = audio_harness (48000);
  Record *record = record_new (harness);
  guint silent = 0, frames;

  for (guint n = 0; n < 300; n++)
    if (n < 150 || n >= 160)
      push_block (harness, n, 0, 48000);
  frames = record_count (record, RECORD_BUFFER);
  for (guint n = 0; n < frames; n++) {
    GstBuffer *buffer = record_buffer (record, n);

    if (n > 0)
      g_assert_cmpuint (GST_BUFFER_PTS (buffer)
                            - GST_BUFFER_PTS (record_buffer (record, n - 1)),
                        >=, 21333333);
    for (guint i = 0; i < 1024; i++)
      silent += sample_at (buffer, i) == 0 && sample_at (buffer, (i + 1) % 1024) == 0;
  }
  g_assert_cmpuint (silent, >=, 10 * 1024 - 8);
  g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, 1);
  for (guint i = 0; i < record->items->len; i++)
    if (record_at (record, i)->kind == RECORD_STATUS) {
      g_assert_cmpint (record_at (record, i)->flags, ==, HE_SEGMENT_FILLED);
      g_assert_cmpuint (record_at (record, i)->msn, ==, EPOCH / 180000 + 1);
    }
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given lost blocks right ahead of a boundary, which decoders and encoders of what is
 * behind it hear, then that is damaged; those half a second ahead are of no concern to
 * it. */
static void
test_audio_gap_hurts_what_is_behind_it (void)
{
  static const struct {
    guint lost;
    gboolean hurts;
  } cases[] = { { 94 + 92, TRUE }, { 94 + 80, TRUE }, { 94 + 70, FALSE } };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    GstHarness *harness = audio_harness (48000);
    Record *record = record_new (harness);

    for (guint n = 0; n < 400; n++)
      if (n != cases[c].lost)
        push_block (harness, n, 0, 48000);
    g_assert_cmpuint (record_count (record, RECORD_STATUS), ==, cases[c].hurts ? 2 : 1);
    g_assert_cmpuint (record_flagged (record, 0, HE_SEGMENT_FILLED), ==,
                      EPOCH / 180000 + 1);
    if (cases[c].hurts)
      g_assert_cmpuint (record_flagged (record, 1, HE_SEGMENT_DAMAGED), ==,
                        EPOCH / 180000 + 2);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* Given the end of the stream, then every whole frame comes before it. */
static void
test_audio_end_pushes_what_is_whole (void)
{
  GstHarness *harness = audio_harness (48000);
  Record *record = record_new (harness);

  /* From two frames before a boundary: the window is not full at the end. */
  for (guint n = 90; n < 110; n++)
    push_block (harness, n, 100, 48000);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 0);
  record_finish (harness);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 16);
  gst_harness_teardown (harness);
  record_free (record);
}

#define ADD(path, name) g_test_add_func ("/epochalign/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("audio/frames-stand-on-the-grid", audio_frames_stand_on_the_grid);
  ADD ("audio/is-the-same-on-two-nodes", audio_is_the_same_on_two_nodes);
  ADD ("audio/gap-is-silence-and-flagged", audio_gap_is_silence_and_flagged);
  ADD ("audio/gap-hurts-what-is-behind-it", audio_gap_hurts_what_is_behind_it);
  ADD ("audio/end-pushes-what-is-whole", audio_end_pushes_what_is_whole);
  return g_test_run ();
}
