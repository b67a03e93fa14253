/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-pes.h"
#include "he-psi.h"

G_BEGIN_DECLS

/* Reads FLV, as RTMP carries it, and hands on what a transport stream of it would have
 * held: a program, and units with 33-bit times. Video is H.264 (made a byte stream, with
 * its parameter sets in front of every IDR), audio AAC (made ADTS). Timestamps of whole
 * milliseconds are put back on the frames' own grid (he-stamp.h), for which units are
 * held: at 44.1 kHz for ten seconds of every start, otherwise for less than one.
 * Not thread-safe. */

#define HE_FLV_VIDEO_PID 0x100
#define HE_FLV_AUDIO_PID 0x101
#define HE_FLV_MAX_HELD (16 * 1024 * 1024) /* bytes, and ... */
#define HE_FLV_MAX_HELD_MS 15000           /* of the feed, whichever comes first */

typedef struct {
  void (*program) (const HePmt *pmt, gpointer user); /* once; again where it differs */
  /* Takes the unit. wall90: of the input that it came with. */
  void (*unit) (guint16 pid, HePes *pes, guint64 wall90, gpointer user);
} HeFlvHandlers;

typedef struct _HeFlvReader HeFlvReader;

/* fps_n == 0: unknown, video has the times that came. */
HeFlvReader *he_flv_reader_new (const HeFlvHandlers *handlers, gpointer user, guint fps_n,
                                guint fps_d);
void he_flv_reader_free (HeFlvReader *reader); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeFlvReader, he_flv_reader_free)

/* HE_ERROR_INVALID, saying what was found: no FLV, or codecs that are not read. */
gboolean he_flv_reader_push (HeFlvReader *reader, const guint8 *data, gsize len,
                             guint64 wall90, GError **error);
/* While it skips, units are left out, and only what later input leans on is read:
 * headers, settings, and the times that show the frames' grid. The next unit of each
 * stream says that something is missing (HE_PES_GAP). */
void he_flv_reader_skip (HeFlvReader *reader, gboolean skip);
/* The pictures that were left out so. */
guint64 he_flv_reader_skipped (const HeFlvReader *reader);
/* The input ends, or what comes next begins anew with FLV's header: hands on all. */
void he_flv_reader_finish (HeFlvReader *reader);

G_END_DECLS
