/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-anchor.h"
#include "job.h"

G_BEGIN_DECLS

/* A worker's part in agreeing on the anchor of its channel; its origin asks the others
 * (he-anchors.h). Both functions wait for the origin, for seconds at most. */

/* The anchor to go on with after this proposal (JSON), which may take the steps of
 * settle.h. To who says that the source stood still, the present anchor says that it did
 * not. Without an answer of the origin it is the proposal, which is the same on a node
 * that started at the same time. FALSE when the proposal is no anchor. */
gboolean
headend_agree (const HeadendJob *job, const char *proposal, HeAnchor *ret_anchor);

/* Tells the origin what our encoders make of the clip (clip.h); it asks the other nodes
 * for theirs. FALSE: it did not take it. */
gboolean headend_agreement_tell (const HeadendJob *job, const char *clip);

/* Tells it how the channel's sources are (he-input.h). */
gboolean headend_agreement_tell_inputs (const HeadendJob *job, const char *inputs);

/* Whether the origin holds an anchor that gives the same epoch times, or none, or does
 * not answer. */
gboolean headend_agreement_holds (const HeadendJob *job, const HeAnchor *anchor);

G_END_DECLS
