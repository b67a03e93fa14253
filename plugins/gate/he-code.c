/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token.h"

const char *
he_code_reason (HeCode code)
{
  switch (code) {
    case HE_CODE_NONE:
      return "no token was verified";
    case HE_CODE_OK:
      return "the token or credential is good";
    case HE_CODE_SIGNATURE:
      return "the token's signature does not verify";
    case HE_CODE_ISSUER:
      return "the token is from another issuer";
    case HE_CODE_SUBJECT:
      return "the token's subject is not an encrypted object";
    case HE_CODE_AUDIENCE:
      return "the token is for another audience";
    case HE_CODE_EXPIRED:
      return "the token has expired";
    case HE_CODE_NOT_BEFORE:
      return "the token is not valid yet";
    case HE_CODE_RENEWAL:
      return "the token's renewal settings are incomplete or not supported";
    case HE_CODE_NONCE:
      return "the token carries a nonce (jti), which is not supported";
    case HE_CODE_VERSION:
      return "the token's claim set version is not supported";
    case HE_CODE_CRITICAL:
      return "the token requires an extension that is not supported";
    case HE_CODE_CLIENT_IP:
      return "the token's client address claim is not supported";
    case HE_CODE_URI:
      return "the token is for other URIs";
    case HE_CODE_MALFORMED:
      return "the token or request is malformed";
    case HE_CODE_NO_CREDENTIAL:
      return "neither a token nor a credential was sent";
    case HE_CODE_CREDENTIAL:
      return "the credential was not issued here";
    case HE_CODE_ADDRESS:
      return "the token or credential belongs to another address";
    case HE_CODE_LEASE:
      return "the session's lease has ended";
    case HE_CODE_EVICTED:
      return "a newer session of the account took this one's place";
    case HE_CODE_TOO_MANY:
      return "no more sessions can be opened now";
    case HE_CODE_RIGHTS:
      return "the channel is not among the session's rights";
    case HE_CODE_REVOKED:
      return "the session was revoked";
    case HE_CODE_UNAVAILABLE:
      return "no session can be opened for the moment";
  }
  return "unknown reason";
}
