/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cpu.h"
#include "he-wave-kernel.h"

const HeWaveLevel *he_wave_level_generic (void), *he_wave_level_avx2 (void),
    *he_wave_level_avx512 (void);

const HeWaveLevel *
he_wave_levels (guint *ret_n)
{
  static HeWaveLevel levels[3];
  static gsize n;
  if (g_once_init_enter (&n)) {
    const guint found = he_cpu_levels ();
    levels[0] = *he_wave_level_generic ();
#ifdef HE_MARK_X86
    if (found > 1)
      levels[1] = *he_wave_level_avx2 ();
    if (found > 2)
      levels[2] = *he_wave_level_avx512 ();
#endif
    g_once_init_leave (&n, found);
  }
  *ret_n = (guint)n;
  return levels;
}

const HeWaveLevel *
he_wave_level (void)
{
  guint n;
  const HeWaveLevel *levels = he_wave_levels (&n);
  return &levels[n - 1];
}
