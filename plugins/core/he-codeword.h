/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"
#include "he-segment.h"

G_BEGIN_DECLS

/* Which variant a viewer gets at each position: a Tardos code with Nuida's biases,
 * computed where it is needed. It has no length and no table; nobody need be enrolled,
 * and an account that opens sessions again gets the same word.
 *
 * Everything is integers, so every machine computes the same bits:
 *
 *   bias key    = HKDF (codeword, {"bias", key version, channel}), 16 bytes
 *   viewer key  = HMAC (codeword, {"viewer", key version, channel, account}), its first
 * 16 bytes block (key, n) = AES-128 (key, n as 128 bits, big-endian) bias of MSN    : the
 * 32 bits at 4 * (MSN mod 4) of block (bias key, MSN / 4), little-endian, choose p among
 * the biases for so many colluders by their probabilities viewer's draw  : the 16 bits at
 * 2 * (MSN mod 8) of block (viewer key, MSN / 8), little-endian his bit        = b where
 * draw < p * 65536, else a
 *
 * So one bit costs one HMAC and two AES blocks, and eight positions of a candidate that
 * share a block cost one. Who has not the secret can tell neither the biases nor
 * anybody's bits.
 *
 * The biases are those of K. Nuida et al., "An improvement of discrete Tardos
 * fingerprinting codes" (2009), for 1 to 16 colluders, rounded to 1/65536: zeros of a
 * Legendre polynomial. */

#define HE_CODEWORD_COLLUDERS 5 /* the default */
#define HE_CODEWORD_MAX_COLLUDERS 16
#define HE_CODEWORD_ONE 65536 /* the scale of biases */

/* One channel's code under one key version. Immutable and thread-safe. */
typedef struct _HeCodeword HeCodeword;

/* colluders, 1..16, is what the biases are made for. Larger coalitions are found too,
 * only later. Copies can be traced only with the number that was in force. */
HeCodeword *he_codeword_new (const HeSecret *codeword, guint key_version,
                             const char *channel, guint colluders);
HeCodeword *he_codeword_ref (HeCodeword *code);
void he_codeword_unref (HeCodeword *code); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeCodeword, he_codeword_unref)

/* The probability of b at a position, in 1/65536: 1..65535. */
guint he_codeword_bias (const HeCodeword *code, guint64 msn);

/* The viewer's bit. account is opaque text. */
HeVariant he_codeword_variant (const HeCodeword *code, const char *account, guint64 msn);

/* The biases for so many colluders, ascending, and the upper ends of the intervals of 32
 * bits that choose them. Returns how many there are. */
guint he_codeword_biases (guint colluders, const guint16 **ret_biases,
                          const guint32 **ret_ends);

/* The draws of many accounts at the same positions, at some 0.1 ns each. One thread. */
typedef struct _HeCodewordReader HeCodewordReader;

/* positions are ascending MSNs, without repetition. References code. */
HeCodewordReader *
he_codeword_reader_new (HeCodeword *code, const guint64 *positions, gsize n);
void he_codeword_reader_free (HeCodewordReader *reader); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeCodewordReader, he_codeword_reader_free)

/* Draws come in slots: eight for each block that any position needs. A multiple of 32. */
gsize he_codeword_reader_slots (const HeCodewordReader *reader);
/* The slot of positions[i]. */
gsize he_codeword_reader_slot (const HeCodewordReader *reader, gsize i);
/* All slots of one account: b where the draw is below the position's bias. Valid until
 * the next call. */
const guint16 *he_codeword_reader_draw (HeCodewordReader *reader, const char *account);

G_END_DECLS
