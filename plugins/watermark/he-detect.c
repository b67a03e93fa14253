/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-detect.h"
#include "he-pattern.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)
#define WAVES_U (HE_WAVE_MAX_U + 1)

/* In waves, for the energy around a wave; found by trial, flat around the optimum. */
#define WAVE_RADIUS 5

/* The plane's sums against cos and sin of each v, still by x. */
typedef float Columns[HE_WAVE_MAX_V + 1][WIDTH];

struct _HeDetector {
  HeWhitener *whitener;
  guint frames;
  HePlane *sum; /* of whitened frames */
  HePlane *plane;
  float *pairs; /* what the sum has of each wave; valid when transformed */
  gboolean transformed;
};

HeDetector *
he_detector_new (void)
{
  guint n;
  he_pattern_waves (&n);
  HeDetector *detector = g_new0 (HeDetector, 1);
  detector->whitener = he_whitener_new ();
  detector->sum = g_new0 (HePlane, 1);
  detector->plane = g_new (HePlane, 1);
  detector->pairs = g_new0 (float, 2 * n);
  return detector;
}

void
he_detector_free (HeDetector *detector)
{
  if (!detector)
    return;
  he_whitener_free (detector->whitener);
  g_free (detector->sum);
  g_free (detector->plane);
  g_free (detector->pairs);
  g_free (detector);
}

void
he_detector_reset (HeDetector *detector)
{
  memset (detector->sum, 0, sizeof (HePlane));
  detector->frames = 0;
  detector->transformed = FALSE;
}

guint
he_detector_frames (const HeDetector *detector)
{
  return detector->frames;
}

gboolean
he_detector_add (HeDetector *detector, const guint8 *luma, gsize stride, guint width,
                 guint height, GError **error)
{
  if (!he_whitener_add (detector->whitener, luma, stride, width, height, detector->sum,
                        error))
    return FALSE;
  detector->frames++;
  detector->transformed = FALSE;
  return TRUE;
}

void
he_detector_add_plane (HeDetector *detector, const HePlane *plane, guint frames)
{
  for (guint i = 0; i < PIXELS; i++)
    (*detector->sum)[i] += (*plane)[i];
  detector->frames += frames;
  detector->transformed = FALSE;
}

static void
sum_columns (const float *plane, Columns *ret_cos, Columns *ret_sin)
{
  const HeWaveTables *tables = he_wave_tables ();
  for (guint v = 0; v <= HE_WAVE_MAX_V; v++)
    for (guint y = 0; y < HEIGHT; y++) {
      const float c = tables->cos_y[v][y], s = tables->sin_y[v][y];
      const float *restrict row = plane + y * WIDTH;
      float *restrict to_cos = (*ret_cos)[v], *restrict to_sin = (*ret_sin)[v];
      for (guint x = 0; x < WIDTH; x++) {
        to_cos[x] += row[x] * c;
        to_sin[x] += row[x] * s;
      }
    }
}

static inline float
dot (const float *row, const gint16 *table)
{
  float sum = 0;
  for (guint x = 0; x < WIDTH; x++)
    sum += row[x] * table[x];
  return sum;
}

/* Projects detector->plane on every wave of the pattern: re on cos, im on -sin. The scale
 * does not matter. */
static void
transform (HeDetector *detector)
{
  const HeWaveTables *tables = he_wave_tables ();
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  g_autofree Columns *cosine = g_new0 (Columns, 1);
  g_autofree Columns *sine = g_new0 (Columns, 1);
  sum_columns (*detector->plane, cosine, sine);
  for (guint i = 0; i < n; i++) {
    const guint u = (guint)ABS (waves[i].u), v = (guint)waves[i].v;
    const float sign = waves[i].u < 0 ? -1 : 1;
    detector->pairs[2 * i] = dot ((*cosine)[v], tables->cos_x[u])
                             - sign * dot ((*sine)[v], tables->sin_x[u]);
    detector->pairs[2 * i + 1] = -sign * dot ((*cosine)[v], tables->sin_x[u])
                                 - dot ((*sine)[v], tables->cos_x[u]);
  }
}

/* The whole plane of frequencies, both halves, so that each wave has neighbours all
 * around. Waves outside the band are marked by -1. */
#define SPECTRUM_WIDTH (2 * HE_WAVE_MAX_U + 1)
#define SPECTRUM_HEIGHT (2 * HE_WAVE_MAX_V + 1)
typedef float Spectrum[SPECTRUM_HEIGHT][SPECTRUM_WIDTH];

static void
fill_spectrum (const HeDetector *detector, const HeWave *waves, guint n,
               Spectrum *ret_energy)
{
  for (guint v = 0; v < SPECTRUM_HEIGHT; v++)
    for (guint u = 0; u < SPECTRUM_WIDTH; u++)
      (*ret_energy)[v][u] = -1;
  for (guint i = 0; i < n; i++) {
    const float re = detector->pairs[2 * i], im = detector->pairs[2 * i + 1];
    const float energy = re * re + im * im;
    (*ret_energy)[HE_WAVE_MAX_V + waves[i].v][HE_WAVE_MAX_U + waves[i].u] = energy;
    (*ret_energy)[HE_WAVE_MAX_V - waves[i].v][HE_WAVE_MAX_U - waves[i].u] = energy;
  }
}

static float
energy_around (Spectrum *energy, HeWave wave)
{
  const int centre_u = HE_WAVE_MAX_U + wave.u, centre_v = HE_WAVE_MAX_V + wave.v;
  float sum = 0;
  guint count = 0;
  for (int v = MAX (centre_v - WAVE_RADIUS, 0);
       v <= MIN (centre_v + WAVE_RADIUS, SPECTRUM_HEIGHT - 1); v++)
    for (int u = MAX (centre_u - WAVE_RADIUS, 0);
         u <= MIN (centre_u + WAVE_RADIUS, SPECTRUM_WIDTH - 1); u++)
      if ((*energy)[v][u] >= 0) {
        sum += (*energy)[v][u];
        count++;
      }
  return sum / (float)count; /* the wave itself is in the band: count > 0 */
}

/* The mark's spectrum is flat, so what rises above it is the picture: each wave counts in
 * inverse proportion to the energy around it. */
static void
whiten_waves (HeDetector *detector)
{
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  g_autofree Spectrum *energy = g_new (Spectrum, 1);
  fill_spectrum (detector, waves, n, energy);
  for (guint i = 0; i < n; i++) {
    const float around = energy_around (energy, waves[i]);
    const float weight = around > 0 ? 1 / around : 0;
    detector->pairs[2 * i] *= weight;
    detector->pairs[2 * i + 1] *= weight;
  }
}

static void
ensure_transformed (HeDetector *detector)
{
  if (detector->transformed)
    return;
  he_whitener_level (detector->whitener, (const HePlane *)detector->sum, detector->frames,
                     detector->plane);
  transform (detector);
  whiten_waves (detector);
  detector->transformed = TRUE;
}

double
he_detector_score (HeDetector *detector, const guint8 seed[32])
{
  if (!detector->frames)
    return 0;
  ensure_transformed (detector);
  guint n;
  he_pattern_waves (&n);
  g_autofree gint16 *keyed = g_new (gint16, 2 * n);
  he_pattern_coefficients (seed, keyed);
  double sum = 0, squares = 0;
  for (guint i = 0; i < 2 * n; i++) {
    sum += (double)detector->pairs[i] * keyed[i];
    squares += (double)detector->pairs[i] * detector->pairs[i];
  }
  return squares > 0 ? sum / (HE_WAVE_DEVIATION * sqrt (squares)) : 0;
}

void
he_detector_symbols (HeDetector *detector, const guint8 seed[32],
                     double ret_soft[HE_PAYLOAD_SYMBOLS])
{
  double squares[HE_PAYLOAD_SYMBOLS] = { 0 };
  guint n;
  memset (ret_soft, 0, HE_PAYLOAD_SYMBOLS * sizeof *ret_soft);
  if (!detector->frames)
    return;
  ensure_transformed (detector);
  he_pattern_waves (&n);
  g_autofree gint16 *keyed = g_new (gint16, 2 * n);
  he_pattern_coefficients (seed, keyed);
  for (guint i = 0; i < 2 * n; i++) {
    const guint symbol = HE_PAYLOAD_SYMBOL_OF_WAVE (i / 2);
    ret_soft[symbol] += (double)detector->pairs[i] * keyed[i];
    squares[symbol] += (double)detector->pairs[i] * detector->pairs[i];
  }
  for (guint i = 0; i < HE_PAYLOAD_SYMBOLS; i++)
    ret_soft[i]
        = squares[i] > 0 ? ret_soft[i] / (HE_WAVE_DEVIATION * sqrt (squares[i])) : 0;
}

HeVariant
he_detect_verdict (double z)
{
  if (z >= HE_DETECT_CLEAR)
    return HE_VARIANT_A;
  return z <= -HE_DETECT_CLEAR ? HE_VARIANT_B : HE_VARIANT_NONE;
}
