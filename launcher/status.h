/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "model.h"

G_BEGIN_DECLS

/* What the nodes say of themselves (GET /status), judged: a channel is healthy on a node
 * when its window is filled and its newest segment is younger than three segment
 * durations. Pure: answers come from the caller. */

#define HEADEND_STATUS_MAX (4 * 1024 * 1024) /* bytes of an answer */

typedef struct {
  const HeadendNode *node;
  HeJson *answer; /* owned; NULL: the node does not answer */
  char *error;    /* why not */
} HeadendNodeStatus;

void headend_node_status_free (HeadendNodeStatus *status);

/* A healthy head-end: some node answers, and every node that answers has every channel.
 */
gboolean headend_status_healthy (const HeadendModel *model, const GPtrArray *nodes);
char *headend_status_text (const HeadendModel *model, const GPtrArray *nodes);
char *headend_status_json (const HeadendModel *model, const GPtrArray *nodes);

/* From one node's answer: the epoch time at which the newest segment of a channel that it
 * holds ends, and where, by its age, that of the source must be now; the source is ahead
 * of this by as long as a segment takes from its last picture to the origin. *ret_clean:
 * whether it is what the source had, with nothing made up. FALSE when the node lists
 * none. */
gboolean
headend_status_epoch (const char *answer, gsize len, const HeadendModelChannel *channel,
                      guint64 *ret_end90, guint64 *ret_now90, gboolean *ret_clean);

G_END_DECLS
