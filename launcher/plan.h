/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-channel.h"
#include "he-probe.h"
#include "he-segment.h"
#include "model.h"
#include "source.h"

G_BEGIN_DECLS

/* What follows from the description for one channel on one node: the channel as sinks and
 * stores know it, and the pipeline that makes it. Nothing is measured, so every node
 * derives the same playlists; no secret is in it. */

/* One pad of the sink: a rendition, once for each variant. */
typedef struct {
  char *pad; /* "video_0", "video_b_0", "audio_0" */
  const HeRendition *rendition;
  HeVariant variant;
} HeadendPad;

typedef struct {
  const HeadendModelChannel *description; /* of the model, which outlives the plan */
  const HeadendSource *source;
  HeChannel *channel;
  GPtrArray *pads; /* HeadendPad */
  char *pipeline;  /* for gst_parse_launch(); see below */
  /* By the codec of the source's video: bin descriptions of what leads from video-in to
   * align. NULL: video-in leads on by itself. */
  char *decoders[2];
  char *origins; /* internal listeners of all nodes, comma-separated, ours first */
} HeadendPlan;

/* The pipeline's named elements, which the builder completes in code:
 *   source    of a recording: its properties from headend_source_properties()
 *   intake    of any other channel: an appsrc, for a feed (feed.h)
 *   demux     its pad video_0 goes to video-in, audio_N to audio-in-N, others are
 *             discarded; between video-in and align comes the decoder for what the pad
 *             has
 *   align     what comes out of it has to be what the description says; so has what
 *             comes out of copy and copy-N, parsers of what is passed through
 *   mark-*    forensicmark: the key
 *   sink      hlsgatesink: secrets, and the properties of its pads
 * probe: what this machine has. HE_ERROR_UNAVAILABLE names what is missing. */
HeadendPlan *headend_plan_new (const HeadendModel *model, const HeadendNode *node,
                               const HeadendModelChannel *channel, const HeProbe *probe,
                               GError **error);
void headend_plan_free (HeadendPlan *plan); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendPlan, headend_plan_free)

/* The channel alone, as an origin needs it. */
HeChannel *headend_plan_channel (const HeadendModelChannel *channel);

/* Whether this machine has what every channel needs: HE_ERROR_UNAVAILABLE names the first
 * missing element and what to install. */
gboolean headend_plan_check_factories (const HeadendModel *model, const HeProbe *probe,
                                       GError **error);

/* The same for a list of elements; what names who needs them. */
gboolean headend_plan_check_elements (const char *what, const char *const *elements,
                                      const HeProbe *probe, GError **error);

G_END_DECLS
