/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-wm-token.h"

#include <string.h>

#include "he-cbor.h"
#include "he-codec.h"
#include "he-crypto.h"
#include "vectors.h"

/* Those of RFC 8949 appendix A. */
static void
heads_are_the_shortest (void)
{
  static const struct {
    HeCborMajor major;
    guint64 value;
    const char *hex;
  } cases[] = {
    { HE_CBOR_UNSIGNED, 0, "00" },
    { HE_CBOR_UNSIGNED, 23, "17" },
    { HE_CBOR_UNSIGNED, 24, "1818" },
    { HE_CBOR_UNSIGNED, 255, "18ff" },
    { HE_CBOR_UNSIGNED, 256, "190100" },
    { HE_CBOR_UNSIGNED, 65535, "19ffff" },
    { HE_CBOR_UNSIGNED, 65536, "1a00010000" },
    { HE_CBOR_UNSIGNED, 1000000, "1a000f4240" },
    { HE_CBOR_UNSIGNED, G_MAXUINT32, "1affffffff" },
    { HE_CBOR_UNSIGNED, G_GUINT64_CONSTANT (1000000000000), "1b000000e8d4a51000" },
    { HE_CBOR_UNSIGNED, G_MAXUINT64, "1bffffffffffffffff" },
    { HE_CBOR_NEGATIVE, 0, "20" },
    { HE_CBOR_NEGATIVE, 999, "3903e7" },
    { HE_CBOR_BYTES, 4, "44" },
    { HE_CBOR_TEXT, 4, "64" },
    { HE_CBOR_ARRAY, 25, "9819" },
    { HE_CBOR_MAP, 2, "a2" },
    { HE_CBOR_TAG, 1, "c1" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) cbor = g_byte_array_new ();

    he_cbor_head (cbor, cases[i].major, cases[i].value);
    assert_hex (cbor->data, cbor->len, cases[i].hex);
  }
}

/* HMac-01 of the COSE working group's examples (github.com/cose-wg/Examples). */
static void
seal_is_the_published_one (void)
{
  static const char text[] = "This is the content.";
  guint8 bytes[32];
  gsize len;

  g_assert_true (he_base64url_decode ("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg", 43,
                                      bytes, sizeof bytes, &len));
  g_autoptr (HeSecret) key = he_secret_new (bytes, len);
  g_autoptr (GByteArray) cose
      = he_wm_token_seal (key, (const guint8 *)text, strlen (text));
  assert_hex (cose->data, cose->len,
              "d18443a10105a054546869732069732074686520636f6e74656e742e"
              "5820a1a848d3471f9d61ee49018d244c824772f223ad4f935293f1789fc3a08d8c58");
}

/* Given a token for segments around a wrap of positions, when an edge reads it, then its
 * claims are those of the specification, and at the position that an origin says of a
 * segment stands what the gate would give to the viewer. */
static void
an_edge_gives_what_the_gate_would (void)
{
  static const char head[] = "d18443a10105a0"
                             "59102f" /* so many bytes */
                             "a7"     /* seven claims */
                             "041a6920a3f0"
                             "061a692095e0"                 /* exp, iat */
                             "19012c01"                     /* wmver */
                             "19012d07"                     /* wmvnd */
                             "19012e198000"                 /* wmpatlen */
                             "19012f821a0002bf201a00015f90" /* wmsegduration */
                             "190130591000";                /* wmpattern */
  const gsize at = strlen (head) / 2;
  const guint64 first = G_GUINT64_CONSTANT (32768) * 27000 + 32000;
  guint8 secret[32] = { 1 }, token[8192];
  gsize len;
  guint bs = 0;
  g_autoptr (HeSecret) master = he_secret_new (secret, sizeof secret);
  g_autoptr (HeCodeword) code = he_codeword_new (master, 1, "demo", 5);
  const HeWmTokenRequest request = { .code = code,
                                     .account = "viewer",
                                     .first = first,
                                     .duration90 = 180000,
                                     .issued = 0x692095e0,
                                     .expires = 0x6920a3f0,
                                     .vendor = 7 };
  g_autofree char *text = he_wm_token_mint (master, &request);

  g_assert_true (he_base64url_decode (text, strlen (text), token, sizeof token, &len));
  g_assert_cmpuint (len, ==, at + HE_PACE_POSITIONS / 8 + 2 + HE_SHA256_LEN);
  assert_hex (token, at, head);
  for (guint64 msn = first; msn < first + HE_PACE_POSITIONS; msn++) {
    const guint position = (guint)he_pace_position (HE_VARIANT_A, msn);
    const gboolean b = token[at + position / 8] >> (7 - position % 8) & 1;

    g_assert_cmpint (b ? HE_VARIANT_B : HE_VARIANT_A, ==,
                     he_codeword_variant (code, "viewer", msn));
    bs += b;
  }
  g_assert_cmpuint (bs, >, HE_PACE_POSITIONS / 3);
  g_assert_cmpuint (bs, <, HE_PACE_POSITIONS * 2 / 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wm-token/heads-are-the-shortest", heads_are_the_shortest);
  g_test_add_func ("/wm-token/seal-is-the-published-one", seal_is_the_published_one);
  g_test_add_func ("/wm-token/an-edge-gives-what-the-gate-would",
                   an_edge_gives_what_the_gate_would);
  return g_test_run ();
}
