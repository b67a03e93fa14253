/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-sign.h"
#include "he-codec.h"
#include "he-crypto.h"
#include "he-error.h"

#include <string.h>

#define SCHEME "Headend-HMAC t="
#define MAC_TEXT_LEN 43 /* 32 bytes in base64url */

static void
request_mac (const HeSecret *key, const char *method, const char *path,
             const guint8 *body, gsize len, gint64 unix_seconds,
             guint8 ret_mac[HE_SHA256_LEN])
{
  g_autoptr (GByteArray) parts = he_parts_new ();
  guint8 digest[HE_SHA256_LEN];

  he_sha256 (body, len, digest);
  he_parts_add_string (parts, method);
  he_parts_add_string (parts, path);
  he_parts_add (parts, digest, sizeof digest);
  he_parts_add_uint64 (parts, (guint64)unix_seconds);
  he_hmac_sha256 (key, parts->data, parts->len, ret_mac);
}

static void
ticket_mac (const HeSecret *key, const char *path, gint64 expires,
            guint8 ret_mac[HE_SHA256_LEN])
{
  g_autoptr (GByteArray) parts = he_parts_new ();

  he_parts_add_string (parts, "ticket");
  he_parts_add_string (parts, path);
  he_parts_add_uint64 (parts, (guint64)expires);
  he_hmac_sha256 (key, parts->data, parts->len, ret_mac);
}

/* "SECONDS<separator>MAC", complete. */
static gboolean
parse_time_and_mac (const char *text, const char *separator, gint64 *ret_seconds,
                    guint8 ret_mac[HE_SHA256_LEN])
{
  gsize digits = strspn (text, "0123456789");
  gsize separator_len = strlen (separator);
  const char *mac = text + digits + separator_len;
  guint64 seconds;
  gsize mac_len;

  if (!he_uint64_decode (text, digits, G_MAXINT64, &seconds)
      || strncmp (text + digits, separator, separator_len) != 0
      || strnlen (mac, MAC_TEXT_LEN + 1) != MAC_TEXT_LEN
      || !he_base64url_decode (mac, MAC_TEXT_LEN, ret_mac, HE_SHA256_LEN, &mac_len))
    return FALSE;
  *ret_seconds = (gint64)seconds;
  return mac_len == HE_SHA256_LEN;
}

char *
he_sign_request (const HeSecret *key, const char *method, const char *path,
                 const guint8 *body, gsize len, gint64 unix_seconds)
{
  g_autofree char *text = NULL;
  guint8 mac[HE_SHA256_LEN];

  request_mac (key, method, path, body, len, unix_seconds, mac);
  text = he_base64url_encode (mac, sizeof mac);
  return g_strdup_printf (SCHEME "%" G_GINT64_FORMAT ",s=%s", unix_seconds, text);
}

gboolean
he_sign_verify (const HeSecret *key, const char *header, const char *method,
                const char *path, const guint8 *body, gsize len, gint64 unix_seconds,
                GError **error)
{
  guint8 given[HE_SHA256_LEN], expected[HE_SHA256_LEN];
  gint64 signed_at;

  if (header == NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED, "the request is not signed");
    return FALSE;
  }
  if (!g_str_has_prefix (header, SCHEME)
      || !parse_time_and_mac (header + strlen (SCHEME), ",s=", &signed_at, given)) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "malformed signature; expected Headend-HMAC t=UNIX_SECONDS,s=BASE64URL");
    return FALSE;
  }
  request_mac (key, method, path, body, len, signed_at, expected);
  if (!he_equal_constant_time (given, expected, sizeof given)) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED, "the signature does not match");
    return FALSE;
  }
  /* After the MAC, so that the time named here is one that a peer did sign. */
  if (signed_at < unix_seconds - HE_SIGN_WINDOW
      || signed_at > unix_seconds + HE_SIGN_WINDOW) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "signed %" G_GINT64_FORMAT
                 " seconds away from this clock; at most %d are"
                 " accepted: set both clocks",
                 signed_at - unix_seconds, HE_SIGN_WINDOW);
    return FALSE;
  }
  return TRUE;
}

char *
he_ticket_new (const HeSecret *key, const char *path, gint64 expires)
{
  g_autofree char *text = NULL;
  guint8 mac[HE_SHA256_LEN];

  ticket_mac (key, path, expires, mac);
  text = he_base64url_encode (mac, sizeof mac);
  return g_strdup_printf ("%" G_GINT64_FORMAT ".%s", expires, text);
}

gboolean
he_ticket_verify (const HeSecret *key, const char *ticket, const char *path,
                  gint64 unix_seconds, GError **error)
{
  guint8 given[HE_SHA256_LEN], expected[HE_SHA256_LEN];
  gint64 expires;

  if (ticket == NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED, "there is no ticket");
    return FALSE;
  }
  if (!parse_time_and_mac (ticket, ".", &expires, given)) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "malformed ticket; expected UNIX_SECONDS.BASE64URL");
    return FALSE;
  }
  ticket_mac (key, path, expires, expected);
  if (!he_equal_constant_time (given, expected, sizeof given)) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED, "the ticket is not for this path");
    return FALSE;
  }
  if (unix_seconds >= expires) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED, "the ticket has expired");
    return FALSE;
  }
  return TRUE;
}
