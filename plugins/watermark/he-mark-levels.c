/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cpu.h"
#include "he-mark-kernel.h"

gboolean he_mark_kernel_generic_8 (const HeMarkFrame *frame);
gboolean he_mark_kernel_generic_10 (const HeMarkFrame *frame);
gboolean he_mark_kernel_avx2_8 (const HeMarkFrame *frame);
gboolean he_mark_kernel_avx2_10 (const HeMarkFrame *frame);
gboolean he_mark_kernel_avx512_8 (const HeMarkFrame *frame);
gboolean he_mark_kernel_avx512_10 (const HeMarkFrame *frame);

static const HeMarkLevel levels[] = {
  { "generic", he_mark_kernel_generic_8, he_mark_kernel_generic_10 },
#ifdef HE_MARK_X86
  { "avx2", he_mark_kernel_avx2_8, he_mark_kernel_avx2_10 },
  { "avx512", he_mark_kernel_avx512_8, he_mark_kernel_avx512_10 },
#endif
};

const HeMarkLevel *
he_mark_levels (guint *ret_n)
{
  *ret_n = he_cpu_levels ();
  return levels;
}
