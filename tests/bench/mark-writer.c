/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks I420 frames of standard input as an operator would for one viewer: segments from 0 on,
 * each a or b by a hash of its number that tests/bench/attacks knows too.
 *
 *   mark-writer SECRET-FILE CHANNEL WIDTH HEIGHT FRAMES-PER-SEGMENT [a | b | PAYLOAD]
 *   mark-writer SECRET-FILE CHANNEL WIDTH HEIGHT FRAMES-PER-SEGMENT FIRST-MSN ACCOUNT
 *
 * With a or b, all segments are that variant; with PAYLOAD, 16 hex digits, they bear it.
 * With ACCOUNT, segments count from FIRST-MSN on, and are a or b as its codeword says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "he-codeword.h"
#include "he-keys.h"
#include "he-mark-source.h"

#define PAYLOAD_DIGITS 16
#define KEY_VERSION 1 /* the description's default */

static HeVariant
variant_of (const char *word, guint64 msn)
{
  HeVariant variant;
  if (word)
    return he_variant_from_name (word, &variant) ? variant : HE_VARIANT_A;
  return (guint32)(msn * 2654435761u) >> 13 & 1 ? HE_VARIANT_B : HE_VARIANT_A;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc < 6 || argc > 8) {
    g_printerr ("usage: mark-writer SECRET-FILE CHANNEL WIDTH HEIGHT FRAMES-PER-SEGMENT "
                "[a | b | PAYLOAD | FIRST-MSN ACCOUNT]\n");
    return 2;
  }
  guint width = (guint)atoi (argv[3]), height = (guint)atoi (argv[4]);
  guint64 frames = (guint64)atoi (argv[5]);
  const guint64 first = argc == 8 ? g_ascii_strtoull (argv[6], NULL, 10) : 0;
  const char *account = argc == 8 ? argv[7] : NULL, *word = argc == 7 ? argv[6] : NULL;
  g_autoptr (HeSecret) master = he_secret_from_file (argv[1], "secret", &error);
  g_autoptr (HeSecret) key = master ? he_keys_derive (master, HE_PURPOSE_MARK) : NULL;
  g_autoptr (HeMarkSource) source
      = key ? he_mark_source_new (key, argv[2], width, height, &error) : NULL;
  if (!source || frames == 0) {
    g_printerr ("%s\n", error ? error->message : "a segment has frames");
    return 1;
  }
  if (word && strlen (word) == PAYLOAD_DIGITS)
    he_mark_source_set_payload (source, g_ascii_strtoull (word, NULL, 16));
  g_autoptr (HeSecret) secret = he_keys_derive (master, HE_PURPOSE_CODEWORD);
  g_autoptr (HeCodeword) code
      = he_codeword_new (secret, KEY_VERSION, argv[2], HE_CODEWORD_COLLUDERS);
  const gsize luma = (gsize)width * height, chroma = luma / 2;
  g_autofree guint8 *in = g_malloc (luma + chroma), *out = g_malloc (luma);
  for (guint64 n = 0; fread (in, luma + chroma, 1, stdin) == 1; n++) {
    const guint64 msn = first + n / frames;
    g_autoptr (HeMark) mark = he_mark_source_get (source, msn, msn + 1);
    const HeVariant variant
        = account ? he_codeword_variant (code, account, msn) : variant_of (word, msn);
    he_mark_embed (mark, variant, in, width, out, width);
    if (fwrite (out, luma, 1, stdout) != 1 || fwrite (in + luma, chroma, 1, stdout) != 1)
      return 1;
  }
  return 0;
}
