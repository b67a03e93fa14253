/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encrypted-channel.h"

#include <glib/gstdio.h>

typedef enum { ANNOUNCE = 1 << 0, KEY_UNITS = 1 << 1 } Annotations;

typedef struct {
  Annotations annotations;
  gboolean is_video;
  guint64 last; /* segment of the last buffer */
  guint64 mute_from;
} Feed;

/* What epochalign does: PTS on the epoch, and annotations ahead of each segment. */
static GstPadProbeReturn
annotate (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Feed *feed = data;
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  GstHeadendSegment segment = { .duration90 = D90 };

  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  GST_BUFFER_PTS (buffer) += EPOCH;
  segment.msn = he_epoch_msn (he_ticks_from_ns (GST_BUFFER_PTS (buffer)), D90);
  segment.pts90 = segment.msn * D90;
  if (segment.msn != feed->last) {
    if (feed->is_video && (feed->annotations & KEY_UNITS) != 0
        && segment.msn < feed->mute_from)
      gst_pad_send_event (pad, gst_headend_key_unit_event_new (&segment));
    if ((feed->annotations & ANNOUNCE) != 0)
      gst_pad_send_event (pad, gst_headend_segment_event_new (&segment));
    feed->last = segment.msn;
  }
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
collect (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstMapInfo map;

  g_assert_true (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ));
  g_byte_array_append (data, map.data, (guint)map.size);
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return GST_PAD_PROBE_OK;
}

typedef struct {
  char *folder;
  GByteArray *plain; /* all that went into the element */
  GArray *numbers;   /* guint64, of the messages in their order */
  GArray *sizes;     /* guint64, likewise */
  Feed video, audio;
} Run;

static void
run_clear (Run *run)
{
  g_autoptr (GDir) dir = g_dir_open (run->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (run->folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (run->folder);
  g_free (run->folder);
  g_byte_array_unref (run->plain);
  g_array_unref (run->numbers);
  g_array_unref (run->sizes);
}

static void
note_message (Run *run, GstMessage *message)
{
  const GstStructure *s = gst_message_get_structure (message);
  guint64 msn, period, bytes;
  guint version;

  if (!gst_message_has_name (message, "segmentencrypt-segment"))
    return;
  g_assert_true (gst_structure_get (s, "msn", G_TYPE_UINT64, &msn, "key-period",
                                    G_TYPE_UINT64, &period, "key-version", G_TYPE_UINT,
                                    &version, "bytes", G_TYPE_UINT64, &bytes, NULL));
  g_assert_cmpuint (period, ==, msn / ROTATION);
  g_assert_cmpuint (version, ==, 1);
  g_array_append_val (run->numbers, msn);
  g_array_append_val (run->sizes, bytes);
}

static void
probe (GstElement *pipeline, const char *element, GstPadProbeType type,
       GstPadProbeCallback callback, gpointer data)
{
  g_autoptr (GstElement) e = gst_bin_get_by_name (GST_BIN (pipeline), element);
  g_autoptr (GstPad) pad = e != NULL ? gst_element_get_static_pad (e, "sink") : NULL;

  if (pad != NULL)
    gst_pad_add_probe (pad, type, callback, data, NULL);
}

#define VIDEO                                                                            \
  "videotestsrc num-buffers=90 ! video/x-raw,width=64,height=64,framerate=25/1 ! "       \
  "x264enc name=video speed-preset=ultrafast bframes=2 key-int-max=1000 ! h264parse ! "  \
  "mux. "
#define AUDIO                                                                            \
  "audiotestsrc num-buffers=168 samplesperbuffer=1024 ! audio/x-raw,rate=48000 ! "       \
  "avenc_aac name=audio ! aacparse ! mux. "

static void
run_pipeline (Run *run, const char *sources, Annotations annotations, guint64 mute_from)
{
  g_autofree char *folder = g_dir_make_tmp ("headend-XXXXXX", NULL);
  g_autofree char *text = g_strdup_printf (
      "%s mpegtsmux name=mux alignment=0 ! segmentencrypt name=encrypt channel=demo"
      " secret=" SECRET " key-rotation=%d segment-duration=%d ! multifilesink sync=false"
      " next-file=key-unit-event location=%s/%%05d.ts",
      sources, ROTATION, D90, folder);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  g_autoptr (GstBus) bus = NULL;
  gboolean done = FALSE;

  g_assert_no_error (error);
  *run = (Run) { .folder = g_steal_pointer (&folder),
                 .plain = g_byte_array_new (),
                 .numbers = g_array_new (FALSE, FALSE, sizeof (guint64)),
                 .sizes = g_array_new (FALSE, FALSE, sizeof (guint64)),
                 .video = { annotations, TRUE, G_MAXUINT64, mute_from },
                 .audio = { annotations, FALSE, G_MAXUINT64, mute_from } };
  probe (pipeline, "video", GST_PAD_PROBE_TYPE_BUFFER, annotate, &run->video);
  probe (pipeline, "audio", GST_PAD_PROBE_TYPE_BUFFER, annotate, &run->audio);
  probe (pipeline, "encrypt", GST_PAD_PROBE_TYPE_BUFFER, collect, run->plain);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!done) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop (bus, 3600 * GST_SECOND);

    g_assert_nonnull (message); /* no end within a minute */
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, NULL);
    g_assert_no_error (error);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT)
      note_message (run, message);
    done = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

static guint
pid_of (const guint8 *packet)
{
  return (guint)((packet[1] & 0x1f) << 8 | packet[2]);
}

static void
assert_whole_packets (const guint8 *data, gsize len)
{
  g_assert_cmpuint (len, >, 0);
  g_assert_cmpuint (len % 188, ==, 0);
  for (gsize at = 0; at < len; at += 188)
    g_assert_cmpuint (data[at], ==, 0x47);
}

/* The table id of the section that begins in a packet. */
static guint
table_of (const guint8 *packet)
{
  guint payload = (packet[3] & 0x20) != 0 ? 5u + packet[4] : 4u;

  g_assert_cmpuint (packet[1] & 0x40, ==, 0x40);
  g_assert_cmpuint (payload, <, 187);
  g_assert_cmpuint (packet[payload], ==, 0); /* pointer field */
  return packet[payload + 1];
}

/* PAT, PMT, then a picture with random_access_indicator in its adaptation field. */
static void
assert_begins_with_tables_and_idr (const guint8 *data)
{
  g_assert_cmpuint (pid_of (data), ==, 0);
  g_assert_cmpuint (table_of (data), ==, 0);
  g_assert_cmpuint (table_of (data + 188), ==, 2);
  g_assert_cmpuint (data[2 * 188 + 1] & 0x40, ==, 0x40);
  g_assert_cmpuint (data[2 * 188 + 3] & 0x20, ==, 0x20);
  g_assert_cmpuint (data[2 * 188 + 5] & 0x40, ==, 0x40);
}

/* Opens every file with the schedule's key and compares all of it with what went in. */
static void
check_files (Run *run, guint expected, gboolean key_units)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autofree char *extra = g_strdup_printf ("%s/%05u.ts", run->folder, expected);

  g_assert_cmpuint (run->numbers->len, ==, expected);
  g_assert_false (g_file_test (extra, G_FILE_TEST_EXISTS));
  for (guint i = 0; i < expected; i++) {
    g_autofree char *path = g_strdup_printf ("%s/%05u.ts", run->folder, i);
    g_autofree char *sealed = NULL;
    g_autoptr (GBytes) plain = NULL;
    const guint8 *data;
    gsize len;

    g_assert_true (g_file_get_contents (path, &sealed, &len, NULL));
    g_assert_cmpuint (len, ==, g_array_index (run->sizes, guint64, i));
    plain = decrypt ((guint8 *)sealed, len, g_array_index (run->numbers, guint64, i));
    data = g_bytes_get_data (plain, &len);
    assert_whole_packets (data, len);
    if (key_units)
      assert_begins_with_tables_and_idr (data);
    g_byte_array_append (all, data, (guint)len);
  }
  g_assert_cmpmem (all->data, all->len, run->plain->data, run->plain->len);
}

static void
assert_consecutive (const Run *run, guint64 first)
{
  for (guint i = 0; i < run->numbers->len; i++)
    g_assert_cmpuint (g_array_index (run->numbers, guint64, i), ==, first + i);
}

static void
annotated_segments_become_files (void)
{
  Run run;

  run_pipeline (&run, VIDEO AUDIO, ANNOUNCE | KEY_UNITS, G_MAXUINT64);
  check_files (&run, 4, TRUE);
  assert_consecutive (&run, FIRST);
  run_clear (&run);
}

static void
key_units_alone_are_enough (void)
{
  Run run;

  run_pipeline (&run, VIDEO AUDIO, KEY_UNITS, G_MAXUINT64);
  check_files (&run, 4, TRUE);
  assert_consecutive (&run, FIRST);
  run_clear (&run);
}

static void
audio_is_cut_by_announcements (void)
{
  Run run;

  run_pipeline (&run, AUDIO, ANNOUNCE | KEY_UNITS, G_MAXUINT64);
  check_files (&run, 4, FALSE);
  assert_consecutive (&run, FIRST);
  run_clear (&run);
}

static void
a_stream_without_annotations_is_one_segment (void)
{
  Run run;

  run_pipeline (&run, VIDEO AUDIO, 0, G_MAXUINT64);
  check_files (&run, 1, FALSE);
  assert_consecutive (&run, 0); /* mpegtsmux counts the times of its buffers from 0 */
  run_clear (&run);
}

static void
key_units_that_stop_lose_one_cut_and_no_byte (void)
{
  Run run;

  run_pipeline (&run, VIDEO AUDIO, ANNOUNCE | KEY_UNITS, FIRST + 1);
  check_files (&run, 3, FALSE);
  g_assert_cmpuint (g_array_index (run.numbers, guint64, 0), ==, FIRST);
  g_assert_cmpuint (g_array_index (run.numbers, guint64, 1), ==, FIRST + 2);
  g_assert_cmpuint (g_array_index (run.numbers, guint64, 2), ==, FIRST + 3);
  run_clear (&run);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/segmentencrypt/files/annotated-segments",
                   annotated_segments_become_files);
  g_test_add_func ("/segmentencrypt/files/key-units-alone-are-enough",
                   key_units_alone_are_enough);
  g_test_add_func ("/segmentencrypt/files/audio-is-cut-by-announcements",
                   audio_is_cut_by_announcements);
  g_test_add_func ("/segmentencrypt/files/no-annotations-give-one-segment",
                   a_stream_without_annotations_is_one_segment);
  g_test_add_func ("/segmentencrypt/files/key-units-that-stop-lose-one-cut-and-no-byte",
                   key_units_that_stop_lose_one_cut_and_no_byte);
  return g_test_run ();
}
