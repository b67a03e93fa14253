/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "demux-run.h"

#include <string.h>

#include "he-anchor.h"

static void
test_decodes (gconstpointer sync)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (Run) run = run_bytes (
      feed, 0,
      (Options) { .video = "queue ! h264parse ! avdec_h264 output-corrupt=false",
                  .audio = "queue ! aacparse ! avdec_aac",
                  .sync = sync != NULL });

  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, ==, N_PICTURES);
  g_assert_cmpuint (run->audio->len, >=, 184);
  for (guint i = 0; i < N_PICTURES; i++)
    g_assert_cmpuint (nth (run->video, i)->pts, ==,
                      nth (run->video, 0)->pts + i * PICTURE_NS);
  for (guint i = 1; i < run->audio->len; i++)
    /* The muxer rounds to ticks: the feed's times, not ours. */
    g_assert_cmpuint (nth (run->audio, i)->pts - nth (run->audio, i - 1)->pts, <=,
                      he_ticks_to_ns (1921) + 1);
  g_assert_cmpuint (run->segment.start, ==, run->segment.time);
  g_assert_cmpuint (run->segment.base, ==, 0); /* began in PAUSED */
  if (sync)
    g_assert_cmpint (run->took_us, >, 3500000);
  g_assert_cmpint (run->took_us, <, 100000000);
}

static void
test_annotations (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (Run) run = run_bytes (feed, 0, (Options) { 0 });
  guint64 source = shift_feed (feed, 0), now = (guint64)g_get_real_time () * 1000;

  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, ==, N_PICTURES);
  /* Source time, at the turn nearest to now. */
  g_assert_cmpuint (he_ticks_from_ns (nth (run->video, 0)->pts) % HE_PTS_WRAP, ==,
                    source);
  g_assert_cmpuint (ABS ((gint64)(nth (run->video, 0)->pts - now)), <=,
                    he_ticks_to_ns (HE_PTS_WRAP / 2) + GST_SECOND);
  g_assert_true (nth (run->video, 0)->flags & GST_BUFFER_FLAG_DISCONT);
  g_assert_false (nth (run->video, 0)->flags & GST_BUFFER_FLAG_DELTA_UNIT);
  g_assert_true (nth (run->video, 1)->flags & GST_BUFFER_FLAG_DELTA_UNIT);
  g_assert_false (nth (run->video, 1)->flags & GST_BUFFER_FLAG_DISCONT);
  g_assert_cmpuint (run->generations->len, ==, 1);
  g_assert_cmpuint (g_array_index (run->generations, guint, 0), ==, 0);
  g_assert_cmpuint (run->anchors->len, ==, 1);
  g_assert_cmpuint (stat_of (run, "frames"), ==, run->video->len + run->audio->len);
  g_assert_cmpuint (stat_of (run, "packets"), ==, feed->len / 188);
  g_assert_cmpuint (stat_of (run, "damaged"), ==, 0);
}

/* Frames are known by their bytes; an encoder may write the same bytes for two frames,
 * and those tell nothing. */
static void
assert_same_times (const GArray *late, const GArray *all, guint at_least)
{
  g_autoptr (GHashTable) times = g_hash_table_new (g_str_hash, g_str_equal);
  guint compared = 0;

  for (guint i = 0; i < all->len; i++) {
    const char *hash = nth (all, i)->hash;
    gboolean twice = g_hash_table_contains (times, hash);

    g_hash_table_insert (times, (gpointer)hash, twice ? NULL : (gpointer)nth (all, i));
  }
  g_assert_cmpuint (late->len, <, all->len);
  for (guint i = 0; i < late->len; i++) {
    const Frame *other = g_hash_table_lookup (times, nth (late, i)->hash);

    g_assert_true (g_hash_table_contains (times, nth (late, i)->hash));
    if (other == NULL)
      continue;
    g_assert_cmpuint (nth (late, i)->pts, ==, other->pts);
    g_assert_cmpuint (nth (late, i)->dts, ==, other->dts);
    compared++;
  }
  g_assert_cmpuint (compared, >=, at_least);
}

/* Given two receivers that joined at different bytes, with wall clocks seconds apart and
 * the agreed anchor, over a wrap of PTS, then common frames have common times. */
static void
test_two_receivers (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (Run) a = NULL;
  guint64 first = shift_feed (feed, 0);

  shift_feed (feed, HE_PTS_WRAP - first - 2 * HE_TICKS_PER_SECOND);
  a = run_bytes (feed, 0, (Options) { 0 });
  g_assert_no_error (a->error);
  g_assert_cmpuint (a->video->len, ==, N_PICTURES);
  for (guint i = 1; i < N_PICTURES; i++)
    g_assert_cmpuint (nth (a->video, i)->dts - nth (a->video, i - 1)->dts, ==,
                      PICTURE_NS);

  for (guint i = 0; i < 3; i++) {
    HeAnchor anchor;
    g_autofree char *text = NULL;
    g_autoptr (Run) b = NULL;

    g_assert_true (he_anchor_from_json (a->anchors->pdata[0], -1, &anchor, NULL));
    anchor.wall_offset90 += ((gint64)i - 1) * 4 * (gint64)HE_TICKS_PER_SECOND;
    text = he_anchor_to_json (&anchor);
    b = run_bytes (feed, 20000 + i * 7001, (Options) { .anchor = text });
    g_assert_no_error (b->error);
    g_assert_cmpuint (b->anchors->len, ==, 0); /* nothing to agree on */
    assert_same_times (b->video, a->video, 20);
    assert_same_times (b->audio, a->audio, 50);
  }
}

static char *
answer (GstElement *demux, const char *proposal, gpointer user)
{
  HeAnchor anchor;

  g_assert_true (he_anchor_from_json (proposal, -1, &anchor, NULL));
  return g_strdup (user);
}

static void
test_agreement (void)
{
  static const char text[]
      = "{\"generation\":2,\"offset90\":4500,\"wall-offset90\":0,\"node\":\"B\"}";
  g_autoptr (GByteArray) feed = make_feed ();
  guint64 first = shift_feed (feed, 0);
  g_autoptr (Run) run
      = run_bytes (feed, 0, (Options) { .agree = answer, .answer = text });

  g_assert_no_error (run->error);
  g_assert_cmpuint (he_ticks_from_ns (nth (run->video, 0)->pts) % HE_PTS_WRAP, ==,
                    first + 4500);
  g_assert_cmpuint (g_array_index (run->generations, guint, 0), ==, 2);
  g_assert_cmpuint (run->anchors->len, ==, 1);
  g_assert_cmpstr (run->anchors->pdata[0], ==, text);
}

static void
test_bad_agreement (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (Run) run
      = run_bytes (feed, 0, (Options) { .agree = answer, .answer = "{\"generation\":" });

  g_assert_nonnull (run->error);
  g_assert_nonnull (strstr (run->error->message, "agree-anchor"));
  g_assert_cmpuint (run->video->len, ==, 0);
}

static void
test_bad_anchor (void)
{
  GstElement *demux = gst_element_factory_make ("epochdemux", NULL);

  gst_object_ref_sink (demux);
  g_object_set (demux, "anchor", "{}", NULL);
  g_assert_cmpint (gst_element_set_state (demux, GST_STATE_PAUSED), ==,
                   GST_STATE_CHANGE_FAILURE);
  g_object_set (demux, "anchor", NULL, "node", "no name", NULL);
  g_assert_cmpint (gst_element_set_state (demux, GST_STATE_PAUSED), ==,
                   GST_STATE_CHANGE_FAILURE);
  g_object_set (demux, "node", "A", NULL);
  g_assert_cmpint (gst_element_set_state (demux, GST_STATE_PAUSED), ==,
                   GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (demux, GST_STATE_NULL);
  gst_object_unref (demux);
}

/* Given a source that starts again, then times go on and the generation is announced. */
static void
test_jump (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (GByteArray) again = make_feed ();
  g_autoptr (Run) run = NULL;

  g_byte_array_append (feed, again->data, again->len);
  run = run_bytes (feed, 0, (Options) { 0 });
  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, ==, 2 * N_PICTURES);
  for (guint i = 1; i < 2 * N_PICTURES; i++)
    g_assert_cmpuint (nth (run->video, i)->dts - nth (run->video, i - 1)->dts, ==,
                      PICTURE_NS);
  g_assert_true (nth (run->video, N_PICTURES)->flags & GST_BUFFER_FLAG_DISCONT);
  g_assert_cmpuint (run->generations->len, ==, 2);
  g_assert_cmpuint (g_array_index (run->generations, guint, 1), ==, 1);
  g_assert_cmpuint (run->anchors->len, ==, 2);
}

/* Where a picture behind the first second lies in three packets or more. */
static gsize
find_long_picture (const GByteArray *feed)
{
  for (gsize at = feed->len / 188 / 4 * 188; at + 4 * 188 <= feed->len; at += 188) {
    const guint8 *packet = feed->data + at;

    if ((packet[1] & 0x40) && packet[7] == 0xe0 && packet[2] == packet[190]
        && packet[2] == packet[378] && !(packet[189] & 0x40) && !(packet[377] & 0x40))
      return at;
  }
  g_assert_not_reached ();
}

/* Given a lost packet, then the picture that it was of is marked, and the one behind it.
 */
static void
test_loss (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (Run) run = NULL;
  guint n = 0;

  g_byte_array_remove_range (feed, (guint)find_long_picture (feed) + 188, 188);
  run = run_bytes (feed, 0, (Options) { 0 });
  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, ==, N_PICTURES);
  for (guint i = 1; i < N_PICTURES; i++) {
    gboolean corrupted
        = (nth (run->video, i - 1)->flags & GST_BUFFER_FLAG_CORRUPTED) != 0;

    g_assert_cmpint ((nth (run->video, i)->flags & GST_BUFFER_FLAG_DISCONT) != 0, ==,
                     corrupted);
    n += corrupted;
  }
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpuint (stat_of (run, "gaps"), ==, 1);
  g_assert_cmpuint (stat_of (run, "damaged"), ==, 1);
}

/* Where the next unit of a stream begins, behind from: 0xe0 is video, 0xc0 sound. */
static gsize
next_unit (const GByteArray *feed, gsize from, guint8 stream)
{
  for (gsize at = from + 188; at + 188 <= feed->len; at += 188) {
    const guint8 *packet = feed->data + at;
    gsize pes = 4u + (packet[3] & 0x20 ? 1u + packet[4] : 0u);

    if ((packet[1] & 0x40) && pes + 4 <= 188 && packet[pes + 2] == 1
        && packet[pes + 3] == stream)
      return at;
  }
  g_assert_not_reached ();
}

#define SHORT_D 18000 /* five pictures */

/* How many segments show, or sound, something else than they did in a whole run; each of
 * them is flagged. */
static guint
count_flagged (const Run *whole, const GArray *frames, const Run *run, const GArray *now)
{
  g_autoptr (GHashTable) torn = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  gpointer msn;

  g_assert_no_error (run->error);
  g_assert_cmpuint (g_hash_table_size (whole->flagged), ==, 0);
  for (guint i = 0, at = 0; i < now->len; i++) {
    const Frame *frame = nth (now, i);

    while (nth (frames, at)->pts < frame->pts)
      at++;
    g_assert_cmpuint (nth (frames, at)->pts, ==, frame->pts);
    if (g_strcmp0 (nth (frames, at)->hash, frame->hash) != 0)
      g_hash_table_add (torn, GSIZE_TO_POINTER (he_ticks_from_ns (frame->pts) / SHORT_D));
  }
  g_hash_table_iter_init (&iter, torn);
  while (g_hash_table_iter_next (&iter, &msn, NULL))
    g_assert_true (g_hash_table_contains (run->flagged, msn));
  return g_hash_table_size (torn);
}

#define PICTURES                                                                         \
  "queue ! h264parse ! avdec_h264 output-corrupt=false max-threads=2 ! epochalign "      \
  "segment-duration=" G_STRINGIFY (SHORT_D) " ! videoconvert ! "                         \
                                            "video/x-raw,format=BGRx"
#define SOUND                                                                            \
  "queue ! aacparse ! avdec_aac ! audioconvert ! epochalign "                            \
  "segment-duration=" G_STRINGIFY (SHORT_D)

/* Given pictures that were lost, then every segment that shows something else than it
 * would have is flagged, and those behind the next keyframe are not. */
static void
test_what_refers_to_lost_packets_is_flagged (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  Options options = { .video = PICTURES, .audio = "" };
  g_autoptr (Run) units = run_bytes (feed, 0, (Options) { 0 });
  g_autoptr (Run) whole = run_bytes (feed, 0, options);
  g_autoptr (Run) run = NULL;
  gsize from = 0, to;
  guint key = 21;

  while (nth (units->video, key)->flags & GST_BUFFER_FLAG_DELTA_UNIT)
    key++;
  for (guint i = 0; i <= key + 1; i++)
    from = next_unit (feed, from, 0xe0);
  to = from;
  for (guint i = 0; i < 4; i++)
    to = next_unit (feed, to, 0xe0);
  g_byte_array_remove_range (feed, (guint)from, (guint)(to - from));
  options.anchor = whole->anchors->pdata[0];
  run = run_bytes (feed, 0, options);
  g_assert_cmpuint (run->video->len, >, N_PICTURES - 10);
  /* More than what was lost, and no more than up to the next keyframe, one of 20. */
  g_assert_cmpuint (count_flagged (whole, whole->video, run, run->video), >, 2);
  g_assert_cmpuint (g_hash_table_size (run->flagged), <=, 6);
}

/* The packets of the unit of sound that begins at a place. */
static GByteArray *
unit_of_sound (const GByteArray *feed, gsize from)
{
  GByteArray *unit = g_byte_array_new ();
  guint8 pid = feed->data[from + 2];
  gsize end = next_unit (feed, from, 0xc0);

  for (gsize at = from; at < end; at += 188)
    if (feed->data[at + 2] == pid)
      g_byte_array_append (unit, feed->data + at, 188);
  return unit;
}

/* Given sound of which a packet is lost, or a unit comes again later, then every segment
 * that sounds otherwise than it would have is flagged. */
static void
test_sound_behind_a_gap_is_flagged (void)
{
  for (guint again = 0; again < 2; again++) {
    g_autoptr (GByteArray) feed = make_feed ();
    Options options = { .video = "", .audio = SOUND };
    g_autoptr (Run) whole = run_bytes (feed, 0, options);
    g_autoptr (Run) run = NULL;
    gsize at = next_unit (feed, feed->len / 188 / 2 * 188, 0xc0);

    if (again) {
      g_autoptr (GByteArray) unit = unit_of_sound (feed, at);
      gsize late = next_unit (feed, next_unit (feed, at, 0xc0), 0xc0);
      g_autoptr (GByteArray) rest = g_byte_array_new ();

      g_byte_array_append (rest, feed->data + late, (guint)(feed->len - late));
      g_byte_array_set_size (feed, (guint)late);
      g_byte_array_append (feed, unit->data, unit->len);
      g_byte_array_append (feed, rest->data, rest->len);
    } else {
      g_byte_array_remove_range (feed, (guint)at, 188);
    }
    options.anchor = whole->anchors->pdata[0];
    run = run_bytes (feed, 0, options);
    g_assert_cmpuint (count_flagged (whole, whole->audio, run, run->audio), >, 0);
    g_assert_cmpuint (g_hash_table_size (run->flagged), <=, 5);
  }
}

static void
test_unlinked_pad (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  g_autoptr (Run) run = run_bytes (feed, 0, (Options) { .audio = "" });

  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, ==, N_PICTURES);
}

/* Given a running pipeline, when the first frame comes, then it plays now. */
static void
test_live_base (void)
{
  g_autoptr (GByteArray) feed = make_feed ();
  GstElement *pipeline = parse ("appsrc name=src is-live=true ! epochdemux ! "
                                "h264parse ! fakesink name=video sync=true");
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "video");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");
  g_autoptr (GstEvent) event = NULL;
  GstBuffer *buffer = gst_buffer_new_memdup (feed->data, feed->len);
  const GstSegment *segment;
  GstFlowReturn flow;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (400000);
  g_signal_emit_by_name (src, "push-buffer", buffer, &flow);
  gst_buffer_unref (buffer);
  for (guint i = 0; i < 2000 && !event; i++) {
    g_usleep (20000);
    event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  }
  g_assert_nonnull (event);
  gst_event_parse_segment (event, &segment);
  g_assert_cmpuint (segment->base, >=, 350 * GST_MSECOND);
  g_assert_cmpuint (segment->base, <=, 60 * GST_SECOND);
  g_assert_cmpuint (segment->start, ==, segment->time);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static void
test_example (void)
{
  GstElement *pipeline = parse ("videotestsrc num-buffers=100 ! x264enc ! mpegtsmux ! "
                                "epochdemux ! h264parse ! fakesink");

  run_to_eos (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* --- Malformed feeds ------------------------------------------------------------------
 */

static void
assert_refused (const GByteArray *feed, const char *what)
{
  g_autoptr (Run) run = run_bytes (feed, 0, (Options) { .audio = "" });

  g_assert_nonnull (run->error);
  if (!strstr (run->error->message, what))
    g_error ("\"%s\" does not say \"%s\"", run->error->message, what);
  g_assert_cmpuint (run->video->len, ==, 0);
}

static void
test_random (void)
{
  g_autoptr (GByteArray) feed = g_byte_array_new ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 100000; i++) {
    guint32 word = g_rand_int (rand);

    g_byte_array_append (feed, (guint8 *)&word, sizeof word);
  }
  assert_refused (feed, "not an MPEG transport stream");
}

static void
test_empty (void)
{
  g_autoptr (GByteArray) feed = g_byte_array_new ();

  assert_refused (feed, "before the feed ended");
}

static GByteArray *
without_pid (guint16 pid)
{
  g_autoptr (GByteArray) feed = make_feed ();
  GByteArray *rest = g_byte_array_new ();

  for (gsize at = 0; at < feed->len; at += 188) {
    guint16 here = (guint16)((feed->data[at + 1] & 0x1f) << 8 | feed->data[at + 2]);

    if (here != pid)
      g_byte_array_append (rest, feed->data + at, 188);
  }
  return rest;
}

static void
test_no_pat (void)
{
  g_autoptr (GByteArray) feed = without_pid (0);

  assert_refused (feed, "no valid PAT");
}

static void
test_zero_section_length (void)
{
  g_autoptr (GByteArray) feed = make_feed ();

  for (gsize at = 0; at < feed->len; at += 188) {
    if (!(feed->data[at + 1] & 0x1f) && feed->data[at + 2] == 0) {
      guint8 *section = feed->data + at + 5
                        + (feed->data[at + 3] & 0x20 ? 1 + feed->data[at + 4] : 0);

      section[1] &= 0xf0;
      section[2] = 0;
    }
  }
  assert_refused (feed, "no valid PAT");
}

/* Takes every seventh packet that begins no PES packet out, from a place on. */
static GByteArray *
cut_units (gsize from)
{
  g_autoptr (GByteArray) feed = make_feed ();
  GByteArray *cut = g_byte_array_new ();
  guint n = 0;

  for (gsize at = 0; at < feed->len; at += 188) {
    gboolean start = feed->data[at + 1] & 0x40;

    if (start || at < from || n++ % 7 != 0)
      g_byte_array_append (cut, feed->data + at, 188);
  }
  return cut;
}

static void
test_truncated_pes (void)
{
  g_autoptr (GByteArray) feed = cut_units (188 * 100);
  g_autoptr (Run) run = run_bytes (feed, 0, (Options) { 0 });

  g_assert_no_error (run->error);
  g_assert_cmpuint (run->video->len, >, N_PICTURES / 2);
  g_assert_cmpuint (stat_of (run, "damaged"), >, 5);
}

/* Given a feed without one whole IDR picture, then there is an error, and no hang. */
static void
test_nothing_to_begin_with (void)
{
  g_autoptr (GByteArray) feed = cut_units (0);

  assert_refused (feed, "decoding could begin");
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  folder = g_dir_make_tmp ("epochdemux-XXXXXX", NULL);
  g_assert_nonnull (folder);

  g_test_add_data_func ("/epochdemux/decodes/without-sync", NULL, test_decodes);
  g_test_add_data_func ("/epochdemux/decodes/with-sync", "sync", test_decodes);
  g_test_add_func ("/epochdemux/frames/carry-what-they-should", test_annotations);
  g_test_add_func ("/epochdemux/frames/two-receivers-agree-over-a-wrap",
                   test_two_receivers);
  g_test_add_func ("/epochdemux/frames/loss-is-marked", test_loss);
  g_test_add_func ("/epochdemux/frames/what-refers-to-lost-packets-is-flagged",
                   test_what_refers_to_lost_packets_is_flagged);
  g_test_add_func ("/epochdemux/frames/sound-behind-a-gap-is-flagged",
                   test_sound_behind_a_gap_is_flagged);
  g_test_add_func ("/epochdemux/anchor/answer-holds", test_agreement);
  g_test_add_func ("/epochdemux/anchor/answer-that-is-none-is-an-error",
                   test_bad_agreement);
  g_test_add_func ("/epochdemux/anchor/bad-settings-fail-at-start", test_bad_anchor);
  g_test_add_func ("/epochdemux/anchor/jump-starts-a-generation", test_jump);
  g_test_add_func ("/epochdemux/flow/unlinked-pad-does-not-matter", test_unlinked_pad);
  g_test_add_func ("/epochdemux/flow/first-frame-plays-now", test_live_base);
  g_test_add_func ("/epochdemux/flow/example-runs", test_example);
  g_test_add_func ("/epochdemux/malformed/random-bytes", test_random);
  g_test_add_func ("/epochdemux/malformed/nothing-at-all", test_empty);
  g_test_add_func ("/epochdemux/malformed/no-pat", test_no_pat);
  g_test_add_func ("/epochdemux/malformed/zero-section-length", test_zero_section_length);
  g_test_add_func ("/epochdemux/malformed/truncated-pes", test_truncated_pes);
  g_test_add_func ("/epochdemux/malformed/no-picture-to-begin-with",
                   test_nothing_to_begin_with);
  result = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return result;
}
