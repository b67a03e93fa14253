/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* The primitives everything else is made of, over OpenSSL. Functions that cannot fail on
 * valid arguments abort when OpenSSL itself is broken. Thread-safe. */

#define HE_SHA256_LEN 32
#define HE_AES128_KEY_LEN 16
#define HE_AES_BLOCK 16
#define HE_AEAD_OVERHEAD (12 + 16) /* nonce and tag */

void he_random (guint8 *ret_out, gsize len);
void he_sha256 (const guint8 *data, gsize len, guint8 ret_digest[HE_SHA256_LEN]);
gboolean he_equal_constant_time (const guint8 *a, const guint8 *b, gsize len);

/* Length-prefixed concatenation, so that ("ab","c") and ("a","bc") differ: each part is a
 * 32-bit big-endian length followed by its bytes. Integers go in as 8 bytes. */
typedef struct _GByteArray HeParts;
HeParts *he_parts_new (void); /* free with g_byte_array_unref() */
void he_parts_add (HeParts *parts, const void *data, gsize len);
void he_parts_add_string (HeParts *parts, const char *text);
void he_parts_add_uint64 (HeParts *parts, guint64 value);

void he_hmac_sha256 (const HeSecret *key, const guint8 *data, gsize len,
                     guint8 ret_mac[HE_SHA256_LEN]);

/* HKDF-SHA256 (RFC 5869) with an empty salt; len <= 64. */
void he_hkdf_sha256 (const HeSecret *key, const HeParts *info, guint8 *ret_out, gsize len);

/* AES-128-CBC with PKCS#7 padding over whole messages (RFC 8216 section 4.3.2.4).
 * Encrypting returns a new array; decrypting fails on wrong padding. */
GBytes *he_aes128_cbc_encrypt (const guint8 key[16], const guint8 iv[16], const guint8 *data,
                               gsize len);
GBytes *he_aes128_cbc_decrypt (const guint8 key[16], const guint8 iv[16], const guint8 *data,
                               gsize len, GError **error);

/* The same as a stream, for data that comes in pieces: update() returns what is complete,
 * finish() the padded rest. */
typedef struct _HeCbc HeCbc;
HeCbc *he_cbc_new (const guint8 key[16], const guint8 iv[16]);
void he_cbc_free (HeCbc *cbc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeCbc, he_cbc_free)
void he_cbc_update (HeCbc *cbc, const guint8 *data, gsize len, GByteArray *out); /* appends */
void he_cbc_finish (HeCbc *cbc, GByteArray *out);                                /* appends */
/* A whole message where it lies, with room for 16 bytes behind it. Returns its new length.
 * The cipher is used up. */
gsize he_cbc_in_place (HeCbc *cbc, guint8 *data, gsize len);

/* AES-256-GCM with a random nonce; key of 32 bytes. Sealed = nonce ‖ ciphertext ‖ tag. */
GBytes *he_aead_seal (const HeSecret *key, const guint8 *aad, gsize aad_len,
                      const guint8 *data, gsize len);
/* Returns NULL with HE_ERROR_DENIED for anything that this key did not seal. */
GBytes *he_aead_open (const HeSecret *key, const guint8 *aad, gsize aad_len,
                      const guint8 *sealed, gsize len, GError **error);

/* A keyed, endless, seekless byte stream (AES-256-CTR from zero) for patterns. */
typedef struct _HeKeystream HeKeystream;
HeKeystream *he_keystream_new (const guint8 key[32]);
void he_keystream_free (HeKeystream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeKeystream, he_keystream_free)
void he_keystream_read (HeKeystream *stream, guint8 *ret_out, gsize len);

G_END_DECLS
