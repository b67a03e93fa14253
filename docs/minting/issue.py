#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""issue.py SECRET NODE ACCOUNT CHANNEL [BASE]: a watch URL from a node whose description names the private
key in tokens.issuing-key, with nothing but Python. SECRET is the file headend.secret, NODE the node's `internal`
(ADDRESS:PORT), BASE what the URL begins with, such as https://tv.example."""
import base64
import hashlib
import hmac
import json
import pathlib
import sys
import time
import urllib.request

PATH = "/control/token"


def parts(*values):
    """Each with its length before it, in four bytes; a number is eight bytes, big end first."""
    texts = [v.to_bytes(8, "big") if isinstance(v, int) else v if isinstance(v, bytes) else v.encode() for v in values]
    return b"".join(len(text).to_bytes(4, "big") + text for text in texts)


def publish_key(secret):
    """HKDF-SHA256 (RFC 5869) without salt."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, parts("headend", "publish") + b"\1", "sha256")


def signature(key, method, path, body):
    now = int(time.time())
    mac = hmac.digest(key, parts(method, path, hashlib.sha256(body).digest(), now), "sha256")
    return f"Headend-HMAC t={now},s={base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


secret, node, account, channel, *base = sys.argv[1:]
wish = {"account": account, "channels": [channel], "ttl": 300} | ({"url": base[0]} if base else {})
body = json.dumps(wish).encode()
key = publish_key(bytes.fromhex(pathlib.Path(secret).read_text().strip()))
request = urllib.request.Request(f"http://{node}{PATH}", body, method="POST", headers={
    "Authorization": signature(key, "POST", PATH, body), "Content-Type": "application/json"})
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with direct.open(request, timeout=10) as answer:
    print(json.load(answer)["urls"][0])
