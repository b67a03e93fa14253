/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks I420 frames of standard input as an operator would for one viewer: segments from 0 on,
 * each a or b by a hash of its number that tests/bench/attacks knows too.
 *
 *   mark-writer SECRET-FILE CHANNEL WIDTH HEIGHT FRAMES-PER-SEGMENT */
#include <stdio.h>
#include <stdlib.h>
#include "he-keys.h"
#include "he-mark-source.h"

static HeVariant
variant_of (guint64 msn)
{
  return (guint32)(msn * 2654435761u) >> 13 & 1 ? HE_VARIANT_B : HE_VARIANT_A;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc != 6) {
    g_printerr ("usage: mark-writer SECRET-FILE CHANNEL WIDTH HEIGHT FRAMES-PER-SEGMENT\n");
    return 2;
  }
  guint width = (guint)atoi (argv[3]), height = (guint)atoi (argv[4]);
  guint64 frames = (guint64)atoi (argv[5]);
  g_autoptr (HeSecret) master = he_secret_from_file (argv[1], "secret", &error);
  g_autoptr (HeSecret) key = master ? he_keys_derive (master, HE_PURPOSE_MARK) : NULL;
  g_autoptr (HeMarkSource) source
      = key ? he_mark_source_new (key, argv[2], width, height, &error) : NULL;
  if (!source || frames == 0) {
    g_printerr ("%s\n", error ? error->message : "a segment has frames");
    return 1;
  }
  const gsize luma = (gsize)width * height, chroma = luma / 2;
  g_autofree guint8 *in = g_malloc (luma + chroma), *out = g_malloc (luma);
  for (guint64 n = 0; fread (in, luma + chroma, 1, stdin) == 1; n++) {
    g_autoptr (HeMark) mark = he_mark_source_get (source, n / frames, n / frames + 1);
    he_mark_embed (mark, variant_of (n / frames), in, width, out, width);
    if (fwrite (out, luma, 1, stdout) != 1 || fwrite (in + luma, chroma, 1, stdout) != 1)
      return 1;
  }
  return 0;
}
