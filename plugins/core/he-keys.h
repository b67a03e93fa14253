/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* The key schedule: everything that nodes share follows from one master secret, the
 * description and the segment's number, so no key server is asked. Each process gets only
 * the purposes that it needs:
 *   worker: CONTENT, MARK, PUBLISH · origin and gate: CONTENT, CODEWORD, CREDENTIAL,
 * PUBLISH */
typedef enum {
  HE_PURPOSE_CONTENT,    /* segment encryption */
  HE_PURPOSE_MARK,       /* watermark patterns */
  HE_PURPOSE_CODEWORD,   /* which variant a viewer gets: he-codeword.h */
  HE_PURPOSE_CREDENTIAL, /* sealing sessions, edge tickets, address hashes */
  HE_PURPOSE_PUBLISH,    /* PUT and control requests between our own processes */
} HePurpose;

const char *he_purpose_name (HePurpose purpose); /* "content", … */

/* HKDF(master, {"headend", purpose}): 32 bytes. */
HeSecret *he_keys_derive (const HeSecret *master, HePurpose purpose);

/* The AES-128 key of a key period: HKDF(content, {version, channel, tier, period}). */
void he_content_key (const HeSecret *content, guint key_version, const char *channel,
                     const char *tier, guint64 period, guint8 ret_key[16]);

/* period = msn / rotation (segments per key; rotation >= 1). */
guint64 he_key_period (guint64 msn, guint rotation);

/* The segment's IV: its MSN as a 128-bit big-endian number, the default of RFC 8216
 * section 5.2. */
void he_content_iv (guint64 msn, guint8 ret_iv[16]);

/* The pattern seed of one segment: HKDF(mark, {channel, msn}). The same for a and b. */
void he_mark_seed (const HeSecret *mark, const char *channel, guint64 msn,
                   guint8 ret_seed[32]);

/* Sparse marking: variant b differs from a in one segment of `sparse` only. Of each run
 * of segments with the same MSN / sparse it is exactly one, at the place
 * HKDF(mark, {"sparse", channel, sparse, MSN / sparse}) mod sparse, so nobody waits for
 * more than 2 * sparse - 1 segments, and who has not the key cannot tell which they are.
 * Returns the first such segment at or after msn; sparse (>= 1) of 1: msn. */
#define HE_SPARSE_MAX 64
guint64
he_mark_next (const HeSecret *mark, const char *channel, guint sparse, guint64 msn);

G_END_DECLS
