/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The source of a drill: pictures that say their number (viewer/viewer-picture.h), from
 * 0, and a tone, encoded once, as MPEG-TS, and sent alike to every leg. Loopback only.
 * Runs in threads of its own; the functions below may be called from any one. */
typedef struct _HeadendDrillFeed HeadendDrillFeed;

typedef struct {
  guint width, height, fps_n, fps_d;
  guint rate, channels;   /* of the sound; 0: none */
  guint64 keyframes;      /* pictures from one keyframe to the next */
  guint64 start90;        /* the first picture's time, modulo 2^33 */
  guint srt_port;         /* listens there for any number of callers; 0: no SRT */
  const guint *udp_ports; /* sends to each of 127.0.0.1; 0-terminated, or NULL */
  gboolean rtp;           /* in RTP */
} HeadendDrillFeedOptions;

HeadendDrillFeed *
headend_drill_feed_start (const HeadendDrillFeedOptions *options, GError **error);
void headend_drill_feed_stop (HeadendDrillFeed *feed); /* takes NULL */

/* By how much a picture came out late at worst since this was asked last, in
 * microseconds: how long this machine let us wait. */
gint64 headend_drill_feed_late (HeadendDrillFeed *feed);

/* All times that follow are ticks later (earlier: modulo 2^33). */
void headend_drill_feed_jump (HeadendDrillFeed *feed, gint64 ticks);
/* While it stands still nothing is made, and it goes on where it was. */
void headend_drill_feed_pause (HeadendDrillFeed *feed, gboolean still);
/* While it is off nothing is sent; pictures are numbered on. */
void headend_drill_feed_silence (HeadendDrillFeed *feed, gboolean off);

G_END_DECLS
