// SPDX-License-Identifier: LGPL-2.1-or-later
// node mint.mjs KEY ACCOUNT CHANNEL: an entry token for five minutes, with Node alone. KEY is the
// token.pem of `headend token keygen` (ES256); tokens.jwks beside it names the key.
import { randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const [path, account, channel] = process.argv.slice(2);
const named = JSON.parse(readFileSync(join(dirname(path), "tokens.jwks"))).keys[0];
const now = Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const text = part({ alg: "ES256", typ: "JWT", kid: named.kid }) + "." + part({
  iss: "headend", aud: "headend", iat: now, nbf: now - 30, exp: now + 300, cdniv: 1,
  cdniuc: `regex:([^:]*://[^/]*)?/live/${channel}/.*`,
  headend_tid: randomBytes(16).toString("base64url"), headend_acc: account, headend_rights: [channel],
});
const key = { key: readFileSync(path), dsaEncoding: "ieee-p1363" };
console.log(text + "." + sign("sha256", Buffer.from(text), key).toString("base64url"));
