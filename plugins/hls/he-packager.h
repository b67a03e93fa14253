/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-channel.h"
#include "he-secret.h"
#include "he-segment.h"
#include "he-ts-writer.h"

G_BEGIN_DECLS

/* Collects the access units of one stream (one rendition in one variant) into segments,
 * writes them as TS, encrypts and digests them. Only whole segments come out: what stands
 * before the first boundary, and an unfinished segment at the end, do not. Not
 * thread-safe; the callback runs inside the call that closed the segment. */
typedef struct _HePackager HePackager;

typedef struct {
  const char *channel; /* copied, as all strings */
  const char *rendition;
  HeVariant variant;
  HeTsCodec codec;
  guint64 duration90; /* > 0 */
  HeSecret *content;  /* NULL: segments stay clear */
  guint key_version;
  guint key_rotation; /* segments a key, >= 1 */
  const char *tier;
  gboolean recording; /* from the first unit to the last: the first segment need not
                         begin at its boundary, the last is as long as it is */
} HePackagerConfig;

/* body is what is to be served; digest is its SHA-256. Both are borrowed. */
typedef void (*HePackagedFunc) (const HeSegment *segment, GBytes *body,
                                const guint8 digest[32], gpointer user_data);

HePackager *he_packager_new (const HePackagerConfig *config, HePackagedFunc packaged,
                             gpointer user_data);
void he_packager_free (HePackager *packager); /* takes NULL; drops what is unfinished */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HePackager, he_packager_free)

/* The boundary annotation: the next unit begins msn. Once one was seen, only these cut.
 * duration90 that is not ours is HE_ERROR_INVALID. */
gboolean he_packager_boundary (HePackager *packager, guint64 msn, guint generation,
                               guint64 duration90, GError **error);

/* A forced keyframe comes next. Once one was seen, segments are cut only at such, and
 * numbered by PTS.
 *
 * Without either, the stream is one that nobody steers: each segment begins at the first
 * keyframe of its number, a picture that decoding can begin with. So every node cuts
 * alike whenever it joined, and where the distance of keyframes divides the duration all
 * segments are of one length; he-cadence.h tells of those that do not fit. */
void he_packager_key_unit (HePackager *packager);

/* The timeline that what comes next belongs to, where no annotation says so. */
void he_packager_timeline (HePackager *packager, guint generation);

/* What the segment that the last boundary announced begins with. */
void he_packager_signature (HePackager *packager, const HeSignature *signature);

/* The segment that the last boundary announced is the same in variants a and b. That of a
 * is handed out twice, under both names; that of b has no units, so the one in hand is
 * over. */
gboolean he_packager_unmarked (HePackager *packager, GError **error);

/* What is known of a segment, now or to come. Remembered for few segments at once. */
void he_packager_status (HePackager *packager, guint64 msn, HeSegmentFlags flags);

typedef struct {
  guint64 pts90, dts90;
  guint64 length90; /* how long it lasts; 0: unknown */
  gboolean keyframe;
  gboolean discont; /* something is missing before it: without annotations, which are
                       told of damage, the segments around it are marked damaged */
} HeUnitInfo;

/* Takes a reference of data. An error says what is wrong with the stream and what to do:
 * the segment in hand, or the one that would have begun, is lost, and the next boundary
 * heals. */
gboolean he_packager_push (HePackager *packager, const HeUnitInfo *info, GBytes *data,
                           GError **error);

/* The stream has ended: hands out the segment in hand if it reached its end. */
gboolean he_packager_end (HePackager *packager, GError **error);

/* Forgets what is unfinished, as after a flush. */
void he_packager_reset (HePackager *packager);

/* Segments that were begun and not handed out. */
guint64 he_packager_dropped (const HePackager *packager);

G_END_DECLS
