/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-crypto.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* Whether the nodes of a channel make the same of it: each copy of a segment that another
 * node offers is compared with the one that is held. Pure, zeroed before use; not
 * thread-safe.
 *
 * Equal bytes agree. Others agree where boundaries, number of frames and the signature of
 * the first picture do, as far as both tell them. What is flagged as damaged or filled on
 * either side says nothing about agreement, as the nodes lost different things. */
typedef struct {
  gboolean identical; /* the nodes promise the same bytes, and have kept it so far */
  guint64 agree, conflict;
  gboolean conflicting; /* until a whole window of copies agreed again */
  guint64 calm;         /* copies that agreed since the last conflict */
  char *news;           /* a line for people that nobody took yet, or NULL */
} HeProof;

typedef enum {
  HE_PROOF_AGREES,
  HE_PROOF_CONFLICTS,
  HE_PROOF_EXCUSED, /* flagged, and other bytes */
} HeProofVerdict;

typedef struct {
  const HeSegment *segment;
  const guint8 *digest; /* HE_SHA256_LEN */
  const char *node;     /* that made it; or NULL */
} HeProofCopy;

/* What the nodes promise from now on. */
void he_proof_promise (HeProof *proof, gboolean identical);

/* Counts, and has news when the state changes: the first conflict (both hashes), copies
 * that differ although identical ones were promised (both hashes: the promise is taken
 * back), and window_copies that agreed after a conflict. */
HeProofVerdict he_proof_compare (HeProof *proof, const HeProofCopy *held,
                                 const HeProofCopy *copy, guint64 window_copies);

char *he_proof_take_news (HeProof *proof); /* or NULL; the caller frees it */

void he_proof_clear (HeProof *proof);

G_END_DECLS
