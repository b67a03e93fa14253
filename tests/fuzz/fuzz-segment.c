/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"
#include "he-segment.h"

const char *const fuzz_seeds[]
    = { "/origin/none/demo/360p/897624000.ts", "/origin/b/x/audio/0.ts",
        "generation=0;pts90=0;duration90=180000;flags=3",
        "generation=0;pts90=0;duration90=180000;flags=0;frames=50;signature="
        "Hh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZ"
        "WltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn-AgYKDhIWGh4iJiouMjY6PkJGSk5SV"
        "lpeYmZqbnJ2en6ChoqOkpaanqKmqq6yt",
        NULL };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  HeSegment segment = { .msn = 0 };

  he_segment_free (he_segment_from_path (text, NULL));
  he_segment_read_header (&segment, text, NULL);
  return 0;
}
