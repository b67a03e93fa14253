/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-video-entry.h"

#include "he-h264.h"
#include "he-h265.h"
#include "he-psi.h"

/* What both codecs call by other names. */
typedef struct {
  gboolean clean;    /* an entry without a damaged picture behind it */
  gboolean recovery; /* one with a few of them */
  gboolean refers;   /* to pictures before the entry in front */
} Picture;

static Picture
look (guint8 type, const guint8 *data, gsize len, gboolean *ret_sps)
{
  if (type == HE_STREAM_TYPE_H265) {
    HeH265Entry entry = he_h265_entry (data, len);

    *ret_sps = (entry & HE_H265_SPS) != 0;
    return (Picture) { .clean = (entry & HE_H265_IRAP) != 0,
                       .recovery = (entry & HE_H265_RECOVERY) != 0,
                       .refers = (entry & HE_H265_RASL) != 0 };
  }
  HeH264Entry entry = he_h264_entry (data, len);

  *ret_sps = (entry & HE_H264_SPS) != 0;
  return (Picture) { .clean = (entry & HE_H264_IDR) != 0,
                     .recovery = (entry & HE_H264_RECOVERY) != 0 };
}

gboolean
he_video_is_entry (guint8 type, const guint8 *data, gsize len)
{
  gboolean sps;
  Picture picture = look (type, data, len, &sps);

  return picture.clean || (picture.recovery && sps);
}

void
he_video_entry_tear (HeVideoEntry *entry)
{
  entry->torn = TRUE;
  entry->recoveries = entry->torn_for = 0;
}

static void
mend (HeVideoEntry *entry, const Picture *picture, gboolean sps, gboolean usable)
{
  entry->recoveries += usable && picture->recovery && sps;
  if ((usable && picture->clean) || entry->recoveries > 1
      || entry->torn_for >= HE_ENTRY_PATIENCE)
    entry->torn = FALSE;
  entry->torn_for += entry->torn;
}

gboolean
he_video_entry_take (HeVideoEntry *entry, const guint8 *data, gsize len, gboolean usable,
                     gboolean *ret_key)
{
  gboolean sps;
  Picture picture = look (entry->type, data, len, &sps);

  *ret_key = picture.clean || picture.recovery;
  if (entry->entered) {
    if (picture.clean)
      entry->lacks = FALSE;
    mend (entry, &picture, sps, usable);
    return !(entry->lacks && picture.refers);
  }
  if (usable
      && (picture.clean
          || (picture.recovery && sps && entry->waited >= HE_ENTRY_PATIENCE))) {
    entry->entered = entry->lacks = TRUE;
    entry->torn = FALSE;
    return TRUE;
  }
  entry->waited++;
  return FALSE;
}
