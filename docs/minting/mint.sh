#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# mint.sh KEY ACCOUNT CHANNEL: an entry token for five minutes, with openssl alone. KEY is the
# token.pem of `headend token keygen --algorithm RS256`; tokens.jwks beside it names the key.
set -eu
key=$1 account=$2 channel=$3
b64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
kid=$(grep -o '"kid":"[^"]*"' "$(dirname "$key")/tokens.jwks" | head -n 1 | cut -d '"' -f 4)
if ! grep -q '"alg":"RS256"' "$(dirname "$key")/tokens.jwks"; then
  echo "mint.sh: $key is not for RS256; make one with headend token keygen --algorithm RS256" >&2
  exit 1
fi
now=$(date +%s)
header=$(printf '{"alg":"RS256","typ":"JWT","kid":"%s"}' "$kid" | b64)
claims=$(printf '{"iss":"headend","aud":"headend","iat":%d,"nbf":%d,"exp":%d,"cdniv":1,"cdniuc":"regex:([^:]*://[^/]*)?/live/%s/.*","headend_tid":"%s","headend_acc":"%s","headend_rights":["%s"]}' \
  "$now" $((now - 30)) $((now + 300)) "$channel" "$(openssl rand 16 | b64)" "$account" "$channel" | b64)
signature=$(printf %s "$header.$claims" | openssl dgst -sha256 -sign "$key" -binary | b64)
printf '%s\n' "$header.$claims.$signature"
