/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-detect.h"
#include "he-mark.h"
#include "he-pattern.h"
#include "he-resample.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)
#define WAVES_U (HE_WAVE_MAX_U + 1)

/* Radii in grid pixels; found by trial on photographs under motion, surveillance video
 * and test patterns after two encodes, and flat around the optimum. */
#define SMOOTH_RADIUS 1 /* what is finer than the band is the picture's alone */
#define MEAN_RADIUS 6
#define ENERGY_RADIUS 8
#define WAVE_RADIUS 5 /* in waves, for the energy around a wave */
/* Added to local energies, levels^2 in a frame: below it is the codec's noise, not a
 * picture. The average of whitened frames is of order one. */
#define FRAME_FLOOR 1.0f
#define AVERAGE_FLOOR 0.01f

typedef float Plane[PIXELS];
/* The plane's sums against cos and sin of each v, still by x. */
typedef float Columns[HE_WAVE_MAX_V + 1][WIDTH];

struct _HeDetector {
  HeResampler *resampler;
  guint frames;
  Plane *sum; /* of whitened frames */
  Plane *plane, *other, *scratch;
  float *pairs; /* what the sum has of each wave; valid when transformed */
  gboolean transformed;
};

HeDetector *
he_detector_new (void)
{
  guint n;
  he_pattern_waves (&n);
  HeDetector *detector = g_new0 (HeDetector, 1);
  detector->sum = g_new0 (Plane, 1);
  detector->plane = g_new (Plane, 1);
  detector->other = g_new (Plane, 1);
  detector->scratch = g_new (Plane, 1);
  detector->pairs = g_new0 (float, 2 * n);
  return detector;
}

void
he_detector_free (HeDetector *detector)
{
  if (!detector)
    return;
  he_resampler_free (detector->resampler);
  g_free (detector->sum);
  g_free (detector->plane);
  g_free (detector->other);
  g_free (detector->scratch);
  g_free (detector->pairs);
  g_free (detector);
}

void
he_detector_reset (HeDetector *detector)
{
  memset (detector->sum, 0, sizeof (Plane));
  detector->frames = 0;
  detector->transformed = FALSE;
}

guint
he_detector_frames (const HeDetector *detector)
{
  return detector->frames;
}

static void
mean_across (const float *in, guint r, float *out)
{
  for (guint y = 0; y < HEIGHT; y++, in += WIDTH, out += WIDTH) {
    double sum = 0;
    for (guint x = 0; x < r; x++)
      sum += in[x];
    for (guint x = 0; x < WIDTH; x++) {
      if (x + r < WIDTH)
        sum += in[x + r];
      if (x > r)
        sum -= in[x - r - 1];
      guint low = x > r ? x - r : 0, high = MIN (x + r, WIDTH - 1);
      out[x] = (float)(sum / (high - low + 1));
    }
  }
}

static void
mean_down (const float *in, guint r, float *out)
{
  double sum[WIDTH] = { 0 };
  for (guint y = 0; y < r; y++)
    for (guint x = 0; x < WIDTH; x++)
      sum[x] += in[y * WIDTH + x];
  for (guint y = 0; y < HEIGHT; y++) {
    guint low = y > r ? y - r : 0, high = MIN (y + r, HEIGHT - 1);
    if (y + r < HEIGHT)
      for (guint x = 0; x < WIDTH; x++)
        sum[x] += in[(y + r) * WIDTH + x];
    if (y > r)
      for (guint x = 0; x < WIDTH; x++)
        sum[x] -= in[(y - r - 1) * WIDTH + x];
    const double scale = 1.0 / (high - low + 1);
    for (guint x = 0; x < WIDTH; x++)
      out[y * WIDTH + x] = (float)(sum[x] * scale);
  }
}

/* The mean of the square of radius r around each pixel, of what of it is inside. out may
 * be in. */
static void
local_mean (HeDetector *detector, const float *in, guint r, float *out)
{
  mean_across (in, r, *detector->scratch);
  mean_down (*detector->scratch, r, out);
}

/* Leaves of detector->plane what is about as coarse as the band, and fills
 * detector->other with the local energy of that. */
static void
split_energy (HeDetector *detector)
{
  float *plane = *detector->plane, *other = *detector->other;
  local_mean (detector, plane, SMOOTH_RADIUS, plane);
  local_mean (detector, plane, MEAN_RADIUS, other);
  for (guint i = 0; i < PIXELS; i++) {
    plane[i] -= other[i];
    other[i] = plane[i] * plane[i];
  }
  local_mean (detector, other, ENERGY_RADIUS, other);
}

gboolean
he_detector_add (HeDetector *detector, const guint8 *luma, gsize stride, guint width,
                 guint height, GError **error)
{
  if (!he_mark_check_size (width, height, error))
    return FALSE;
  if (detector->resampler && !he_resampler_fits (detector->resampler, width, height))
    g_clear_pointer (&detector->resampler, he_resampler_free);
  if (!detector->resampler)
    detector->resampler = he_resampler_new (width, height, WIDTH, HEIGHT);
  he_resampler_run (detector->resampler, luma, stride, *detector->plane);
  split_energy (detector);

  /* The mark grows with the picture's activity, so its best weight lies between one over
   * the deviation and one over the energy. */
  float *sum = *detector->sum, *plane = *detector->plane, *energy = *detector->other;
  for (guint i = 0; i < PIXELS; i++) {
    float deviation = sqrtf (energy[i] + FRAME_FLOOR);
    sum[i] += plane[i] / (deviation * sqrtf (deviation));
  }
  detector->frames++;
  detector->transformed = FALSE;
  return TRUE;
}

/* What stood still through all frames was not averaged away: level it once more. */
static void
whiten_average (HeDetector *detector)
{
  float *plane = *detector->plane, *energy = *detector->other;
  for (guint i = 0; i < PIXELS; i++)
    plane[i] = (*detector->sum)[i] / (float)detector->frames;
  split_energy (detector);
  for (guint i = 0; i < PIXELS; i++)
    plane[i] /= sqrtf (energy[i] + AVERAGE_FLOOR);
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
  whiten_average (detector);
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
