/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-flv.h"

G_BEGIN_DECLS

/* Reads RTP of H.264 (RFC 6184, its parameter sets in band) and of AAC (RFC 3640, mode
 * AAC-hbr) with their RTCP (RFC 3550), packet by packet and in order, and hands on what a
 * transport stream of it would have held.
 *
 * A picture's time is its RTP timestamp. Those are 32 bits, from anywhere, and each
 * stream counts on its own: sender reports say what time they stand for. By those the
 * turn is chosen that brings times nearest to the sender's clock, and sound is put beside
 * pictures, once for each pair of senders; no time follows from a clock otherwise. Units
 * wait for the reports for HE_RTP_WAIT; without, what came together belongs together.
 * Sound for which no picture came meanwhile is left out.
 *
 * RTP has no decoding times: a picture's is its own time, which falls where B-frames are.
 *
 * Not thread-safe. */

#define HE_RTP_VIDEO_PID 0x100
#define HE_RTP_AUDIO_PID 0x101
#define HE_RTP_WAIT (8 * 90000)            /* of the wall clock */
#define HE_RTP_MAX_HELD (16 * 1024 * 1024) /* bytes */

typedef struct {
  guint video;       /* payload types; others are left out */
  guint audio;       /* 0: no sound */
  guint8 config[16]; /* AudioSpecificConfig of the sound */
  gsize config_len;
} HeRtpSession;

typedef struct _HeRtpReader HeRtpReader;

/* With the marker, types 64 to 95 look like RTCP (RFC 5761 section 4); 0 is none. */
gboolean he_rtp_type_is_good (guint type);

/* handlers: as those of FLV, with PIDs of our own. HE_ERROR_INVALID when ADTS cannot say
 * what the configuration says, or with payload types that cannot be told apart. */
HeRtpReader *he_rtp_reader_new (const HeRtpSession *session, const HeFlvHandlers *handlers,
                                gpointer user, GError **error);
void he_rtp_reader_free (HeRtpReader *reader); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeRtpReader, he_rtp_reader_free)

/* One packet of either kind; what is neither is left out. */
void he_rtp_reader_push (HeRtpReader *reader, const guint8 *packet, gsize len,
                         guint64 wall90);
/* The input ends: hands on all. */
void he_rtp_reader_finish (HeRtpReader *reader);

G_END_DECLS
