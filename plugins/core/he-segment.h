/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-signature.h"

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
  /* What two nodes' copies are compared by, where their bytes may differ. */
  guint frames;           /* pictures or audio frames; 0: not told */
  gboolean has_signature; /* absent where nobody saw the picture: copied, on a GPU, sound */
  HeSignature signature;  /* of the source's picture that it begins with */
} HeSegment;

HeSegment *he_segment_copy (const HeSegment *segment);
void he_segment_free (HeSegment *segment); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSegment, he_segment_free)

/* The path under which an origin takes and gives it on its internal listener:
 * "/origin/VARIANT/CHANNEL/RENDITION/MSN.ts". */
char *he_segment_path (const HeSegment *segment);
/* Fills channel, rendition, variant and msn; NULL with HE_ERROR_INVALID otherwise. */
HeSegment *he_segment_from_path (const char *path, GError **error);

/* Why two copies of one name are not interchangeable, in words that are never freed; NULL
 * when they are, as far as both tell. */
const char *he_segment_apart (const HeSegment *a, const HeSegment *b);

/* The rest of the identity as the header "Headend-Segment":
 * "generation=0;pts90=360000;duration90=180000;flags=0;frames=50;signature=BASE64URL",
 * without the last one or two where they are not told. */
#define HE_SEGMENT_HEADER "Headend-Segment"
char *he_segment_to_header (const HeSegment *segment);
gboolean he_segment_read_header (HeSegment *segment, const char *value, GError **error);

G_END_DECLS
