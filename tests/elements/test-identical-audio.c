/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identical.h"

#include <math.h>

/* --- Sound ------------------------------------------------------------------- */

static const struct {
  const char *encoder;
  guint rate;
} sounds[] = {
  { "audioconvert ! avenc_aac bitrate=128000", 48000 },
  { "audioconvert ! avenc_aac bitrate=128000", 44100 },
  { "audioconvert ! audio/x-raw,format=S16LE ! voaacenc bitrate=128000", 48000 },
  { "audioconvert ! audio/x-raw,format=S16LE ! voaacenc bitrate=128000", 44100 },
};

static guint sound_rate; /* of the case at hand */

static guint64
audio_msn (guint64 ns)
{
  guint64 sample = he_audio_sample_from_ns (ns, sound_rate);
  guint64 msn = he_epoch_msn (he_ticks_from_ns (ns), D);
  guint64 next
      = he_audio_frame_at_or_after (he_epoch_boundary (msn + 1, D), sound_rate) * 1024;
  guint64 own
      = he_audio_frame_at_or_after (he_epoch_boundary (msn, D), sound_rate) * 1024;

  return sample >= next ? msn + 1 : sample < own ? msn - 1 : msn;
}

/* Broadband, smooth, and unlike itself at any other place. */
static float
signal_at (gint64 sample)
{
  double t = sample / 48000.;

  return 0.3 * sin (2 * G_PI * (200 + 700 * t) * t) + 0.2 * sin (2 * G_PI * 311 * t * t);
}

static GstHarness *
audio_harness (const char *encoder, guint rate, const char *behind)
{
  g_autofree char *launch = g_strdup_printf (
      "segmentencoder agreement=identical segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! %s",
      D, encoder, behind);
  g_autofree char *caps = g_strdup_printf (
      "audio/x-raw,format=F32LE,rate=%u,channels=1,layout=interleaved", rate);

  return harness_new (launch, caps);
}

/* Block n behind the first of segment BASE / D. */
static void
push_block (GstHarness *harness, guint64 first, gint n, guint rate, gboolean decode_only)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 4096, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (guint i = 0; i < 1024; i++)
    ((float *)map.data)[i] = signal_at ((gint64)n * 1024 + i);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = he_audio_frame_ns (first + n, rate);
  if (decode_only)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DECODE_ONLY);
  g_assert_cmpint (gst_harness_push (harness, buffer), ==, GST_FLOW_OK);
}

static GHashTable *
encode_sound (const char *encoder, guint rate, guint64 msn, gboolean preroll)
{
  GstHarness *harness = audio_harness (encoder, rate, "identity");
  Record *record = record_new (harness);
  guint64 first = he_audio_frame_at_or_after (BASE, rate);
  guint from = he_audio_frame_at_or_after (BASE + msn * D, rate) - first;
  GHashTable *sums;

  for (guint n = preroll ? from - 2 : from; n < 150; n++)
    push_block (harness, first, n, rate, n < from);
  record_finish (harness);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 150 - from);
  for (guint n = from; n < 150; n++)
    g_assert_cmpuint (GST_BUFFER_PTS (record_buffer (record, n - from)), ==,
                      he_audio_frame_ns (first + n, rate));
  sums = digests (record, audio_msn);
  gst_harness_teardown (harness);
  record_free (record);
  return sums;
}

/* Given sound that is joined at different segments, then segments have the same bytes:
 * from the first on when it comes with the blocks ahead of it, else from the second. The
 * frames have the times of the blocks, each once. */
static void
test_audio_segments_have_the_same_bytes (void)
{
  for (gsize c = 0; c < G_N_ELEMENTS (sounds); c++) {
    const guint rate = sound_rate = sounds[c].rate;
    g_autoptr (GHashTable) a = encode_sound (sounds[c].encoder, rate, 0, FALSE);
    g_autoptr (GHashTable) b = encode_sound (sounds[c].encoder, rate, 2, FALSE);
    g_autoptr (GHashTable) with_preroll = encode_sound (sounds[c].encoder, rate, 2, TRUE);

    g_test_message ("%s, %u", sounds[c].encoder, rate);
    assert_same (a, b, 1, 3);
    assert_same (a, with_preroll, 0, 4);
  }
}

/* Given a signal, then what is decoded across the joins stands where it stood, to the
 * sample, and 35 dB above what the codec adds at the joins as elsewhere. */
static void
test_audio_joins_cannot_be_heard (void)
{
  for (gsize c = 0; c < G_N_ELEMENTS (sounds); c++) {
    const guint rate = sounds[c].rate;
    GstHarness *harness
        = audio_harness (sounds[c].encoder, rate,
                         "aacparse ! avdec_aac ! audioconvert ! "
                         "capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved");
    Record *record = record_new (harness);
    guint64 first = he_audio_frame_at_or_after (BASE, rate);
    double at_joins = 0, elsewhere = 0;
    guint n_joins = 0, n_elsewhere = 0;

    for (guint n = 0; n < 120; n++)
      push_block (harness, first, n, rate, FALSE);
    record_finish (harness);
    g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 120);
    sound_rate = rate;
    for (guint n = 4; n < 120; n++) {
      GstBuffer *buffer = record_buffer (record, n);
      gboolean join = audio_msn (he_audio_frame_ns (first + n, rate))
                      != audio_msn (he_audio_frame_ns (first + n - 1, rate));
      GstMapInfo map;
      double sum = 0;

      gst_buffer_map (buffer, &map, GST_MAP_READ);
      for (guint i = 0; i < 1024; i++)
        sum += pow (((float *)map.data)[i] - signal_at (n * 1024 + i), 2);
      gst_buffer_unmap (buffer, &map);
      *(join ? &at_joins : &elsewhere) += sum;
      *(join ? &n_joins : &n_elsewhere) += 1;
    }
    at_joins /= n_joins * 1024;
    elsewhere /= n_elsewhere * 1024;
    g_test_message ("%s, %u: %.2f dB at joins, %.2f dB elsewhere", sounds[c].encoder,
                    rate, 10 * log10 (at_joins), 10 * log10 (elsewhere));
    g_assert_cmpuint (n_joins, >=, 4);
    g_assert_cmpfloat (at_joins, <, 2e-5);
    g_assert_cmpfloat (elsewhere, <, 2e-5);
    gst_harness_teardown (harness);
    record_free (record);
  }
}

/* --- Decoded sound ----------------------------------------------------------- */

/* Noise, which avenc_aac leaves for the decoder to make (PNS). */
static GPtrArray *
encode_noise (guint frames)
{
  GstHarness *harness = gst_harness_new_parse (
      "audiotestsrc wave=white-noise volume=0.1 samplesperbuffer=1024 num-buffers=150 ! "
      "audio/x-raw,rate=48000,channels=2 ! avenc_aac bitrate=96000 ! aacparse");
  GPtrArray *packets
      = g_ptr_array_new_with_free_func ((GDestroyNotify)gst_mini_object_unref);

  gst_harness_play (harness);
  for (guint n = 0; n < frames; n++) {
    GstBuffer *packet = gst_buffer_make_writable (gst_harness_pull (harness));

    GST_BUFFER_PTS (packet)
        = he_audio_frame_ns (he_audio_frame_at_or_after (BASE, 48000) + n, 48000);
    g_ptr_array_add (packets, packet);
  }
  g_ptr_array_add (packets, gst_pad_get_current_caps (harness->sinkpad));
  gst_harness_teardown (harness);
  return packets;
}

/* PTS -> samples, of the packets from the first on; the last item is their caps. */
static GHashTable *
decode (const char *decoder, GPtrArray *packets, guint first)
{
  GstHarness *harness = gst_harness_new_parse (decoder);
  GHashTable *sound
      = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)gst_buffer_unref);
  const guint n = packets->len - 1;
  GstBuffer *buffer;

  gst_harness_set_src_caps (harness, gst_caps_ref (packets->pdata[n]));
  for (guint i = first; i < n; i++)
    g_assert_cmpint (gst_harness_push (harness, gst_buffer_ref (packets->pdata[i])), ==,
                     GST_FLOW_OK);
  while ((buffer = gst_harness_try_pull (harness)) != NULL)
    g_assert_true (
        g_hash_table_insert (sound, GSIZE_TO_POINTER (GST_BUFFER_PTS (buffer)), buffer));
  g_assert_cmpuint (g_hash_table_size (sound), ==, n - first);
  gst_harness_teardown (harness);
  return sound;
}

static guint
count_different (GHashTable *a, GHashTable *b, guint64 from_ns)
{
  guint different = 0;
  GHashTableIter iter;
  gpointer pts, buffer;

  g_hash_table_iter_init (&iter, b);
  while (g_hash_table_iter_next (&iter, &pts, &buffer)) {
    GstBuffer *other = g_hash_table_lookup (a, pts);
    GstMapInfo map;

    if (GPOINTER_TO_SIZE (pts) < from_ns)
      continue;
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    different += other == NULL || gst_buffer_get_size (other) != map.size
                 || gst_buffer_memcmp (other, 0, map.data, map.size) != 0;
    gst_buffer_unmap (buffer, &map);
  }
  return different;
}

/* Given noise of a codec, then decoders that begin at different times differ for as long
 * as they run; segmentdecoder's are the same from a segment's lead on, each frame once.
 */
static void
test_decoded_noise_is_the_same (void)
{
  g_autoptr (GPtrArray) packets = encode_noise (120);
  g_autofree char *ours
      = g_strdup_printf ("segmentdecoder segment-duration=%" G_GUINT64_FORMAT, D);
  const guint64 second = he_ticks_to_ns (BASE + 2 * D);
  const struct {
    const char *decoder;
    gboolean same;
  } cases[] = { { "avdec_aac_fixed", FALSE }, { ours, TRUE } };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autoptr (GHashTable) a = decode (cases[c].decoder, packets, 0);
    g_autoptr (GHashTable) b = decode (cases[c].decoder, packets, 29);
    guint different = count_different (a, b, second);

    g_test_message ("%s: %u frames differ", cases[c].decoder, different);
    g_assert_cmpint (different == 0, ==, cases[c].same);
  }
}

#define ADD(path, name) g_test_add_func ("/identical/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("audio/segments-have-the-same-bytes", audio_segments_have_the_same_bytes);
  ADD ("audio/joins-cannot-be-heard", audio_joins_cannot_be_heard);
  ADD ("audio/decoded-noise-is-the-same", decoded_noise_is_the_same);
  return g_test_run ();
}
