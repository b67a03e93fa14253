/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-parcel.h"

#include <string.h>

#define NEWEST 64

HeParcel *
he_parcel_new (const HeSegment *segment, GBytes *body, const guint8 digest[32])
{
  HeParcel *self = g_new0 (HeParcel, 1);

  self->segment = he_segment_copy (segment);
  self->body = g_bytes_ref (body);
  memcpy (self->digest, digest, HE_SHA256_LEN);
  return self;
}

void
he_parcel_free (gpointer parcel)
{
  HeParcel *self = parcel;

  he_segment_free (self->segment);
  g_bytes_unref (self->body);
  g_free (self);
}

void
he_waiting_put (HeWaiting *self, HeParcel *parcel, GQueue *ret_dropped)
{
  g_queue_push_tail (&self->parcels, parcel);
  self->bytes += g_bytes_get_size (parcel->body);
  if (!self->recording && self->parcels.length > NEWEST)
    g_queue_push_tail (ret_dropped, he_waiting_pop (self));
  self->overfull |= self->recording && self->bytes > HE_WAITING_BYTES;
  while (self->overfull && self->parcels.length > 0)
    g_queue_push_tail (ret_dropped, he_waiting_pop (self));
}

HeParcel *
he_waiting_pop (HeWaiting *self)
{
  HeParcel *parcel = g_queue_pop_head (&self->parcels);

  if (parcel != NULL)
    self->bytes -= g_bytes_get_size (parcel->body);
  return parcel;
}

void
he_waiting_clear (HeWaiting *self)
{
  g_queue_clear_full (&self->parcels, he_parcel_free);
  self->bytes = 0;
}
