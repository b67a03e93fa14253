/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-credential.h"

#include <string.h>
#include "he-codec.h"
#include "he-crypto.h"

#define VERSION 1
#define AAD "headend-credential-1"
#define FIXED (1 + 16 + 1 + 16 + 4 + 8 + 8)
#define MAX_RIGHTS 64

/* The credential key also makes ids and address hashes; sealing gets a key of its own. */
HeSecret *
he_credential_sealing_key (const HeSecret *credential)
{
  guint8 key[32];
  g_autoptr (GByteArray) info = he_parts_new ();
  he_parts_add_string (info, "seal");
  he_hkdf_sha256 (credential, info, key, sizeof key);
  HeSecret *secret = he_secret_new (key, sizeof key);
  explicit_bzero (key, sizeof key);
  return secret;
}

void
he_credential_session_id (const HeSecret *credential, const guint8 token_id[16],
                          guint8 ret_id[16])
{
  guint8 mac[HE_SHA256_LEN];
  g_autoptr (GByteArray) parts = he_parts_new ();
  he_parts_add_string (parts, "session");
  he_parts_add (parts, token_id, 16);
  he_hmac_sha256 (credential, parts->data, parts->len, mac);
  memcpy (ret_id, mac, 16);
}

static void
append_string (GByteArray *out, const char *text)
{
  guint8 len[2];
  he_write_be16 (len, (guint16)strlen (text));
  g_byte_array_append (out, len, sizeof len);
  g_byte_array_append (out, (const guint8 *)text, strlen (text));
}

char *
he_credential_seal (const HeSecret *sealing_key, const HeSessionRecord *record)
{
  guint8 fixed[FIXED] = { VERSION }, count[2];
  guint n = record->rights ? g_strv_length (record->rights) : 0;
  if (n > MAX_RIGHTS || strlen (record->account) > HE_CREDENTIAL_MAX)
    return NULL;
  memcpy (fixed + 1, record->id, 16);
  fixed[17] = record->has_address ? 1 : 0;
  if (record->has_address)
    memcpy (fixed + 18, record->address_hash, 16);
  he_write_be32 (fixed + 34, record->max_sessions);
  he_write_be64 (fixed + 38, (guint64)record->opened);
  he_write_be64 (fixed + 46, (guint64)record->hard_end);
  g_autoptr (GByteArray) plain = g_byte_array_new ();
  g_byte_array_append (plain, fixed, sizeof fixed);
  append_string (plain, record->account);
  he_write_be16 (count, (guint16)n);
  g_byte_array_append (plain, count, sizeof count);
  for (guint i = 0; i < n; i++)
    append_string (plain, record->rights[i]);
  if ((plain->len + HE_AEAD_OVERHEAD) * 4 / 3 + 4 > HE_CREDENTIAL_MAX)
    return NULL;
  g_autoptr (GBytes) sealed = he_aead_seal (sealing_key, (const guint8 *)AAD,
                                            strlen (AAD), plain->data, plain->len);
  gsize sealed_len = 0;
  const guint8 *data = g_bytes_get_data (sealed, &sealed_len);
  return he_base64url_encode (data, sealed_len);
}

/* The string at *p, moved past; NULL when it does not fit before end. */
static char *
take_string (const guint8 **p, const guint8 *end)
{
  if (end - *p < 2)
    return NULL;
  gsize len = he_read_be16 (*p);
  if ((gsize)(end - *p - 2) < len || memchr (*p + 2, 0, len))
    return NULL;
  char *text = g_strndup ((const char *)*p + 2, len);
  *p += 2 + len;
  return text;
}

static gboolean
parse (const guint8 *p, gsize len, HeSessionRecord *record)
{
  const guint8 *end = p + len;
  if (len < FIXED || p[0] != VERSION || p[17] > 1)
    return FALSE;
  memcpy (record->id, p + 1, 16);
  record->has_address = p[17];
  memcpy (record->address_hash, p + 18, 16);
  record->max_sessions = he_read_be32 (p + 34);
  record->opened = (gint64)he_read_be64 (p + 38);
  record->hard_end = (gint64)he_read_be64 (p + 46);
  p += FIXED;
  record->account = take_string (&p, end);
  if (!record->account || end - p < 2)
    return FALSE;
  guint count = he_read_be16 (p);
  p += 2;
  if (count > MAX_RIGHTS)
    return FALSE;
  record->rights = g_new0 (char *, count + 1);
  for (guint i = 0; i < count; i++)
    if (!(record->rights[i] = take_string (&p, end)))
      return FALSE;
  return p == end;
}

gboolean
he_credential_open (const HeSecret *sealing_key, const char *text, gsize len,
                    HeSessionRecord *ret_record)
{
  guint8 sealed[HE_CREDENTIAL_MAX];
  gsize sealed_len = 0, plain_len = 0;
  if (len == 0 || len > HE_CREDENTIAL_MAX
      || !he_base64url_decode (text, len, sealed, sizeof sealed, &sealed_len)
      || sealed_len < HE_AEAD_OVERHEAD)
    return FALSE;
  g_autoptr (GBytes) plain = he_aead_open (sealing_key, (const guint8 *)AAD,
                                           strlen (AAD), sealed, sealed_len, NULL);
  if (!plain)
    return FALSE;
  HeSessionRecord record = { 0 };
  const guint8 *data = g_bytes_get_data (plain, &plain_len);
  if (!parse (data, plain_len, &record)) {
    he_session_record_clear (&record);
    return FALSE;
  }
  *ret_record = record;
  return TRUE;
}
