/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <math.h>
#include <string.h>
#include "he-codec.h"
#include "he-crypto.h"
#include "he-json.h"
#include "he-posix-regex.h"
#include "he-uri.h"

#define MAX_DEPTH 4
#define MAX_SECONDS (G_GINT64_CONSTANT (1) << 40) /* year 36812 */
#define MAX_AUDIENCES 32
#define MAX_PATTERN 2048
#define MAX_URI 4096

gboolean
he_account_is_valid (const char *account)
{
  gsize len = account ? strlen (account) : 0;
  if (len == 0 || len > HE_ACCOUNT_MAX || !g_utf8_validate (account, len, NULL))
    return FALSE;
  for (const char *p = account; *p; p++)
    if (g_ascii_iscntrl (*p))
      return FALSE;
  return TRUE;
}

gboolean
he_rights_are_valid (const char *const *rights)
{
  guint count = rights ? g_strv_length ((char **)rights) : 0;
  gsize bytes = 0;
  if (count == 1 && strcmp (rights[0], "*") == 0)
    return TRUE;
  for (guint i = 0; i < count; i++) {
    bytes += strlen (rights[i]);
    if (!he_name_is_valid (rights[i]))
      return FALSE;
  }
  return count >= 1 && count <= HE_RIGHTS_MAX && bytes <= HE_RIGHTS_BYTES_MAX;
}

static gboolean
regex_matches (const char *posix, const char *uri)
{
  g_autofree char *pattern = strlen (posix) <= MAX_PATTERN ? he_posix_regex (posix) : NULL;
  if (!pattern)
    return FALSE;
  /* By itself first: "a)|(b" must not close the group that we put around it. */
  g_autoptr (GRegex) alone = g_regex_new (pattern, G_REGEX_RAW, 0, NULL);
  if (!alone)
    return FALSE;
  g_autofree char *whole = g_strdup_printf ("(*LIMIT_MATCH=20000)^(?:%s)\\z", pattern);
  g_autoptr (GRegex) regex = g_regex_new (whole, G_REGEX_RAW, 0, NULL);
  return regex && g_regex_match (regex, uri, 0, NULL);
}

/* "hash:sha-256;BASE64URL", the URL segment form of RFC 6920 section 5. */
static gboolean
hash_matches (const char *text, const char *uri)
{
  guint8 want[HE_SHA256_LEN], have[HE_SHA256_LEN];
  gsize len = 0;
  if (!g_str_has_prefix (text, "sha-256;"))
    return FALSE;
  text += strlen ("sha-256;");
  if (!he_base64url_decode (text, strlen (text), want, sizeof want, &len)
      || len != sizeof want)
    return FALSE;
  he_sha256 ((const guint8 *)uri, strlen (uri), have);
  return he_equal_constant_time (want, have, sizeof have);
}

gboolean
he_token_uri_matches (const char *container, const char *given)
{
  const char *path = NULL;
  g_autofree char *uri = strlen (given) <= MAX_URI ? he_uri_normalise (given) : NULL;
  if (!uri)
    return FALSE;
  /* Of an absolute URI, the path alone may match too: our own containers speak of it. */
  const char *authority = strstr (uri, "://");
  g_autofree char *path_only = NULL;
  if (*uri != '/' && authority && (path = strchr (authority + 3, '/')))
    path_only = g_strndup (path, strcspn (path, "?#"));
  if (g_str_has_prefix (container, "regex:")) {
    const char *pattern = container + strlen ("regex:");
    return regex_matches (pattern, uri)
           || (path_only && regex_matches (pattern, path_only));
  }
  if (g_str_has_prefix (container, "hash:")) {
    const char *hash = container + strlen ("hash:");
    return hash_matches (hash, uri) || (path_only && hash_matches (hash, path_only));
  }
  return FALSE;
}

/* NumericDate of RFC 7519 may have a fraction; round says which way it is judged, always
 * against the token. */
static HeCode
read_date (const HeJson *claims, const char *name, HeCode missing,
           double (*round) (double), gint64 *ret_seconds)
{
  const HeJson *node = he_json_member (claims, name);
  if (!node)
    return missing;
  if (he_json_type (node) == HE_JSON_INTEGER) {
    *ret_seconds = he_json_integer (node);
  } else if (he_json_type (node) == HE_JSON_NUMBER) {
    double value = he_json_number (node);
    if (!(value >= 0 && value <= (double)MAX_SECONDS))
      return HE_CODE_MALFORMED;
    *ret_seconds = (gint64)round (value);
  } else {
    return HE_CODE_MALFORMED;
  }
  return *ret_seconds >= 0 && *ret_seconds <= MAX_SECONDS ? HE_CODE_OK
                                                          : HE_CODE_MALFORMED;
}

static HeCode
check_issuer (const HeJson *claims, const char *issuer)
{
  const HeJson *node = he_json_member (claims, "iss");
  if (!node)
    return HE_CODE_ISSUER;
  if (he_json_type (node) != HE_JSON_STRING)
    return HE_CODE_MALFORMED;
  return strcmp (he_json_string (node), issuer) == 0 ? HE_CODE_OK : HE_CODE_ISSUER;
}

static HeCode
check_audience (const HeJson *claims, const char *audience)
{
  const HeJson *node = he_json_member (claims, "aud");
  HeCode code = HE_CODE_AUDIENCE;
  if (!node)
    return code;
  if (he_json_type (node) == HE_JSON_STRING)
    return strcmp (he_json_string (node), audience) == 0 ? HE_CODE_OK : code;
  if (he_json_type (node) != HE_JSON_ARRAY || he_json_length (node) > MAX_AUDIENCES)
    return HE_CODE_MALFORMED;
  for (guint i = 0; i < he_json_length (node); i++) {
    const HeJson *element = he_json_element (node, i);
    if (he_json_type (element) != HE_JSON_STRING)
      return HE_CODE_MALFORMED;
    if (strcmp (he_json_string (element), audience) == 0)
      code = HE_CODE_OK;
  }
  return code;
}

static HeCode
check_begin (const HeJson *claims, gint64 now, gint64 *ret_issued)
{
  gint64 not_before = 0;
  HeCode code = read_date (claims, "nbf", HE_CODE_NOT_BEFORE, ceil, &not_before);
  if (code != HE_CODE_OK)
    return code;
  if (now < not_before)
    return HE_CODE_NOT_BEFORE;
  return read_date (claims, "iat", HE_CODE_MALFORMED, floor, ret_issued);
}

/* RFC 9246 section 2.1.9: a comma-separated list of claims that must be understood, each
 * of them present, none of them of the RFC's own, none twice. */
static HeCode
check_critical (const HeJson *claims)
{
  static const char *const ours[]
      = { "headend_tid", "headend_acc", "headend_rights", "headend_max", "headend_len",
          "headend_ip",  NULL };
  const HeJson *node = he_json_member (claims, "cdnicrit");
  if (!node)
    return HE_CODE_OK;
  if (he_json_type (node) != HE_JSON_STRING)
    return HE_CODE_CRITICAL;
  g_auto (GStrv) names = g_strsplit (he_json_string (node), ",", 16);
  if (!names[0])
    return HE_CODE_CRITICAL;
  for (guint i = 0; names[i]; i++) {
    if (!g_strv_contains (ours, names[i]) || !he_json_member (claims, names[i]))
      return HE_CODE_CRITICAL;
    for (guint j = 0; j < i; j++)
      if (strcmp (names[i], names[j]) == 0)
        return HE_CODE_CRITICAL;
  }
  return HE_CODE_OK;
}

static gboolean
is_number (const HeJson *node)
{
  return he_json_type (node) == HE_JSON_INTEGER || he_json_type (node) == HE_JSON_NUMBER;
}

/* RFC 9246 sections 2.1.12 to 2.1.14 and 3.2.1. Renewal goes by our own credential, so
 * cdniets and cdnistt need only be consistent: both or none, a transport that is registered
 * (0 none, 1 cookie, 2 query), and a time ahead where there is one. */
static HeCode
check_renewal (const HeJson *claims)
{
  const HeJson *setting = he_json_member (claims, "cdniets");
  const HeJson *transport = he_json_member (claims, "cdnistt");
  const HeJson *depth = he_json_member (claims, "cdnistd");
  if (depth && (he_json_type (depth) != HE_JSON_INTEGER || he_json_integer (depth) < 0))
    return HE_CODE_MALFORMED;
  if (!setting && !transport)
    return HE_CODE_OK;
  if (!setting || !transport)
    return HE_CODE_RENEWAL;
  if (!is_number (setting) || he_json_type (transport) != HE_JSON_INTEGER)
    return HE_CODE_MALFORMED;
  gint64 how = he_json_integer (transport);
  return how == 0 || (how > 0 && how <= 2 && he_json_number (setting) > 0)
             ? HE_CODE_OK
             : HE_CODE_RENEWAL;
}

/* The protected header of a JWE (RFC 7516 section 4.1). */
static gboolean
is_jwe_header (const char *text, gsize len)
{
  guint8 bytes[HE_TOKEN_MAX_BYTES];
  gsize bytes_len = 0;
  const char *alg = NULL, *enc = NULL;
  if (!he_base64url_decode (text, len, bytes, sizeof bytes, &bytes_len))
    return FALSE;
  g_autoptr (HeJson) header
      = he_json_parse ((const char *)bytes, bytes_len, sizeof bytes, MAX_DEPTH, NULL);
  return header && he_json_type (header) == HE_JSON_OBJECT
         && he_json_get_string (header, "alg", TRUE, &alg, NULL)
         && he_json_get_string (header, "enc", TRUE, &enc, NULL);
}

/* RFC 7516 section 7.1: header, encrypted key, initialization vector, ciphertext and tag in
 * base64url. The key may be empty ("dir"), and so may what is encrypted. */
static gboolean
is_jwe (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", 6);
  guint8 bytes[HE_TOKEN_MAX_BYTES];
  gsize len;
  if (g_strv_length (parts) != 5 || !is_jwe_header (parts[0], strlen (parts[0]))
      || !*parts[2] || !*parts[4])
    return FALSE;
  for (guint i = 1; i < 5; i++)
    if (!he_base64url_decode (parts[i], strlen (parts[i]), bytes, sizeof bytes, &len))
      return FALSE;
  return TRUE;
}

/* A subject, where there is one, is a JWE in compact form: it is for others. */
static HeCode
check_subject (const HeJson *claims)
{
  const HeJson *node = he_json_member (claims, "sub");
  if (!node)
    return HE_CODE_OK;
  if (he_json_type (node) != HE_JSON_STRING)
    return HE_CODE_MALFORMED;
  return is_jwe (he_json_string (node)) ? HE_CODE_OK : HE_CODE_SUBJECT;
}

static HeCode
check_cdni (const HeJson *claims, const char *uri)
{
  const HeJson *version = he_json_member (claims, "cdniv");
  const HeJson *container = he_json_member (claims, "cdniuc");
  HeCode code;
  if (version && he_json_type (version) != HE_JSON_INTEGER)
    return HE_CODE_MALFORMED;
  if (version && he_json_integer (version) != 1) /* absent means 1 */
    return HE_CODE_VERSION;
  if ((code = check_critical (claims)) != HE_CODE_OK
      || (code = check_subject (claims)) != HE_CODE_OK)
    return code;
  /* Both must be refused by who does not enforce them (sections 2.1.7 and 2.1.10). */
  if (he_json_member (claims, "jti"))
    return HE_CODE_NONCE;
  if (he_json_member (claims, "cdniip"))
    return HE_CODE_CLIENT_IP;
  if ((code = check_renewal (claims)) != HE_CODE_OK)
    return code;
  if (!container)
    return HE_CODE_URI;
  if (he_json_type (container) != HE_JSON_STRING)
    return HE_CODE_MALFORMED;
  return !uri || he_token_uri_matches (he_json_string (container), uri) ? HE_CODE_OK
                                                                        : HE_CODE_URI;
}

static gboolean
read_bytes16 (const HeJson *claims, const char *name, gboolean required,
              guint8 ret_out[16], gboolean *ret_present)
{
  const HeJson *node = he_json_member (claims, name);
  gsize len = 0;
  *ret_present = node != NULL;
  if (!node)
    return !required;
  if (he_json_type (node) != HE_JSON_STRING)
    return FALSE;
  const char *text = he_json_string (node);
  return he_base64url_decode (text, strlen (text), ret_out, 16, &len) && len == 16;
}

static char **
read_rights (const HeJson *claims)
{
  const HeJson *node = he_json_member (claims, "headend_rights");
  if (!node || he_json_type (node) != HE_JSON_ARRAY
      || he_json_length (node) > HE_RIGHTS_MAX)
    return NULL;
  g_auto (GStrv) rights = g_new0 (char *, he_json_length (node) + 1);
  for (guint i = 0; i < he_json_length (node); i++) {
    const HeJson *element = he_json_element (node, i);
    if (he_json_type (element) != HE_JSON_STRING)
      return NULL;
    rights[i] = g_strdup (he_json_string (element));
  }
  return he_rights_are_valid ((const char *const *)rights) ? g_steal_pointer (&rights)
                                                           : NULL;
}

static HeCode
read_private (const HeJson *claims, HeToken *token)
{
  const char *account = NULL;
  gboolean has_id;
  guint64 max_sessions = 0, session_seconds = 0;
  if (!read_bytes16 (claims, "headend_tid", TRUE, token->id, &has_id)
      || !read_bytes16 (claims, "headend_ip", FALSE, token->address_hash,
                        &token->has_address)
      || !he_json_get_string (claims, "headend_acc", TRUE, &account, NULL)
      || !he_account_is_valid (account)
      || !he_json_get_uint64 (claims, "headend_max", FALSE, 1000, &max_sessions, NULL)
      || !he_json_get_uint64 (claims, "headend_len", FALSE, G_MAXINT32, &session_seconds,
                              NULL))
    return HE_CODE_MALFORMED;
  /* Zero would read as "not said", which is more than was given. */
  if ((he_json_member (claims, "headend_max") && max_sessions == 0)
      || (he_json_member (claims, "headend_len") && session_seconds == 0))
    return HE_CODE_MALFORMED;
  token->rights = read_rights (claims);
  if (!token->rights)
    return HE_CODE_MALFORMED;
  token->account = g_strdup (account);
  token->max_sessions = (guint)max_sessions;
  token->session_seconds = (guint)session_seconds;
  return HE_CODE_OK;
}

HeCode
he_token_check_claims (const HeTokenRules *rules, const char *payload, gsize len,
                       const char *uri, gint64 unix_seconds, HeToken **ret_token)
{
  g_autoptr (HeJson) claims
      = he_json_parse (payload, len, HE_TOKEN_MAX_BYTES, MAX_DEPTH, NULL);
  g_autoptr (HeToken) token = g_new0 (HeToken, 1);
  gint64 expires = 0;
  HeCode code;
  if (!claims || he_json_type (claims) != HE_JSON_OBJECT)
    return HE_CODE_MALFORMED;
  if ((code = check_issuer (claims, rules->issuer)) != HE_CODE_OK
      || (code = check_audience (claims, rules->audience)) != HE_CODE_OK
      || (code = read_date (claims, "exp", HE_CODE_EXPIRED, floor, &expires))
             != HE_CODE_OK)
    return code;
  token->expires = expires;
  if ((code = check_begin (claims, unix_seconds, &token->issued)) == HE_CODE_OK
      && (code = check_cdni (claims, uri)) == HE_CODE_OK
      && (code = read_private (claims, token)) == HE_CODE_OK)
    *ret_token = g_steal_pointer (&token);
  return unix_seconds >= expires ? HE_CODE_EXPIRED : code;
}
