/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "encoder.h"
#include "model.h"

G_BEGIN_DECLS

/* How a channel's pictures go from the decoder to its encoders on this machine: which
 * elements do it, and in which memory. Where an encoder takes CUDA memory and the decoder
 * and scaler for it are there, frames stay in it from the one to the other. */
typedef struct {
  const HeadendVideo *video; /* of the model, which outlives the route */
  const HeEncoder *encoder;
  char *description; /* of the encoder, for segmentencoder */
  const char *format;
  HeMemory memory; /* in which the encoder gets its frames */
  HeMemory mark;   /* in which they are marked, where they are */
} HeadendRung;

typedef struct {
  HeMemory memory; /* in which frames are decoded and scaled */
  /* Bin descriptions. */
  char *decoders[2]; /* by HeVideoCodec, from the source's stream to raw frames */
  const char *scaler;
  gboolean watermark;
  char *detour;       /* a note: why not in CUDA memory, though an encoder takes it */
  GPtrArray *rungs;   /* HeadendRung, one a video rendition; none: it is copied */
} HeadendRoute;

/* HE_ERROR_UNAVAILABLE names what is missing and how to come by it. */
HeadendRoute *headend_route_new (const HeadendModelChannel *channel, const HeProbe *probe,
                                 GError **error);
void headend_route_free (HeadendRoute *route); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendRoute, headend_route_free)

/* The factories of the route, encoders among them, NULL-terminated. */
char **headend_route_factories (const HeadendRoute *route);

/* What an operator should know about it, a sentence each, NULL-terminated. */
char **headend_route_notes (const HeadendRoute *route);

/* One rendition's way from the tee "video" to the sink's pads, appended to a text for
 * gst_parse_launch(). */
void headend_route_append_rung (const HeadendRoute *route, GString *text,
                                const HeadendModelChannel *channel, guint index);

/* Queues are bounded by time. Compressed streams get enough to ride out a slow encoder,
 * raw ones little, because they are large. Branches never wait for each other (the sink
 * takes each pad as it comes), so a full queue only slows the source down. */
#define HEADEND_QUEUE "queue max-size-buffers=0 max-size-bytes=0 max-size-time="
#define HEADEND_QUEUE_COMPRESSED HEADEND_QUEUE "5000000000"
#define HEADEND_QUEUE_VIDEO HEADEND_QUEUE "400000000"
#define HEADEND_QUEUE_AUDIO HEADEND_QUEUE "2000000000"

G_END_DECLS
