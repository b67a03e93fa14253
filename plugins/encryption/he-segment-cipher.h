/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* Encrypts one segment after the other under the key schedule: AES-128-CBC with PKCS#7
 * padding over each whole segment (RFC 8216 section 4.3.2.4), key by period and IV by
 * media sequence number (he-keys.h). Bytes come in pieces of any size. Not thread-safe.
 */
typedef struct _HeSegmentCipher HeSegmentCipher;

/* content is the secret of HE_PURPOSE_CONTENT. rotation is in segments per key, >= 1.
 * Channel and tier are valid names and are copied. */
HeSegmentCipher *
he_segment_cipher_new (HeSecret *content, guint key_version, const char *channel,
                       const char *tier, guint rotation);
void
he_segment_cipher_free (HeSegmentCipher *cipher); /* takes NULL; drops what is open */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSegmentCipher, he_segment_cipher_free)

/* Begins segment msn. None is open. */
void he_segment_cipher_begin (HeSegmentCipher *cipher, guint64 msn);
gboolean he_segment_cipher_is_open (const HeSegmentCipher *cipher);

/* Appends the whole blocks that are complete now to out: up to 15 bytes stay behind. */
void he_segment_cipher_update (HeSegmentCipher *cipher, const guint8 *data, gsize len,
                               GByteArray *out);

/* Appends the padded rest, 1 to 16 bytes of padding included, and closes the segment. */
void he_segment_cipher_finish (HeSegmentCipher *cipher, GByteArray *out);

/* Encrypts segment msn at once; none is open. Takes clear, and if nobody else holds it
 * its memory, which is made 16 bytes longer. */
GBytes *he_segment_cipher_seal (HeSegmentCipher *cipher, guint64 msn, GBytes *clear);

/* Closes the open segment, if any, without its end. */
void he_segment_cipher_abandon (HeSegmentCipher *cipher);

G_END_DECLS
