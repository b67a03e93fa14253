/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-proof.h"

#include <string.h>

#include "he-codec.h"

void
he_proof_promise (HeProof *self, gboolean identical)
{
  self->identical = identical;
}

void
he_proof_clear (HeProof *self)
{
  g_clear_pointer (&self->news, g_free);
}

char *
he_proof_take_news (HeProof *self)
{
  return g_steal_pointer (&self->news);
}

static char *
words_of (const HeProofCopy *copy)
{
  g_autofree char *digest = he_hex_encode (copy->digest, HE_SHA256_LEN);

  return g_strdup_printf ("sha256 %s, %u frames of node %s", digest,
                          copy->segment->frames,
                          copy->node != NULL ? copy->node : "(unnamed)");
}

/* What nobody took yet is older than this, but tells where it began. */
static void
tell (HeProof *self, const char *what, const HeProofCopy *held, const HeProofCopy *copy)
{
  const HeSegment *segment = held->segment;
  g_autofree char *mine = words_of (held);
  g_autofree char *other = words_of (copy);

  if (self->news == NULL)
    self->news
        = g_strdup_printf ("channel %s: %s: %s/%s/%" G_GUINT64_FORMAT " is %s; and %s",
                           segment->channel, what, segment->rendition,
                           he_variant_name (segment->variant), segment->msn, mine, other);
}

static void
agreed (HeProof *self, const HeProofCopy *held, guint64 window_copies)
{
  self->agree++;
  self->calm++;
  if (!self->conflicting || self->calm < window_copies)
    return;
  self->conflicting = FALSE;
  if (self->news == NULL)
    self->news = g_strdup_printf ("channel %s: the nodes' copies agree again",
                                  held->segment->channel);
}

HeProofVerdict
he_proof_compare (HeProof *self, const HeProofCopy *held, const HeProofCopy *copy,
                  guint64 window_copies)
{
  gboolean same = memcmp (held->digest, copy->digest, HE_SHA256_LEN) == 0;
  const char *apart = same ? NULL : he_segment_apart (held->segment, copy->segment);

  if (!same
      && (held->segment->flags != HE_SEGMENT_CLEAN
          || copy->segment->flags != HE_SEGMENT_CLEAN))
    return HE_PROOF_EXCUSED;
  if (apart == NULL) {
    if (!same && self->identical) {
      self->identical = FALSE;
      tell (self,
            "ALARM, its copies are interchangeable and no longer identical; the pictures "
            "agree",
            held, copy);
    }
    agreed (self, held, window_copies);
    return HE_PROOF_AGREES;
  }
  self->conflict++;
  self->calm = 0;
  self->identical = FALSE;
  if (!self->conflicting) {
    g_autofree char *what
        = g_strdup_printf ("ALARM, the nodes' copies conflict, %s", apart);

    self->conflicting = TRUE;
    tell (self, what, held, copy);
  }
  return HE_PROOF_CONFLICTS;
}
