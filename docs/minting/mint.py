#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mint.py KEY ACCOUNT CHANNEL: an entry token for five minutes, with jwcrypto. KEY is the token.pem of
`headend token keygen`, of any algorithm but HS256; tokens.jwks beside it names key and algorithm."""
import base64
import json
import os
import pathlib
import sys
import time

from jwcrypto import jwk, jwt

path, account, channel = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
key = jwk.JWK.from_pem(path.read_bytes())
named = json.loads((path.parent / "tokens.jwks").read_text())["keys"][0]
now = int(time.time())
token = jwt.JWT(
    header={"alg": named["alg"], "typ": "JWT", "kid": named["kid"]},
    claims={"iss": "headend", "aud": "headend", "iat": now, "nbf": now - 30, "exp": now + 300, "cdniv": 1,
            "cdniuc": f"regex:([^:]*://[^/]*)?/live/{channel}/.*",
            "headend_tid": base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode(),
            "headend_acc": account, "headend_rights": [channel]})
token.make_signed_token(key)
print(token.serialize())
