/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-segment-cipher.h"
#include "he-crypto.h"
#include "he-keys.h"

#include <openssl/crypto.h>

struct _HeSegmentCipher {
  HeSecret *content;
  guint key_version;
  char *channel;
  char *tier;
  guint rotation;
  HeCbc *cbc; /* NULL between segments */
};

HeSegmentCipher *
he_segment_cipher_new (HeSecret *content, guint key_version, const char *channel,
                       const char *tier, guint rotation)
{
  HeSegmentCipher *cipher = g_new0 (HeSegmentCipher, 1);

  g_assert (rotation >= 1);
  cipher->content = he_secret_ref (content);
  cipher->key_version = key_version;
  cipher->channel = g_strdup (channel);
  cipher->tier = g_strdup (tier);
  cipher->rotation = rotation;
  return cipher;
}

void
he_segment_cipher_free (HeSegmentCipher *cipher)
{
  if (cipher == NULL)
    return;
  he_cbc_free (cipher->cbc);
  he_secret_unref (cipher->content);
  g_free (cipher->channel);
  g_free (cipher->tier);
  g_free (cipher);
}

static HeCbc *
cbc_of (const HeSegmentCipher *cipher, guint64 msn)
{
  guint8 key[HE_AES128_KEY_LEN], iv[HE_AES_BLOCK];
  HeCbc *cbc;

  he_content_key (cipher->content, cipher->key_version, cipher->channel, cipher->tier,
                  he_key_period (msn, cipher->rotation), key);
  he_content_iv (msn, iv);
  cbc = he_cbc_new (key, iv);
  OPENSSL_cleanse (key, sizeof key);
  return cbc;
}

void
he_segment_cipher_begin (HeSegmentCipher *cipher, guint64 msn)
{
  g_assert (cipher->cbc == NULL);
  cipher->cbc = cbc_of (cipher, msn);
}

gboolean
he_segment_cipher_is_open (const HeSegmentCipher *cipher)
{
  return cipher->cbc != NULL;
}

void
he_segment_cipher_update (HeSegmentCipher *cipher, const guint8 *data, gsize len,
                          GByteArray *out)
{
  g_assert (cipher->cbc != NULL);
  he_cbc_update (cipher->cbc, data, len, out);
}

void
he_segment_cipher_finish (HeSegmentCipher *cipher, GByteArray *out)
{
  g_assert (cipher->cbc != NULL);
  he_cbc_finish (cipher->cbc, out);
  g_clear_pointer (&cipher->cbc, he_cbc_free);
}

GBytes *
he_segment_cipher_seal (HeSegmentCipher *cipher, guint64 msn, GBytes *clear)
{
  g_autoptr (HeCbc) cbc = cbc_of (cipher, msn);
  gsize len;
  guint8 *data = g_bytes_unref_to_data (clear, &len);

  g_assert (cipher->cbc == NULL);
  data = g_realloc (data, len + HE_AES_BLOCK);
  return g_bytes_new_take (data, he_cbc_in_place (cbc, data, len));
}

void
he_segment_cipher_abandon (HeSegmentCipher *cipher)
{
  g_clear_pointer (&cipher->cbc, he_cbc_free);
}
