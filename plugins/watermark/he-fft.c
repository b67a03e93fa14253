/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "he-fft.h"
#include "he-wave-kernel.h"

HeLanes *
he_lanes_new (guint n)
{
  return g_aligned_alloc0 (n, sizeof (HeLanes), sizeof (float) * HE_LANES);
}

static void
fill_turns (HeFft *fft)
{
  HeComplex *turn = fft->turns = g_new (HeComplex, 2 * fft->n);
  for (guint pass = 0, n = fft->n; pass < fft->passes; n /= fft->radix[pass++])
    for (guint p = 0; p < n / fft->radix[pass]; p++)
      for (guint k = 1; k < fft->radix[pass]; k++) {
        const double angle = -2 * G_PI * p * k / n;
        *turn++ = (HeComplex) { (float)cos (angle), (float)sin (angle) };
      }
}

HeFft *
he_fft_new (guint n)
{
  static const guint radices[] = { 4, 5, 3, 2 };
  HeFft *fft = g_new0 (HeFft, 1);
  guint rest = n;
  fft->n = n;
  for (guint i = 0; i < G_N_ELEMENTS (radices); i++)
    for (; rest % radices[i] == 0; rest /= radices[i]) {
      g_assert (fft->passes < HE_FFT_PASSES);
      fft->radix[fft->passes++] = radices[i];
    }
  g_assert (rest == 1);
  fill_turns (fft);
  return fft;
}

void
he_fft_free (HeFft *fft)
{
  if (!fft)
    return;
  g_free (fft->turns);
  g_free (fft);
}

HeLanes *
he_fft_run (const HeFft *fft, HeLanes *data, HeLanes *scratch)
{
  return he_wave_level ()->transform (fft, data, scratch);
}
