/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-crypto.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* A segment on its way, so that its publication is told once. */
typedef struct {
  HeSegment *segment;
  GBytes *body;
  guint8 digest[HE_SHA256_LEN];
  guint outcomes; /* places that have not said their last word */
  gboolean told;
} HeParcel;

HeParcel *he_parcel_new (const HeSegment *segment, GBytes *body, const guint8 digest[32]);
void he_parcel_free (gpointer parcel);

/* What waits until its channel is known: the newest segments, or of a recording all, up
 * to a size, beyond which it is broken and keeps none. Zeroed but for `recording`; used
 * by one thread at a time. */
#define HE_WAITING_BYTES (G_GUINT64_CONSTANT (256) * 1024 * 1024)

typedef struct {
  gboolean recording;
  gboolean overfull; /* a recording had too much */
  GQueue parcels;
  guint64 bytes; /* of them */
} HeWaiting;

/* Takes a parcel, and hands back what there is no room for. */
void he_waiting_put (HeWaiting *waiting, HeParcel *parcel, GQueue *ret_dropped);
HeParcel *he_waiting_pop (HeWaiting *waiting); /* the oldest, or NULL */
void he_waiting_clear (HeWaiting *waiting);

G_END_DECLS
