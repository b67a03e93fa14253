/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "viewer-ledger.h"

G_BEGIN_DECLS

/* Takes the clear bytes of segments (MPEG-TS with one elementary stream) apart, one after
 * the other, and tells a ledger what it finds: sound at once, pictures when whoever
 * decodes them says so. Pure. */
typedef struct _HeadendStreams HeadendStreams;

/* A coded picture and its absolute time; data is borrowed. */
typedef void (*HeadendPictureFunc) (GBytes *data, guint64 pts90, gpointer user);

/* The ledger must live longer, and is the caller's to lock. pictures may be NULL. */
HeadendStreams *headend_streams_new (HeadendLedger *ledger, HeadendTrack track,
                                     HeadendPictureFunc pictures, gpointer user);
void headend_streams_free (HeadendStreams *streams); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendStreams, headend_streams_free)

void headend_streams_push (HeadendStreams *streams, guint64 msn, GBytes *clear);
/* A segment will never come: continuity starts anew. */
void headend_streams_skip (HeadendStreams *streams);

/* The stream type (he-psi.h) of what was pushed last; 0: nothing yet. */
guint8 headend_streams_type (const HeadendStreams *streams);

G_END_DECLS
