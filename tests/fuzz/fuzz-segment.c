/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"
#include "he-segment.h"

const char *const fuzz_seeds[]
    = { "/origin/none/demo/360p/897624000.ts", "/origin/b/x/audio/0.ts",
        "generation=0;pts90=0;duration90=180000;flags=3", NULL };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  HeSegment segment = { .msn = 0 };

  he_segment_free (he_segment_from_path (text, NULL));
  he_segment_read_header (&segment, text, NULL);
  return 0;
}
