/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-align.h"

#include "he-epoch.h"

guint64
he_align_fill_time (const HeAlignFill *fill, guint index)
{
  return fill->from + (index * fill->span + fill->steps / 2) / fill->steps;
}

gboolean
he_align_fill_is_black (const HeAlignFill *fill, guint index)
{
  return he_align_fill_time (fill, index) - fill->from > HE_ALIGN_MAX_FILL;
}

void
he_align_video_init (HeAlignVideo *align, guint64 duration90)
{
  *align = (HeAlignVideo) { .duration90 = duration90 };
}

/* Frames between two times, to the nearest: a tick of rounding does not matter. */
static guint64
frames_between (const HeAlignVideo *align, guint64 from, guint64 to)
{
  guint64 frame = HE_TICKS_PER_SECOND * align->fps_d;

  return ((to - from) * align->fps_n + frame / 2) / frame;
}

/* Leaves in fill only frames in [begin, end). */
static void
fill_within (HeAlignFill *fill, guint64 begin, guint64 end)
{
  while (fill->count > 0 && he_align_fill_time (fill, fill->first) < begin) {
    fill->first++;
    fill->count--;
  }
  while (fill->count > 0
         && he_align_fill_time (fill, fill->first + fill->count - 1) >= end)
    fill->count--;
}

/* Repeats on the nominal grid, behind those that were made. */
static HeAlignFill
nominal (const HeAlignVideo *align, guint count)
{
  return (HeAlignFill) {
    .from = align->last90,
    .span = HE_TICKS_PER_SECOND * align->fps_d,
    .steps = align->fps_n,
    .first = align->made + 1,
    .count = count,
  };
}

/* Where the last picture that went out stands, a repeat or not. */
static guint64
end_of (const HeAlignVideo *align)
{
  HeAlignFill grid = nominal (align, 0);

  return align->made > 0 ? he_align_fill_time (&grid, align->made) : align->last90;
}

/* Repeats that were made stay where the rate before put them. */
void
he_align_video_set_rate (HeAlignVideo *align, guint fps_n, guint fps_d)
{
  if (fps_d == 0)
    fps_n = 0;
  if (fps_n == align->fps_n && fps_d == align->fps_d)
    return;
  align->last90 = end_of (align);
  align->made = 0;
  align->fps_n = fps_n;
  align->fps_d = fps_d;
}

/* The rest of the running segment, on the nominal grid. */
static void
run_out (const HeAlignVideo *align, HeAlignFill *fill)
{
  guint64 last90 = end_of (align);
  guint64 end = he_epoch_boundary (he_epoch_msn (last90, align->duration90) + 1,
                                   align->duration90);

  *fill = nominal (align, frames_between (align, last90, end) + 1);
  fill_within (fill, 0, end);
}

static void
part (HeAlignVideo *align, HeAlignFill *fill)
{
  if (align->joined && align->fps_n != 0)
    run_out (align, fill);
  align->seen = align->joined = FALSE;
  align->made = 0;
}

/* FALSE when the frame is not ahead of the last one. */
static gboolean
bridge_gap (HeAlignVideo *align, guint64 t90, HeAlignFill *fill)
{
  guint64 n, end90;

  if (!align->seen)
    return TRUE;
  if (t90 <= align->last90)
    return FALSE;
  end90 = end_of (align);
  if (t90 > end90 && t90 - end90 > HE_ALIGN_MAX_FILL) {
    part (align, fill);
    return TRUE;
  }
  if (align->fps_n == 0)
    return TRUE;

  n = frames_between (align, align->last90, t90);
  if (n <= align->made)
    return FALSE;
  *fill = (HeAlignFill) {
    .from = align->last90,
    .span = t90 - align->last90,
    .steps = n,
    .first = align->made + 1,
    .count = n - 1 - align->made,
  };
  return TRUE;
}

void
he_align_video_silence (HeAlignVideo *align, guint64 until90, HeAlignFill *ret_fill)
{
  guint64 end90;

  *ret_fill = (HeAlignFill) { .steps = 1 };
  if (!align->joined || align->fps_n == 0)
    return;
  end90 = end_of (align);
  if (until90 <= end90)
    return;
  if (until90 - end90 > HE_ALIGN_MAX_FILL) {
    part (align, ret_fill);
    return;
  }
  *ret_fill = nominal (align, frames_between (align, end90, until90) + 1);
  fill_within (ret_fill, 0, until90);
  align->made += ret_fill->count;
}

gboolean
he_align_video_frame (HeAlignVideo *align, guint64 t90, gboolean clean,
                      HeAlignFill *ret_fill)
{
  guint64 msn = he_epoch_msn (t90, align->duration90);
  guint64 boundary = he_epoch_boundary (msn, align->duration90);
  gboolean was_joined = align->joined;
  gboolean crossed;

  *ret_fill = (HeAlignFill) { .steps = 1 };
  if (!bridge_gap (align, t90, ret_fill))
    return FALSE;

  crossed = t90 == boundary
            || (align->seen && msn > he_epoch_msn (align->last90, align->duration90));
  align->seen = TRUE;
  align->last90 = t90;
  align->made = 0;
  if (align->joined)
    return TRUE;

  align->joined = crossed && clean;
  /* Of a gap across the first boundary, only what is behind it; a node that joined
   * earlier fills it alike. What runs out the old segment stands as it is. */
  if (!was_joined && align->joined)
    fill_within (ret_fill, boundary, t90);
  else if (!was_joined)
    ret_fill->count = 0;
  return align->joined;
}
