/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* How many of the kernels "generic", "avx2" and "avx512", in this order, this processor can
 * run of those that were built. */
static inline guint
he_cpu_levels (void)
{
  guint n = 1;

#ifdef HE_MARK_X86
  if (__builtin_cpu_supports ("avx2"))
    n++;
  if (n == 2 && __builtin_cpu_supports ("avx512bw")
      && __builtin_cpu_supports ("avx512vl"))
    n++;
#endif
  return n;
}
