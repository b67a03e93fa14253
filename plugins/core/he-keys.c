/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-keys.h"
#include "he-codec.h"
#include "he-crypto.h"

#include <openssl/crypto.h>
#include <string.h>

const char *
he_purpose_name (HePurpose purpose)
{
  static const char *const names[] = {
    [HE_PURPOSE_CONTENT] = "content",   [HE_PURPOSE_MARK] = "mark",
    [HE_PURPOSE_CODEWORD] = "codeword", [HE_PURPOSE_CREDENTIAL] = "credential",
    [HE_PURPOSE_PUBLISH] = "publish",
  };

  g_assert ((guint)purpose < G_N_ELEMENTS (names));
  return names[purpose];
}

HeSecret *
he_keys_derive (const HeSecret *master, HePurpose purpose)
{
  g_autoptr (GByteArray) info = he_parts_new ();
  guint8 key[32];
  HeSecret *secret;

  he_parts_add_string (info, "headend");
  he_parts_add_string (info, he_purpose_name (purpose));
  he_hkdf_sha256 (master, info, key, sizeof key);
  secret = he_secret_new (key, sizeof key);
  OPENSSL_cleanse (key, sizeof key);
  return secret;
}

void
he_content_key (const HeSecret *content, guint key_version, const char *channel,
                const char *tier, guint64 period, guint8 ret_key[16])
{
  g_autoptr (GByteArray) info = he_parts_new ();

  he_parts_add_uint64 (info, key_version);
  he_parts_add_string (info, channel);
  he_parts_add_string (info, tier);
  he_parts_add_uint64 (info, period);
  he_hkdf_sha256 (content, info, ret_key, HE_AES128_KEY_LEN);
}

guint64
he_key_period (guint64 msn, guint rotation)
{
  g_assert (rotation >= 1);
  return msn / rotation;
}

void
he_content_iv (guint64 msn, guint8 ret_iv[16])
{
  memset (ret_iv, 0, 8);
  he_write_be64 (ret_iv + 8, msn);
}

void
he_mark_seed (const HeSecret *mark, const char *channel, guint64 msn, guint8 ret_seed[32])
{
  g_autoptr (GByteArray) info = he_parts_new ();

  he_parts_add_string (info, channel);
  he_parts_add_uint64 (info, msn);
  he_hkdf_sha256 (mark, info, ret_seed, 32);
}

/* The marked segment of a run. */
static guint64
marked_of (const HeSecret *mark, const char *channel, guint sparse, guint64 run)
{
  g_autoptr (GByteArray) info = he_parts_new ();
  guint8 draw[8];

  he_parts_add_string (info, "sparse");
  he_parts_add_string (info, channel);
  he_parts_add_uint64 (info, sparse);
  he_parts_add_uint64 (info, run);
  he_hkdf_sha256 (mark, info, draw, sizeof draw);
  return run * sparse + he_read_be64 (draw) % sparse;
}

guint64
he_mark_next (const HeSecret *mark, const char *channel, guint sparse, guint64 msn)
{
  guint64 run, marked;

  g_assert (sparse >= 1);
  if (sparse == 1)
    return msn;
  run = msn / sparse;
  marked = marked_of (mark, channel, sparse, run);
  return marked >= msn ? marked : marked_of (mark, channel, sparse, run + 1);
}
