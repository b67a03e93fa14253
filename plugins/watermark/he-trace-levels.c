/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cpu.h"
#include "he-trace-kernel.h"

void he_trace_kernel_generic (const HeTraceTable *, const guint16 *, gint32 *);
void he_trace_kernel_avx2 (const HeTraceTable *, const guint16 *, gint32 *);
void he_trace_kernel_avx512 (const HeTraceTable *, const guint16 *, gint32 *);

static const HeTraceLevel levels[] = {
  { "generic", he_trace_kernel_generic },
#ifdef HE_MARK_X86
  { "avx2", he_trace_kernel_avx2 },
  { "avx512", he_trace_kernel_avx512 },
#endif
};

const HeTraceLevel *
he_trace_levels (guint *ret_n)
{
  *ret_n = he_cpu_levels ();
  return levels;
}
