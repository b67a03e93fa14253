/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* Entry tokens: JWT (RFC 7519) signed with an algorithm that is configured, typ "JWT", claims of RFC 9246 section 2.1
 * plus private ones, all verified without leeway:
 *
 *   iss aud exp nbf iat  required, aud a string or an array that holds ours
 *   cdniv                1; absent means 1
 *   cdniuc               "regex:PATTERN", a POSIX extended expression that must match the
 *                        whole URI path (or the whole absolute URI, where it is known), or
 *                        "hash:sha-256;BASE64URL" of the same
 *   headend_tid          opaque token id, 16 bytes base64url (jti is what others refuse)
 *   headend_acc          opaque account, 1..128 bytes of UTF-8 without control characters
 *   headend_rights       array of 1..32 channel names, or ["*"]
 *   headend_max          sessions this account may have, 1..1000 (optional)
 *   headend_len          seconds a session may last after opening (optional)
 *   headend_ip           base64url of he_address_hash(), 16 bytes (optional)
 *
 * Refused, because RFC 9246 says so of who does not enforce them: jti (407), cdniip (410),
 * a cdnicrit that names anything but the private claims above (409). sub must be a compact
 * JWE (402); cdniets and cdnistt come together, with a registered transport (406). The
 * verifying codes of other claims also stand for their absence; a wrong type is
 * HE_CODE_MALFORMED. */
#define HE_TOKEN_MAX_BYTES 4096
#define HE_RIGHTS_MAX 32 /* channels that one names */

/* What was said of a token: the CDNI URI Signing Verification Codes of RFC 9246 (section 6.4,
 * s-uri-signing; 500 is its malformed URI), and the gate's own codes from 600 on. */
typedef enum {
  HE_CODE_NONE = 0,           /* "000": no signed JWT validation performed */
  HE_CODE_OK = 200,
  HE_CODE_SIGNATURE = 400,
  HE_CODE_ISSUER = 401,
  HE_CODE_SUBJECT = 402,
  HE_CODE_AUDIENCE = 403,
  HE_CODE_EXPIRED = 404,
  HE_CODE_NOT_BEFORE = 405,
  HE_CODE_RENEWAL = 406,
  HE_CODE_NONCE = 407,
  HE_CODE_VERSION = 408,
  HE_CODE_CRITICAL = 409,
  HE_CODE_CLIENT_IP = 410,
  HE_CODE_URI = 411,
  HE_CODE_MALFORMED = 500,
  HE_CODE_NO_CREDENTIAL = 600, /* neither token nor credential */
  HE_CODE_CREDENTIAL = 601,    /* a credential we did not seal */
  HE_CODE_ADDRESS = 602,       /* credential or token from another address */
  HE_CODE_LEASE = 603,         /* the session's lease or hard end has passed */
  HE_CODE_EVICTED = 604,       /* a newer session took the account's slot */
  HE_CODE_TOO_MANY = 605,      /* the account's slots are taken (reject-newest) */
  HE_CODE_RIGHTS = 606,        /* the channel is not among the session's rights */
  HE_CODE_REVOKED = 607,
  HE_CODE_UNAVAILABLE = 608, /* where sessions are kept cannot be asked */
} HeCode;

const char *he_code_reason (HeCode code); /* one English sentence, no period */

typedef struct {
  guint8 id[16];
  char *account;
  char **rights;     /* NULL-terminated channel names or "*" */
  gint64 issued, expires; /* unix seconds */
  guint max_sessions;    /* 0: not said */
  guint session_seconds; /* 0: not said */
  gboolean has_address;
  guint8 address_hash[16];
} HeToken;

void he_token_free (HeToken *token); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeToken, he_token_free)

/* Algorithms that tokens may be signed with, as bits. */
typedef guint HeTokenAlgorithms;
enum {
  HE_TOKEN_ES256 = 1 << 0, /* ECDSA on P-256: the default */
  HE_TOKEN_EDDSA = 1 << 1, /* Ed25519 */
  HE_TOKEN_RS256 = 1 << 2, /* RSA, PKCS #1 1.5 */
  HE_TOKEN_PS256 = 1 << 3, /* RSA, PSS */
  HE_TOKEN_HS256 = 1 << 4, /* HMAC: the gate's own key can sign, too */
};
/* Their names, as "alg" has them; NULL-terminated. */
const char *const *he_token_algorithm_names (void);
/* HE_ERROR_INVALID names what is not one. */
gboolean he_token_algorithms_parse (const char *const *names,
                                    HeTokenAlgorithms *ret_algorithms, GError **error);

/* Keys by kid, from a JWKS file (RFC 7517; at most 64 keys). One ends with its "exp".
 * Those of other algorithms than `accepted` are passed over, and those that cannot be
 * used, as long as others can. A key has one algorithm: its "alg", which RSA keys must
 * have where both of theirs are accepted. A file with secrets (HS256) is refused when
 * others may read it. Thread-safe: reload parses completely, then swaps. */
typedef struct _HeTokenKeys HeTokenKeys;
HeTokenKeys *he_token_keys_load (const char *jwks_path, HeTokenAlgorithms accepted,
                                 GError **error);
/* From text; len may be -1. Reloading such keys does nothing. */
HeTokenKeys *he_token_keys_parse (const char *jwks, gssize len,
                                  HeTokenAlgorithms accepted, GError **error);
gboolean he_token_keys_reload (HeTokenKeys *keys, GError **error);
/* Whether the file is another one than at the last call or load, or gone since; one
 * thread's business. */
gboolean he_token_keys_changed (HeTokenKeys *keys);
/* Why the first of the keys that cannot be used cannot, NULL: all can; that thread's
 * business, too, until it reloads. */
const char *he_token_keys_passed_over (const HeTokenKeys *keys);
void he_token_keys_free (HeTokenKeys *keys); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeTokenKeys, he_token_keys_free)

typedef struct {
  HeTokenKeys *keys;
  const char *issuer;
  const char *audience;
} HeTokenRules;

/* Verifies text for a request of uri at unix_seconds: the path ("/live/demo/main.m3u8"), or
 * the absolute URI without the token; NULL: of any. Returns HE_CODE_OK and sets *ret_token,
 * or the reason; with HE_CODE_EXPIRED it is set, too, when nothing else is wrong.
 * Nothing beyond the bounded header is parsed before the signature is good. */
HeCode he_token_verify (const HeTokenRules *rules, const char *text, gsize len,
                        const char *uri, gint64 unix_seconds, HeToken **ret_token);

/* The keyed hash of a client address (IPv4 /32, IPv6 /64; IPv4 in IPv6 is IPv4) that tokens
 * and credentials carry: HMAC(credential key, {"ip", the 4 or 8 bytes}), first 16 bytes. FALSE when address is not one. */
gboolean he_address_hash (const HeSecret *credential, const char *address,
                          guint8 ret_hash[16]);

/* Operator's side. The private key is PEM (PKCS#8), or for HS256 the JWK itself; the kid is
 * the RFC 7638 thumbprint, of a secret a random name. Both texts are for
 * he_string_wipe_free(). */
gboolean he_token_keygen (const char *algorithm, char **ret_private, char **ret_jwk,
                          GError **error);

/* The private key's text from a file that nobody else may read or write. */
HeSecret *he_token_private_key_load (const char *path, GError **error);

typedef struct {
  const char *issuer, *audience, *account;
  const char *const *channels; /* NULL-terminated, or {"*", NULL} */
  gint64 now;                  /* iat; nbf is 30 s earlier, for clocks that lag behind */
  guint ttl_seconds;           /* of the token: exp = now + ttl */
  guint session_seconds;       /* 0: leave out */
  guint max_sessions;          /* 0: leave out */
  const guint8 *address_hash;  /* 16 bytes or NULL */
  const char *algorithm;       /* NULL: the key's own, RS256 of RSA */
} HeTokenRequest;
char *he_token_mint (const char *private_key, const HeTokenRequest *request, GError **error);

/* Where a viewer enters a channel with a token: below base ("https://HOST", "" for a path),
 * at the playlist or at the watch page. A page gets the token in the fragment, which
 * browsers send to nobody. */
typedef enum {
  HE_TOKEN_URL_PATH = 1 << 0, /* the credential travels in the path, not in a cookie */
  HE_TOKEN_URL_PAGE = 1 << 1,
} HeTokenUrlKind;
char *he_token_url (const char *base, const char *channel, const char *token, guint kind);

/* What a private key is called in a JWKS, and its JWK there (of HS256 with the secret:
 * he_string_wipe_free()). algorithm NULL: the key's own, RS256 of RSA. */
char *he_token_kid (const char *private_key, const char *algorithm, GError **error);
char *he_token_public_jwk (const char *private_key, const char *algorithm, GError **error);

/* The "alg" of a private key in a JWKS. HE_ERROR_NOT_FOUND: it is not there. */
char *he_token_jwks_algorithm (const char *jwks, const char *private_key, GError **error);
/* A JWKS with the new key first; the old one gets old_end as its "exp" (G_MAXINT64: none
 * yet) unless it has an earlier one, and keys whose end has come are left out. Others stay
 * as they are. For he_string_wipe_free(). */
char *he_token_jwks_rotate (const char *jwks, const char *old_key, const char *new_key,
                            const char *algorithm, gint64 now, gint64 old_end,
                            GError **error);

/* Header and claims as indented JSON, not verified. */
char *he_token_inspect (const char *text, GError **error);

G_END_DECLS
