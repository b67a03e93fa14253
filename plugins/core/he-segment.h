/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The identity of a segment, from which its name, keys and mark follow. */

typedef enum {
  HE_VARIANT_NONE, /* one encode for everybody */
  HE_VARIANT_A,
  HE_VARIANT_B,
} HeVariant;

const char *he_variant_name (HeVariant variant); /* "none", "a", "b" */
gboolean he_variant_from_name (const char *name, HeVariant *ret_variant);

typedef enum {
  HE_SEGMENT_CLEAN = 0,
  HE_SEGMENT_FILLED = 1 << 0,  /* holds repeated pictures or silence */
  HE_SEGMENT_DAMAGED = 1 << 1, /* the source was damaged here */
} HeSegmentFlags;

/* One file of one rendition and variant. Times are epoch ticks. */
typedef struct {
  char *channel;
  char *rendition;
  HeVariant variant;
  guint64 msn;
  guint generation;
  guint64 pts90;      /* of its boundary: msn * duration90 */
  guint64 duration90;
  HeSegmentFlags flags;
} HeSegment;

HeSegment *he_segment_copy (const HeSegment *segment);
void he_segment_free (HeSegment *segment); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSegment, he_segment_free)

/* The path under which an origin takes and gives it on its internal listener:
 * "/origin/VARIANT/CHANNEL/RENDITION/MSN.ts". */
char *he_segment_path (const HeSegment *segment);
/* Fills channel, rendition, variant and msn; NULL with HE_ERROR_INVALID otherwise. */
HeSegment *he_segment_from_path (const char *path, GError **error);

/* The rest of the identity as the header "Headend-Segment":
 * "generation=0;pts90=360000;duration90=180000;flags=0". */
#define HE_SEGMENT_HEADER "Headend-Segment"
char *he_segment_to_header (const HeSegment *segment);
gboolean he_segment_read_header (HeSegment *segment, const char *value, GError **error);

G_END_DECLS
