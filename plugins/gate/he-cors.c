/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cors.h"

#include <string.h>
#include "he-codec.h"

#define MAX_SCHEME 32
#define MAX_HOST 253
#define PREFLIGHT_SECONDS "600"

/* What a player may read of an answer besides what all may. */
#define EXPOSED                                                                          \
  "Headend-Lease, Headend-Node, S-Uri-Signing, S-Uri-Signing-Deny-Reason, Retry-After"
/* What it may send: the token, parts of segments, and CTA-5004's fields. */
#define SENDABLE                                                                         \
  "Authorization, Range, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"

static gboolean
host_is_valid (const char *host, gsize len)
{
  static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  static const char literal[] = "0123456789abcdef:.";
  if (len == 0 || len > MAX_HOST)
    return FALSE;
  if (*host == '[')
    return len > 2 && host[len - 1] == ']' && strspn (host + 1, literal) == len - 2;
  return g_ascii_isalnum (*host) && strspn (host, name) >= len;
}

/* "SCHEME:", RFC 3986 section 3.1. */
static gboolean
scheme_is_valid (const char *scheme, gsize len)
{
  static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789+.-";
  return len > 0 && len <= MAX_SCHEME && g_ascii_isalpha (*scheme)
         && strspn (scheme, name) == len;
}

gboolean
he_cors_origin_is_valid (const char *text)
{
  const char *host = strstr (text, "://");
  gboolean tls = g_str_has_prefix (text, "https:");
  gboolean of_web = tls || g_str_has_prefix (text, "http:");
  guint64 port = 0, own = tls ? 443 : of_web ? 80 : 0;
  if (!host)
    return strcmp (text, "null") == 0;
  if (!scheme_is_valid (text, (gsize)(host - text)))
    return FALSE;
  host += strlen ("://");
  if (!of_web && !*host) /* file:// */
    return TRUE;
  const char *bracket = *host == '[' ? strchr (host, ']') : NULL;
  const char *colon = strchr (bracket ? bracket : host, ':');
  gsize len = colon ? (gsize)(colon - host) : strlen (host);
  if (!host_is_valid (host, len))
    return FALSE;
  return !colon
         || (he_uint64_decode (colon + 1, strlen (colon + 1), 65535, &port) && port > 0
             && port != own);
}

static const char *
find (const char *const *allowed, const char *origin)
{
  for (guint i = 0; allowed && origin && allowed[i]; i++)
    if (strcmp (allowed[i], origin) == 0)
      return allowed[i];
  return NULL;
}

gboolean
he_cors_allows (const char *const *allowed, const char *origin)
{
  return find (allowed, origin) != NULL;
}

static void
add (HeCorsField fields[HE_CORS_FIELDS], guint *count, const char *name,
     const char *value)
{
  fields[(*count)++] = (HeCorsField) { name, value };
}

guint
he_cors_answer (const char *const *allowed, const char *origin,
                HeCorsField ret_fields[HE_CORS_FIELDS])
{
  guint count = 0;
  const char *found = find (allowed, origin);
  if (!allowed || !*allowed)
    return 0;
  /* Also to those who get nothing: a cache must not give their answer to others. */
  add (ret_fields, &count, "Vary", "Origin");
  if (found) {
    add (ret_fields, &count, "Access-Control-Allow-Origin", found);
    add (ret_fields, &count, "Access-Control-Allow-Credentials", "true");
    add (ret_fields, &count, "Access-Control-Expose-Headers", EXPOSED);
  }
  return count;
}

guint
he_cors_preflight (const char *const *allowed, const char *origin, const char *method,
                   guint *ret_status, HeCorsField ret_fields[HE_CORS_FIELDS])
{
  static const char *const methods[] = { "GET", "HEAD", "POST", NULL };
  guint count = 0;
  const char *found = find (allowed, origin);
  if (!allowed || !*allowed || !origin || !method) {
    *ret_status = 405;
    return 0;
  }
  add (ret_fields, &count, "Vary",
       "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  *ret_status = found && g_strv_contains (methods, method) ? 204 : 403;
  if (*ret_status == 204) {
    add (ret_fields, &count, "Access-Control-Allow-Origin", found);
    add (ret_fields, &count, "Access-Control-Allow-Credentials", "true");
    add (ret_fields, &count, "Access-Control-Allow-Methods", "GET, HEAD, POST");
    add (ret_fields, &count, "Access-Control-Allow-Headers", SENDABLE);
    add (ret_fields, &count, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
  }
  return count;
}
