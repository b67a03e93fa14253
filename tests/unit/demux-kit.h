/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-demux.h"
#include "ts-feed.h"

/* --- What comes out -------------------------------------------------------------------
 */

typedef struct {
  HeDemux *demux;
  GArray *frames;  /* HeFrame */
  GArray *anchors; /* HeAnchor */
  HeAnchor answer;
  gboolean has_answer;
  guint programs;
} Run;

static G_GNUC_UNUSED void
clear_frame (gpointer frame)
{
  he_frame_clear (frame);
}

static G_GNUC_UNUSED Run *
run_new (void)
{
  Run *run = g_new0 (Run, 1);

  run->demux = he_demux_new ("A");
  run->frames = g_array_new (FALSE, FALSE, sizeof (HeFrame));
  g_array_set_clear_func (run->frames, clear_frame);
  run->anchors = g_array_new (FALSE, FALSE, sizeof (HeAnchor));
  return run;
}

static G_GNUC_UNUSED void
run_free (Run *run)
{
  he_demux_free (run->demux);
  g_array_unref (run->frames);
  g_array_unref (run->anchors);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static G_GNUC_UNUSED void
take (Run *run)
{
  HeDemuxEvent event;
  HeFrame frame;

  while ((event = he_demux_next (run->demux, &frame)) != HE_DEMUX_NOTHING) {
    if (event == HE_DEMUX_FRAME) {
      g_array_append_val (run->frames, frame);
    } else if (event == HE_DEMUX_PROGRAM) {
      run->programs++;
    } else {
      HeAnchor anchor = run->has_answer ? run->answer : *he_demux_proposal (run->demux);

      g_array_append_val (run->anchors, anchor);
      he_demux_set_anchor (run->demux, &anchor);
    }
  }
}

static G_GNUC_UNUSED void
run_push (Run *run, const GByteArray *bytes, gsize from, guint64 wall90)
{
  g_autoptr (GError) error = NULL;

  for (gsize at = from; at < bytes->len; at += 1316) {
    he_demux_push (run->demux, bytes->data + at, MIN (1316, bytes->len - at), wall90,
                   &error);
    g_assert_no_error (error);
    take (run);
  }
}

static G_GNUC_UNUSED void
run_finish (Run *run, guint64 wall90)
{
  g_autoptr (GError) error = NULL;

  he_demux_finish (run->demux, wall90, &error);
  g_assert_no_error (error);
  take (run);
}

static G_GNUC_UNUSED Run *
run_whole (const TsBytes *ts, gsize from, guint64 wall90)
{
  Run *run = run_new ();

  run_push (run, ts->out, from, wall90);
  run_finish (run, wall90);
  return run;
}

/* The n-th frame of a media, or NULL. */
static G_GNUC_UNUSED const HeFrame *
nth (const Run *run, HeDemuxMedia media, guint n)
{
  for (guint i = 0; i < run->frames->len; i++) {
    const HeFrame *frame = &g_array_index (run->frames, HeFrame, i);

    if (he_demux_stream (run->demux, frame->stream)->media == media && n-- == 0)
      return frame;
  }
  return NULL;
}

static G_GNUC_UNUSED guint
count (const Run *run, HeDemuxMedia media)
{
  guint n = 0;

  while (nth (run, media, n))
    n++;
  return n;
}

/* Decoding times of a media step evenly from the first to the last. */
static G_GNUC_UNUSED void
assert_even (const Run *run, HeDemuxMedia media, guint n, guint64 step)
{
  g_assert_cmpuint (count (run, media), ==, n);
  for (guint i = 1; i < n; i++)
    g_assert_cmpuint (nth (run, media, i)->dts90, ==,
                      nth (run, media, i - 1)->dts90 + step);
}
