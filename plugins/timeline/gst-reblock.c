/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-reblock.h"

#include "he-epoch.h"

struct GstHeadendReblock {
  GstAudioInfo info;
  GstHeadendReblockEmit emit;
  gpointer user;

  HeAlignAudio align;
  GQueue held; /* GstBuffer, in step with the blocks that align holds */
  GstAdapter *samples;
  guint64 next;                        /* sample behind the last in `samples` */
  guint64 filled_until, damaged_until; /* samples before these are so */
  guint64 filled_from, damaged_from;
  guint64 preroll_until; /* samples before this are preroll */
};

GstHeadendReblock *
gst_headend_reblock_new (const GstAudioInfo *info, guint64 duration90, guint skip,
                         GstHeadendReblockEmit emit, gpointer user)
{
  GstHeadendReblock *reblock = g_new0 (GstHeadendReblock, 1);

  reblock->info = *info;
  reblock->emit = emit;
  reblock->user = user;
  reblock->samples = gst_adapter_new ();
  g_queue_init (&reblock->held);
  he_align_audio_init (&reblock->align, GST_AUDIO_INFO_RATE (info), duration90, skip);
  return reblock;
}

void
gst_headend_reblock_free (GstHeadendReblock *reblock)
{
  if (reblock == NULL)
    return;
  he_align_audio_clear (&reblock->align);
  g_queue_clear_full (&reblock->held, (GDestroyNotify)gst_buffer_unref);
  g_object_unref (reblock->samples);
  g_free (reblock);
}

void
gst_headend_reblock_preroll (GstHeadendReblock *reblock, guint frames)
{
  he_align_audio_preroll (&reblock->align, frames);
}

void
gst_headend_reblock_begin (GstHeadendReblock *reblock, guint64 start90)
{
  reblock->next = he_align_audio_begin (&reblock->align, start90);
}

static HeSegmentFlags
flags_of (const GstHeadendReblock *reblock, guint64 start)
{
  guint64 end = start + HE_AUDIO_FRAME;
  HeSegmentFlags flags = HE_SEGMENT_CLEAN;

  if (start < reblock->filled_until && end > reblock->filled_from)
    flags |= HE_SEGMENT_FILLED;
  if (start < reblock->damaged_until && end > reblock->damaged_from)
    flags |= HE_SEGMENT_DAMAGED;
  return flags;
}

/* Emits the whole frames there are. */
static GstFlowReturn
cut (GstHeadendReblock *reblock)
{
  gsize size = (gsize)HE_AUDIO_FRAME * GST_AUDIO_INFO_BPF (&reblock->info);
  GstFlowReturn ret = GST_FLOW_OK;

  while (ret == GST_FLOW_OK && gst_adapter_available (reblock->samples) >= size) {
    guint64 start = reblock->next
                    - gst_adapter_available (reblock->samples)
                          / GST_AUDIO_INFO_BPF (&reblock->info);
    GstBuffer *buffer = gst_adapter_take_buffer (reblock->samples, size);

    if (start < reblock->preroll_until) {
      buffer = gst_buffer_make_writable (buffer);
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DECODE_ONLY);
    }
    ret = reblock->emit (reblock->user, start / HE_AUDIO_FRAME, buffer,
                         flags_of (reblock, start));
  }
  return ret;
}

/* Silence in pieces of at most a frame, so that a long gap takes no memory. */
static GstFlowReturn
fill (GstHeadendReblock *reblock, guint64 samples, gboolean flagged)
{
  GstFlowReturn ret = GST_FLOW_OK;

  if (flagged) {
    if (reblock->filled_until < reblock->next)
      reblock->filled_from = reblock->next;
    reblock->filled_until = reblock->next + samples;
  }
  while (ret == GST_FLOW_OK && samples > 0) {
    guint64 n = MIN (samples, HE_AUDIO_FRAME);
    GstBuffer *buffer
        = gst_buffer_new_allocate (NULL, n * GST_AUDIO_INFO_BPF (&reblock->info), NULL);
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_WRITE);
    gst_audio_format_info_fill_silence (reblock->info.finfo, map.data, map.size);
    gst_buffer_unmap (buffer, &map);
    gst_adapter_push (reblock->samples, buffer);
    reblock->next += n;
    samples -= n;
    ret = cut (reblock);
  }
  return ret;
}

static void
append (GstHeadendReblock *reblock, GstBuffer *buffer, const HeAlignStep *step)
{
  gsize bpf = GST_AUDIO_INFO_BPF (&reblock->info);

  if (step->take == 0)
    return;
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED)) {
    if (reblock->damaged_until < reblock->next)
      reblock->damaged_from = reblock->next;
    reblock->damaged_until = reblock->next + step->take;
  }
  gst_adapter_push (reblock->samples,
                    gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY,
                                            step->skip * bpf, step->take * bpf));
  reblock->next += step->take;
}

static GstFlowReturn
drain (GstHeadendReblock *reblock)
{
  GstFlowReturn ret = GST_FLOW_OK;
  HeAlignStep step;

  while (ret == GST_FLOW_OK && he_align_audio_pull (&reblock->align, &step)) {
    g_autoptr (GstBuffer) buffer = g_queue_pop_head (&reblock->held);

    ret = fill (reblock, step.fill, step.filled);
    if (step.restart) {
      gst_adapter_clear (reblock->samples);
      reblock->next = step.start;
      reblock->preroll_until = step.start + step.preroll;
    }
    append (reblock, buffer, &step);
    if (ret == GST_FLOW_OK)
      ret = cut (reblock);
  }
  return ret;
}

GstFlowReturn
gst_headend_reblock_push (GstHeadendReblock *reblock, GstBuffer *buffer,
                          gboolean *ret_taken)
{
  guint samples = gst_buffer_get_size (buffer) / GST_AUDIO_INFO_BPF (&reblock->info);

  *ret_taken = he_align_audio_push (&reblock->align, GST_BUFFER_PTS (buffer), samples);
  if (!*ret_taken) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  g_queue_push_tail (&reblock->held, buffer);
  return drain (reblock);
}

GstFlowReturn
gst_headend_reblock_finish (GstHeadendReblock *reblock)
{
  he_align_audio_finish (&reblock->align);
  return drain (reblock);
}

GstFlowReturn
gst_headend_reblock_silence (GstHeadendReblock *reblock, guint64 until90)
{
  GstFlowReturn ret = gst_headend_reblock_finish (reblock);

  if (ret != GST_FLOW_OK)
    return ret;
  return fill (reblock, he_align_audio_silence (&reblock->align, until90), TRUE);
}
