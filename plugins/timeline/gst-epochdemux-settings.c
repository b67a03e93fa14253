/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-epochdemux-private.h"

#include "he-epoch.h"

#define DEFAULT_NODE "node"
/* In nanoseconds too it has a place, and so has what comes behind it. */
#define MAX_START (G_MAXINT64 / GST_SECOND * HE_TICKS_PER_SECOND)

enum {
  PROP_ANCHOR = 1,
  PROP_NODE,
  PROP_START,
  PROP_SILENCE,
  PROP_PROGRAM,
  PROP_EXPECT_VIDEO,
  PROP_EXPECT_AUDIO,
  PROP_FRAME_RATE,
  PROP_STATS,
};

static GstStructure *
make_stats (GstEpochDemux *self)
{
  const HeDemuxStats *stats = &self->stats;

  return gst_structure_new (
      "epochdemux-stats", "packets", G_TYPE_UINT64, stats->ts.packets, "frames",
      G_TYPE_UINT64, stats->frames, "damaged", G_TYPE_UINT64, stats->damaged,
      "discontinuities", G_TYPE_UINT64, stats->discontinuities, "skipped", G_TYPE_UINT64,
      stats->skipped, "bad-times", G_TYPE_UINT64, stats->bad_times, "gaps", G_TYPE_UINT64,
      stats->ts.gaps, "duplicates", G_TYPE_UINT64, stats->ts.duplicates,
      "transport-errors", G_TYPE_UINT64, stats->ts.transport_errors, "scrambled",
      G_TYPE_UINT64, stats->ts.scrambled, "bad-sections", G_TYPE_UINT64,
      stats->ts.bad_sections, "sync-losses", G_TYPE_UINT64, stats->ts.sync_losses,
      "skipped-bytes", G_TYPE_UINT64, stats->ts.skipped_bytes, "generation", G_TYPE_UINT,
      self->has_anchor ? self->anchor.generation : 0, NULL);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstEpochDemux *self = GST_EPOCH_DEMUX (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_ANCHOR:
      if (self->has_anchor)
        g_value_take_string (value, he_anchor_to_json (&self->anchor));
      else
        g_value_set_string (value, self->anchor_text);
      break;
    case PROP_NODE:
      g_value_set_string (value, self->node);
      break;
    case PROP_START:
      g_value_set_uint64 (value, self->start90);
      break;
    case PROP_SILENCE:
      g_value_set_uint (value, self->silence);
      break;
    case PROP_PROGRAM:
      g_value_set_uint (value, self->program);
      break;
    case PROP_EXPECT_VIDEO:
      g_value_set_uint (value, self->expect_video);
      break;
    case PROP_EXPECT_AUDIO:
      g_value_set_uint (value, self->expect_audio);
      break;
    case PROP_FRAME_RATE:
      gst_value_set_fraction (value, self->fps_n, self->fps_d);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstEpochDemux *self = GST_EPOCH_DEMUX (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_ANCHOR:
      g_free (self->anchor_text);
      self->anchor_text = g_value_dup_string (value);
      break;
    case PROP_NODE:
      g_free (self->node);
      self->node = g_value_dup_string (value);
      break;
    case PROP_START:
      self->start90 = g_value_get_uint64 (value);
      break;
    case PROP_SILENCE:
      self->silence = g_value_get_uint (value);
      break;
    case PROP_PROGRAM:
      self->program = g_value_get_uint (value);
      break;
    case PROP_EXPECT_VIDEO:
      self->expect_video = g_value_get_uint (value);
      break;
    case PROP_EXPECT_AUDIO:
      self->expect_audio = g_value_get_uint (value);
      break;
    case PROP_FRAME_RATE:
      self->fps_n = gst_value_get_fraction_numerator (value);
      self->fps_d = gst_value_get_fraction_denominator (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

void
gst_epoch_demux_install_settings (GObjectClass *object_class)
{
  const GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  g_object_class_install_property (
      object_class, PROP_ANCHOR,
      g_param_spec_string ("anchor", "Anchor",
                           "The anchor that holds, as JSON; set, it is taken without "
                           "emitting agree-anchor, until the source's timestamps jump",
                           NULL, flags));
  g_object_class_install_property (
      object_class, PROP_NODE,
      g_param_spec_string ("node", "Node", "The name that signs proposals of an anchor",
                           DEFAULT_NODE, flags));
  g_object_class_install_property (
      object_class, PROP_START,
      g_param_spec_uint64 ("start", "Start",
                           "Epoch time of the first picture in 90 kHz ticks, for a file "
                           "that is a programme of its own: no anchor is agreed on (0: "
                           "as the anchor says)",
                           0, MAX_START, 0, flags));
  g_object_class_install_property (
      object_class, PROP_SILENCE,
      g_param_spec_uint ("silence", "Silence",
                         "Milliseconds after which a feed that says nothing, or a stream "
                         "of it, is told of in GAP events, for epochalign to fill; they "
                         "stay as far behind it (0: never)",
                         0, 60000, 0, flags));
  g_object_class_install_property (
      object_class, PROP_PROGRAM,
      g_param_spec_uint ("program", "Program",
                         "program_number of the transport stream's program to take (0: "
                         "the first)",
                         0, G_MAXUINT16, 0, flags));
  g_object_class_install_property (
      object_class, PROP_EXPECT_VIDEO,
      g_param_spec_uint ("expect-video", "Expect video",
                         "Streams of video that the program has: while its map tells of "
                         "fewer, two seconds of the feed are waited for another map",
                         0, HE_DEMUX_MAX_STREAMS, 0, flags));
  g_object_class_install_property (object_class, PROP_EXPECT_AUDIO,
                                   g_param_spec_uint ("expect-audio", "Expect audio",
                                                      "The same of sound", 0,
                                                      HE_DEMUX_MAX_STREAMS, 0, flags));
  g_object_class_install_property (
      object_class, PROP_FRAME_RATE,
      gst_param_spec_fraction ("frame-rate", "Frame rate",
                               "Of an FLV feed, whose timestamps are whole milliseconds "
                               "and are put back on the pictures' grid (0/1: are taken "
                               "as they are)",
                               0, 1, 1000, 1, 0, 1, flags));
  /**
   * GstEpochDemux:stats:
   *
   * `epochdemux-stats`: counters since the element was started (guint64): `packets`,
   * `frames` (given), `damaged` (units truncated or malformed), `discontinuities`,
   * `skipped` (pictures that decoding cannot begin with, and those of FLV that came too
   * late), `bad-times` (units whose timestamp nothing confirmed), `gaps` (continuity
   * counter errors), `duplicates`, `transport-errors`, `scrambled` (packets),
   * `bad-sections`, `sync-losses`, `skipped-bytes`; and `generation` (guint).
   */
  g_object_class_install_property (
      object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since the start",
                          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void
gst_epoch_demux_settings_init (GstEpochDemux *self)
{
  self->node = g_strdup (DEFAULT_NODE);
  self->fps_d = 1;
}

void
gst_epoch_demux_settings_clear (GstEpochDemux *self)
{
  g_free (self->anchor_text);
  g_free (self->node);
}
