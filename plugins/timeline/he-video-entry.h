/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where the pictures of a stream begin for whoever joins it in the middle: with the first
 * that decoding can begin at, H.264's IDR or H.265's IRAP. A feed that has shown none for
 * HE_ENTRY_PATIENCE pictures is taken to refresh by recovery points. */
#define HE_ENTRY_PATIENCE 300 /* 12 s at 25 pictures a second */

typedef struct {
  guint8 type;      /* HE_STREAM_TYPE_H264 or HE_STREAM_TYPE_H265 */
  gboolean entered; /* pictures are being given */
  gboolean lacks;   /* the RASL pictures of the last IRAP lack what they refer to */
  guint waited;     /* pictures before the entry */
  gboolean torn;    /* pictures may refer to what was lost, or is damaged */
  guint recoveries; /* points of recovery since */
  guint torn_for;   /* pictures since */
} HeVideoEntry;     /* { .type = … } begins */

/* Whether a picture, the content of one PES packet, is to be given. usable: it is whole
 * and has a time, without which it is no entry. ret_key: decoding can begin at it. */
gboolean he_video_entry_take (HeVideoEntry *entry, const guint8 *data, gsize len,
                              gboolean usable, gboolean *ret_key);

/* Something was lost ahead of the next picture, or that is not whole: it and those behind
 * it are torn, up to the next that decoding can begin at (or the second point of
 * recovery: what is refreshed bit by bit is whole by then), when that is taken and
 * usable; HE_ENTRY_PATIENCE pictures at most. */
void he_video_entry_tear (HeVideoEntry *entry);

/* Whether decoding can begin with a picture for good, be it with some that are damaged at
 * first. */
gboolean he_video_is_entry (guint8 type, const guint8 *data, gsize len);

G_END_DECLS
