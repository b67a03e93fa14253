/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a viewer's segment says of him: reads decoded luma frames on standard input, and
 * prints the variant that his codeword has at this position and the one that the pictures
 * bear.
 *
 *   mark-reader SECRET-FILE ACCOUNT CHANNEL MSN WIDTH HEIGHT  ->  "expected a, read a,
 * z 14.2" */
#include <stdio.h>
#include <stdlib.h>
#include "he-detect.h"
#include "he-codeword.h"
#include "he-keys.h"

#define KEY_VERSION 1 /* the description's default */

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc != 7) {
    g_printerr ("usage: mark-reader SECRET-FILE ACCOUNT CHANNEL MSN WIDTH HEIGHT\n");
    return 2;
  }
  g_autoptr (HeSecret) master = he_secret_from_file (argv[1], "secret", &error);
  if (!master) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  guint64 msn = g_ascii_strtoull (argv[4], NULL, 10);
  guint width = atoi (argv[5]), height = atoi (argv[6]);
  g_autoptr (HeSecret) mark = he_keys_derive (master, HE_PURPOSE_MARK);
  g_autoptr (HeSecret) codeword = he_keys_derive (master, HE_PURPOSE_CODEWORD);
  g_autoptr (HeCodeword) code
      = he_codeword_new (codeword, KEY_VERSION, argv[3], HE_CODEWORD_COLLUDERS);
  HeVariant expected = he_codeword_variant (code, argv[2], msn);

  g_autoptr (HeDetector) detector = he_detector_new ();
  g_autofree guint8 *luma = g_malloc ((gsize)width * height);
  while (fread (luma, width, height, stdin) == height)
    if (!he_detector_add (detector, luma, width, width, height, &error)) {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  guint8 seed[32];
  he_mark_seed (mark, argv[3], msn, seed);
  double z = he_detector_score (detector, seed);
  g_print ("expected %s, read %s, z %.1f\n", he_variant_name (expected),
           he_variant_name (he_detect_verdict (z)), z);
  return 0;
}
