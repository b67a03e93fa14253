/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-address.h"

#include <arpa/inet.h>
#include <string.h>
#include "he-crypto.h"
#include "he-token.h"

gboolean
he_address_parse (const char *text, HeAddress *ret_address)
{
  static const guint8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
  char plain[INET6_ADDRSTRLEN];
  guint8 bytes[16];
  if (!text)
    return FALSE;
  gsize len = strcspn (text, "%"); /* a link-local address may name its interface */
  if (len == 0 || len >= sizeof plain)
    return FALSE;
  memcpy (plain, text, len);
  plain[len] = '\0';
  HeAddress address = { 0 };
  if (text[len] == '\0' && inet_pton (AF_INET, plain, bytes) == 1) {
    address.len = 4;
    memcpy (address.bytes, bytes, 4);
  } else if (inet_pton (AF_INET6, plain, bytes) == 1) {
    gboolean is_v4 = memcmp (bytes, mapped, sizeof mapped) == 0;
    address.len = is_v4 ? 4 : 16;
    memcpy (address.bytes, is_v4 ? bytes + 12 : bytes, address.len);
  } else {
    return FALSE;
  }
  *ret_address = address;
  return TRUE;
}

static gboolean
is_equal (const HeAddress *a, const HeAddress *b)
{
  return a->len == b->len && memcmp (a->bytes, b->bytes, a->len) == 0;
}

/* What inet_ntop() writes, which takes its time with every request. */
static char *
print_v4 (const guint8 bytes[4])
{
  char text[16], *end = text;
  for (guint i = 0; i < 4; i++) {
    if (bytes[i] >= 100)
      *end++ = (char)('0' + bytes[i] / 100);
    if (bytes[i] >= 10)
      *end++ = (char)('0' + bytes[i] / 10 % 10);
    *end++ = (char)('0' + bytes[i] % 10);
    *end++ = '.';
  }
  return g_strndup (text, (gsize)(end - text - 1));
}

char *
he_address_to_string (const HeAddress *address)
{
  char text[INET6_ADDRSTRLEN];
  if (address->len == 4)
    return print_v4 (address->bytes);
  inet_ntop (AF_INET6, address->bytes, text, sizeof text);
  return g_strdup (text);
}

gboolean
he_address_is_listed (const HeAddress *address, const char *const *list)
{
  HeAddress listed;
  for (guint i = 0; list && list[i]; i++)
    if (he_address_parse (list[i], &listed) && is_equal (&listed, address))
      return TRUE;
  return FALSE;
}

HeAddress
he_address_subscriber (const HeAddress *address)
{
  HeAddress subscriber = *address;
  if (subscriber.len == 16)
    memset (subscriber.bytes + 8, 0, 8);
  return subscriber;
}

gboolean
he_address_hash (const HeSecret *credential, const char *address, guint8 ret_hash[16])
{
  HeAddress parsed;
  guint8 mac[HE_SHA256_LEN];
  if (!he_address_parse (address, &parsed))
    return FALSE;
  parsed = he_address_subscriber (&parsed);
  g_autoptr (GByteArray) parts = he_parts_new ();
  he_parts_add_string (parts, "ip");
  he_parts_add (parts, parsed.bytes, parsed.len == 4 ? 4 : 8);
  he_hmac_sha256 (credential, parts->data, parts->len, mac);
  memcpy (ret_hash, mac, 16);
  return TRUE;
}
