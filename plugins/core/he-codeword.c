/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-codeword.h"
#include "he-codec.h"
#include "he-crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define KEY_LEN 16
#define BLOCK 16
#define BIASES_PER_BLOCK 4
#define DRAWS_PER_BLOCK 8
#define SLOTS_MULTIPLE 32
#define MAX_BIASES 8

struct _HeCodeword {
  gatomicrefcount refs;
  HeSecret *secret;
  guint key_version;
  char *channel;
  guint colluders;
  guint8 bias_key[KEY_LEN];
};

struct _HeCodewordReader {
  HeCodeword *code;
  EVP_CIPHER_CTX *aes;
  gsize n, blocks;  /* blocks: padded */
  gsize *slots;     /* of the positions */
  guint8 *counters; /* the numbers of the blocks, as AES takes them in */
  guint16 *draws;
};

/* One row for two numbers of colluders. Written down, because libm need not round alike
 * everywhere; a unit test computes them again. */
static const struct {
  guint n;
  guint16 biases[MAX_BIASES];
  guint32 ends[MAX_BIASES];
} rows[HE_CODEWORD_MAX_COLLUDERS / 2] = {
  { 1, { 32768 }, { 4294967295 } },
  { 2, { 13849, 51687 }, { 2147483648, 4294967295 } },
  { 3, { 7386, 32768, 58150 }, { 1425985642, 2868981654, 4294967295 } },
  { 4,
    { 4550, 21628, 43908, 60986 },
    { 1066569399, 2147483648, 3228397897, 4294967295 } },
  { 5,
    { 3074, 15123, 32768, 50413, 62462 },
    { 851653054, 1715093463, 2579873833, 3443314242, 4294967295 } },
  { 6,
    { 2213, 11101, 24949, 40587, 54435, 63323 },
    { 708751157, 1427410356, 2147483648, 2867556940, 3586216139, 4294967295 } },
  { 7,
    { 1668, 8470, 19469, 32768, 46067, 57066, 63868 },
    { 606884256, 1222288849, 1838999057, 2455968239, 3072678447, 3688083040,
      4294967295 } },
  { 8,
    { 1301, 6663, 15547, 26757, 38779, 49989, 58873, 64235 },
    { 530605017, 1068675032, 1607923591, 2147483648, 2687043705, 3226292264, 3764362279,
      4294967295 } },
};

guint
he_codeword_biases (guint colluders, const guint16 **ret_biases, const guint32 **ret_ends)
{
  g_assert (colluders >= 1 && colluders <= HE_CODEWORD_MAX_COLLUDERS);
  *ret_biases = rows[(colluders - 1) / 2].biases;
  *ret_ends = rows[(colluders - 1) / 2].ends;
  return rows[(colluders - 1) / 2].n;
}

static void
must (int ok)
{
  if (G_UNLIKELY (ok != 1))
    g_error ("libcrypto failed: AES-128-ECB");
}

/* Fetching an algorithm takes a lock and a search, so it is done once. */
static const EVP_CIPHER *
aes_method (void)
{
  static gsize method;

  if (g_once_init_enter (&method)) {
    EVP_CIPHER *cipher = EVP_CIPHER_fetch (NULL, "AES-128-ECB", NULL);

    must (cipher != NULL);
    g_once_init_leave (&method, (gsize)cipher);
  }
  return (const EVP_CIPHER *)method;
}

static EVP_CIPHER_CTX *
aes_new (void)
{
  EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new ();

  must (aes != NULL);
  must (EVP_EncryptInit_ex2 (aes, aes_method (), NULL, NULL, NULL));
  return aes;
}

static void
aes_blocks (EVP_CIPHER_CTX *aes, const guint8 *key, const guint8 *in, gsize len,
            guint8 *out)
{
  int written = 0;

  must (EVP_EncryptInit_ex2 (aes, NULL, key, NULL, NULL));
  must (EVP_EncryptUpdate (aes, out, &written, in, (int)len));
  g_assert ((gsize)written == len);
}

static void
write_counter (guint8 out[BLOCK], guint64 number)
{
  memset (out, 0, BLOCK);
  he_write_be64 (out + 8, number);
}

/* For one block: what is kept would have to be locked, which costs as much as this. */
static void
one_block (const guint8 *key, guint64 number, guint8 ret_out[BLOCK])
{
  EVP_CIPHER_CTX *aes = aes_new ();
  guint8 counter[BLOCK];

  write_counter (counter, number);
  aes_blocks (aes, key, counter, BLOCK, ret_out);
  EVP_CIPHER_CTX_free (aes);
}

HeCodeword *
he_codeword_new (const HeSecret *codeword, guint key_version, const char *channel,
                 guint colluders)
{
  HeCodeword *code = g_new0 (HeCodeword, 1);
  g_autoptr (GByteArray) info = he_parts_new ();

  g_assert (colluders >= 1 && colluders <= HE_CODEWORD_MAX_COLLUDERS);
  g_atomic_ref_count_init (&code->refs);
  code->secret = he_secret_ref ((HeSecret *)codeword);
  code->key_version = key_version;
  code->channel = g_strdup (channel);
  code->colluders = colluders;
  he_parts_add_string (info, "bias");
  he_parts_add_uint64 (info, key_version);
  he_parts_add_string (info, channel);
  he_hkdf_sha256 (codeword, info, code->bias_key, KEY_LEN);
  return code;
}

HeCodeword *
he_codeword_ref (HeCodeword *code)
{
  g_atomic_ref_count_inc (&code->refs);
  return code;
}

void
he_codeword_unref (HeCodeword *code)
{
  if (code == NULL || !g_atomic_ref_count_dec (&code->refs))
    return;
  OPENSSL_cleanse (code->bias_key, KEY_LEN);
  he_secret_unref (code->secret);
  g_free (code->channel);
  g_free (code);
}

guint
he_codeword_bias (const HeCodeword *code, guint64 msn)
{
  const guint16 *biases;
  const guint32 *ends;
  guint n = he_codeword_biases (code->colluders, &biases, &ends);
  guint8 block[BLOCK];
  guint32 draw;
  guint i = 0;

  one_block (code->bias_key, msn / BIASES_PER_BLOCK, block);
  memcpy (&draw, block + sizeof draw * (msn % BIASES_PER_BLOCK), sizeof draw);
  draw = GUINT32_FROM_LE (draw);
  while (i + 1 < n && draw >= ends[i])
    i++;
  return biases[i];
}

static void
viewer_key (const HeCodeword *code, const char *account, guint8 ret_key[HE_SHA256_LEN])
{
  g_autoptr (GByteArray) parts = he_parts_new ();

  he_parts_add_string (parts, "viewer");
  he_parts_add_uint64 (parts, code->key_version);
  he_parts_add_string (parts, code->channel);
  he_parts_add_string (parts, account);
  he_hmac_sha256 (code->secret, parts->data, parts->len, ret_key);
}

HeVariant
he_codeword_variant (const HeCodeword *code, const char *account, guint64 msn)
{
  guint8 key[HE_SHA256_LEN], block[BLOCK];
  guint16 draw;

  viewer_key (code, account, key);
  one_block (key, msn / DRAWS_PER_BLOCK, block);
  OPENSSL_cleanse (key, sizeof key);
  memcpy (&draw, block + sizeof draw * (msn % DRAWS_PER_BLOCK), sizeof draw);
  return GUINT16_FROM_LE (draw) < he_codeword_bias (code, msn) ? HE_VARIANT_B
                                                               : HE_VARIANT_A;
}

HeCodewordReader *
he_codeword_reader_new (HeCodeword *code, const guint64 *positions, gsize n)
{
  HeCodewordReader *reader = g_new0 (HeCodewordReader, 1);
  const gsize multiple = SLOTS_MULTIPLE / DRAWS_PER_BLOCK;
  gsize block = 0;

  reader->code = he_codeword_ref (code);
  reader->aes = aes_new ();
  EVP_CIPHER_CTX_set_padding (reader->aes, 0);
  reader->n = n;
  reader->slots = g_new (gsize, n);
  reader->counters = g_malloc0 ((n + multiple) * BLOCK);
  for (gsize i = 0; i < n; i++) {
    guint64 number = positions[i] / DRAWS_PER_BLOCK;

    g_assert (i == 0 || positions[i] > positions[i - 1]);
    if (i == 0 || number != positions[i - 1] / DRAWS_PER_BLOCK)
      write_counter (reader->counters + block++ * BLOCK, number);
    reader->slots[i] = (block - 1) * DRAWS_PER_BLOCK + positions[i] % DRAWS_PER_BLOCK;
  }
  reader->blocks = (block + multiple - 1) / multiple * multiple;
  reader->draws = g_malloc (MAX (reader->blocks, 1) * BLOCK);
  return reader;
}

void
he_codeword_reader_free (HeCodewordReader *reader)
{
  if (reader == NULL)
    return;
  EVP_CIPHER_CTX_free (reader->aes);
  he_codeword_unref (reader->code);
  g_free (reader->slots);
  g_free (reader->counters);
  g_free (reader->draws);
  g_free (reader);
}

gsize
he_codeword_reader_slots (const HeCodewordReader *reader)
{
  return reader->blocks * DRAWS_PER_BLOCK;
}

gsize
he_codeword_reader_slot (const HeCodewordReader *reader, gsize i)
{
  g_assert (i < reader->n);
  return reader->slots[i];
}

const guint16 *
he_codeword_reader_draw (HeCodewordReader *reader, const char *account)
{
  guint8 key[HE_SHA256_LEN];

  viewer_key (reader->code, account, key);
  aes_blocks (reader->aes, key, reader->counters, reader->blocks * BLOCK,
              (guint8 *)reader->draws);
  OPENSSL_cleanse (key, sizeof key);
#if G_BYTE_ORDER == G_BIG_ENDIAN
  for (gsize i = 0; i < reader->blocks * DRAWS_PER_BLOCK; i++)
    reader->draws[i] = GUINT16_FROM_LE (reader->draws[i]);
#endif
  return reader->draws;
}
