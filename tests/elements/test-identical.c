/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-epoch.h"
#include "record.h"

#include <math.h>
#include <string.h>

/* Segmentencoder with agreement=identical: a new encoder for each segment. */

#define EPOCH (G_GUINT64_CONSTANT (1700000000) * 90000)
#define D G_GUINT64_CONSTANT (45045) /* 0.5 s and a bit: 15 frames at 29.97 */
#define BASE (EPOCH / D * D)
#define SIZE 64

static GstHarness *
harness_new (const char *launch, const char *caps)
{
  GstHarness *harness = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (harness, caps);
  return harness;
}

static GstHarness *
video_harness (const char *encoder, guint fps_n, guint fps_d)
{
  g_autofree char *launch = g_strdup_printf (
      "segmentencoder name=e agreement=identical segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! identity",
      D, encoder);
  g_autofree char *caps
      = g_strdup_printf ("video/x-raw,format=I420,width=%d,height=%d,framerate=%u/%u",
                         SIZE, SIZE, fps_n, fps_d);

  return harness_new (launch, caps);
}

/* Frame n of a picture that moves and changes, at t90. */
static GstFlowReturn
push_picture (GstHarness *harness, guint64 t90, guint n, guint size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size * size * 3 / 2, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (i % size * 3 + i / size * (n % 7) + n) ^ (n / 17 % 2 ? 255 : 0);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = he_ticks_to_ns (t90);
  return gst_harness_push (harness, buffer);
}

static guint64
tick (guint64 n, guint fps_n, guint fps_d)
{
  return BASE + (n * 90000 * fps_d + fps_n / 2) / fps_n;
}

/* msn -> digest of the bytes, PTS and DTS of what was put out for it. */
static GHashTable *
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
static void
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

/* --- Video ------------------------------------------------------------------- */

static guint64
video_msn (guint64 ns)
{
  return he_epoch_msn (he_ticks_from_ns (ns), D);
}

/* PTS, sorted by arrival per segment, are those of the frames, each once; the first frame
 * of each segment alone is a keyframe, and its announcement stands right before it. */
static void
assert_pictures (Record *record, guint from, guint to, guint fps_n, guint fps_d)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  guint64 msn = 0, last_dts = 0;
  guint n = 0;

  for (guint i = 0; i < record->items->len; i++) {
    RecordItem *item = record_at (record, i);
    guint64 pts, own;

    if (item->kind != RECORD_BUFFER)
      continue;
    pts = GST_BUFFER_PTS (item->buffer);
    own = video_msn (pts);
    g_assert_true (own == msn || own == msn + 1 || n == 0);
    g_assert_cmpint (!GST_BUFFER_FLAG_IS_SET (item->buffer, GST_BUFFER_FLAG_DELTA_UNIT),
                     ==, own != msn);
    if (own != msn) {
      g_assert_cmpint (record_at (record, i - 1)->kind, ==, RECORD_KEY_UNIT);
      g_assert_cmpuint (record_at (record, i - 1)->count, ==, (guint)own);
    }
    msn = own;
    if (GST_BUFFER_DTS_IS_VALID (item->buffer)) {
      g_assert_cmpuint (GST_BUFFER_DTS (item->buffer), >, last_dts);
      last_dts = GST_BUFFER_DTS (item->buffer);
    }
    g_assert_true (g_hash_table_add (seen, GSIZE_TO_POINTER (pts)));
    n++;
  }
  g_assert_cmpuint (n, ==, to - from);
  for (guint i = from; i < to; i++)
    g_assert_true (g_hash_table_contains (
        seen, GSIZE_TO_POINTER (he_ticks_to_ns (tick (i, fps_n, fps_d)))));
}

static GHashTable *
encode_pictures (const char *encoder, guint from, guint to, guint fps_n, guint fps_d)
{
  GstHarness *harness = video_harness (encoder, fps_n, fps_d);
  Record *record = record_new (harness);
  GHashTable *sums;

  for (guint n = from; n < to; n++)
    g_assert_cmpint (push_picture (harness, tick (n, fps_n, fps_d), n, SIZE), ==,
                     GST_FLOW_OK);
  record_finish (harness);
  assert_pictures (record, from, to, fps_n, fps_d);
  sums = digests (record, video_msn);
  gst_harness_teardown (harness);
  record_free (record);
  return sums;
}

/* The first frame of a segment. */
static guint
first_of (guint64 msn, guint fps_n, guint fps_d)
{
  guint n = 0;

  while (he_epoch_msn (tick (n, fps_n, fps_d), D) < BASE / D + msn)
    n++;
  return n;
}

/* Given two encoders that begin with different segments, then what both put out for a
 * segment has the same bytes and times; every frame comes out once, in its segment. */
static void
test_video_segments_have_the_same_bytes (void)
{
  static const struct {
    const char *encoder;
    guint n, d;
  } cases[] = {
    { "x264enc bitrate=200 vbv-buf-capacity=500 threads=1 speed-preset=superfast "
      "bframes=0 option-string=mbtree=0",
      25, 1 },
    { "x264enc bitrate=200 vbv-buf-capacity=500 threads=1 speed-preset=superfast "
      "bframes=2 b-adapt=false option-string=mbtree=0",
      30000, 1001 },
    { "x264enc pass=quant threads=1 speed-preset=ultrafast rc-lookahead=20 ! queue",
      60000, 1001 },
    { "openh264enc bitrate=200000 multi-thread=1", 25, 1 },
    { "x265enc bitrate=200 speed-preset=ultrafast "
      "option-string=pools=1:frame-threads=1:bframes=0",
      30000, 1001 },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++) {
    const guint n = cases[c].n, d = cases[c].d;
    guint second = first_of (2, n, d);
    g_autoptr (GHashTable) a
        = encode_pictures (cases[c].encoder, 0, first_of (6, n, d) + 3, n, d);
    g_autoptr (GHashTable) b
        = encode_pictures (cases[c].encoder, second, first_of (6, n, d) + 3, n, d);

    g_test_message ("%s", cases[c].encoder);
    g_assert_cmpuint (g_hash_table_size (a), ==, 7);
    assert_same (a, b, 0, 5);
  }
}

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

/* --- Whatever happens -------------------------------------------------------- */

#define X264                                                                             \
  "x264enc bitrate=200 vbv-buf-capacity=500 threads=1 speed-preset=superfast "           \
  "option-string=mbtree=0:rc-lookahead=10"

/* Given a flush in the middle of a segment, then nothing of before comes out behind it,
 * and segments have the bytes that they have without. */
static void
test_flush_leaves_nothing (void)
{
  g_autoptr (GHashTable) whole = encode_pictures (X264, 0, first_of (5, 25, 1), 25, 1);
  GstHarness *harness = video_harness (X264, 25, 1);
  guint restart = first_of (3, 25, 1);
  g_autoptr (GHashTable) sums = NULL;
  GstSegment segment;
  Record *record;

  for (guint n = 0; n < restart - 8; n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, SIZE), ==, GST_FLOW_OK);
  gst_harness_push_event (harness, gst_event_new_flush_start ());
  g_assert_cmpint (push_picture (harness, tick (restart, 25, 1), 0, SIZE), ==,
                   GST_FLOW_FLUSHING);
  gst_harness_push_event (harness, gst_event_new_flush_stop (TRUE));
  record = record_new (harness);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (harness, gst_event_new_segment (&segment));
  for (guint n = restart; n < first_of (5, 25, 1); n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, SIZE), ==, GST_FLOW_OK);
  record_finish (harness);
  assert_pictures (record, restart, first_of (5, 25, 1), 25, 1);
  sums = digests (record, video_msn);
  assert_same (whole, sums, 0, 2);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given pictures of another size in the middle of a segment, then all come out, each with
 * the caps that it has. */
static void
test_caps_change_anywhere (void)
{
  GstHarness *harness = video_harness (X264, 25, 1);
  Record *record = record_new (harness);
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GstCaps) larger = gst_caps_from_string (
      "video/x-raw,format=I420,width=128,height=128,framerate=25/1");
  gint width = 0;

  for (guint n = 0; n < 17; n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, SIZE), ==, GST_FLOW_OK);
  gst_harness_push_event (harness, gst_event_new_caps (larger));
  for (guint n = 17; n < 40; n++)
    g_assert_cmpint (push_picture (harness, tick (n, 25, 1), n, 2 * SIZE), ==,
                     GST_FLOW_OK);
  record_finish (harness);
  g_assert_cmpuint (record_count (record, RECORD_BUFFER), ==, 40);
  for (guint n = 0; n < 40; n++)
    g_assert_true (GST_BUFFER_PTS (record_buffer (record, n)) >= he_ticks_to_ns (BASE));
  caps = gst_pad_get_current_caps (harness->sinkpad);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  g_assert_cmpint (width, ==, 128);
  gst_harness_teardown (harness);
  record_free (record);
}

/* Given an encoder that fails, at work or while it ends, then whoever feeds it learns so;
 * nobody waits. */
static void
test_failing_encoder_holds_nobody (void)
{
  static const char *encoders[]
      = { X264 " ! identity error-after=5", X264 " ! identity error-after=11",
          X264 " rc-lookahead=30 ! identity error-after=12",
          "identity error-after=12 ! x264enc" };

  for (guint e = 0; e < G_N_ELEMENTS (encoders); e++) {
    GstHarness *harness = video_harness (encoders[e], 25, 1);
    g_autoptr (GstBus) bus = gst_bus_new ();
    g_autoptr (GstMessage) message = NULL;
    GstFlowReturn ret = GST_FLOW_OK;

    gst_element_set_bus (harness->element, bus);
    for (guint n = 0; n < 100 && ret == GST_FLOW_OK; n++)
      ret = push_picture (harness, tick (n, 25, 1), n, SIZE);
    g_assert_cmpint (ret, !=, GST_FLOW_OK);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    g_assert_nonnull (message);
    gst_element_set_bus (harness->element, NULL);
    gst_harness_teardown (harness);
  }
}

/* Given a pipeline that is stopped at any moment, then it stops, and can be started
 * again; when it is let be, all pictures come out. */
static void
test_stops_at_any_moment (void)
{
  static const char *branches[] = {
    "videotestsrc num-buffers=400 ! video/x-raw,width=64,height=64,framerate=50/1 ! "
    "epochalign segment-duration=9000 ! segmentencoder agreement=identical "
    "segment-duration=9000 encoder=\"" X264 "\" ! fakesink name=sink",
    "audiotestsrc num-buffers=400 ! audio/x-raw,rate=48000 ! epochalign "
    "segment-duration=9000 ! segmentencoder agreement=identical segment-duration=9000 "
    "encoder=\"audioconvert ! avenc_aac\" ! fakesink name=sink",
  };

  for (guint b = 0; b < G_N_ELEMENTS (branches); b++) {
    g_autoptr (GstElement) pipeline = gst_parse_launch (branches[b], NULL);
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    g_autoptr (GstMessage) message = NULL;

    for (guint i = 0; i < 40; i++) {
      g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PLAYING), !=,
                       GST_STATE_CHANGE_FAILURE);
      g_usleep (i * 700);
      g_assert_cmpint (
          gst_element_set_state (pipeline, i % 3 ? GST_STATE_READY : GST_STATE_NULL), ==,
          GST_STATE_CHANGE_SUCCESS);
    }
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND,
                                          GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
}

#define ADD(path, name) g_test_add_func ("/identical/" path, test_##name)

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  ADD ("video/segments-have-the-same-bytes", video_segments_have_the_same_bytes);
  ADD ("audio/segments-have-the-same-bytes", audio_segments_have_the_same_bytes);
  ADD ("audio/joins-cannot-be-heard", audio_joins_cannot_be_heard);
  ADD ("audio/decoded-noise-is-the-same", decoded_noise_is_the_same);
  ADD ("flush-leaves-nothing", flush_leaves_nothing);
  ADD ("caps-change-anywhere", caps_change_anywhere);
  ADD ("failing-encoder-holds-nobody", failing_encoder_holds_nobody);
  ADD ("stops-at-any-moment", stops_at_any_moment);
  return g_test_run ();
}
