/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-detect.h"
#include "he-fft.h"
#include "he-pattern.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)
#define ROWS ((HE_WAVE_MAX_V + HE_LANES) / HE_LANES * HE_LANES) /* of waves, those of v from 0 on */

/* In waves, for the energy around a wave; found by trial, flat around the optimum. */
#define WAVE_RADIUS 5

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

typedef struct {
  HeFft *down, *along;
} Transforms;

static const Transforms *
transforms (void)
{
  static Transforms *transforms;
  if (g_once_init_enter (&transforms)) {
    Transforms *made = g_new (Transforms, 1);
    made->down = he_fft_new (HEIGHT);
    made->along = he_fft_new (WIDTH);
    g_once_init_leave (&transforms, made);
  }
  return transforms;
}

/* Each column's waves of each v, still by x: of two columns at once, as one complex signal. */
static void
transform_columns (const float *plane, HeLanes *data, HeLanes *scratch, HeComplex (*ret_rows)[WIDTH])
{
  for (guint first = 0; first < WIDTH; first += 2 * HE_LANES) {
    for (guint y = 0; y < HEIGHT; y++)
      memcpy (&data[y], plane + y * WIDTH + first, sizeof *data);
    const HeLanes *out = he_fft_run (transforms ()->down, data, scratch);
    for (guint v = 0; v <= HE_WAVE_MAX_V; v++) {
      const HeLanes *wave = &out[v], *mirror = &out[(HEIGHT - v) % HEIGHT];
      HeComplex *left = ret_rows[v] + first, *right = left + HE_LANES;
      for (guint lane = 0; lane < HE_LANES; lane++) {
        left[lane] = (HeComplex) { (wave->re[lane] + mirror->re[lane]) / 2,
                                   (wave->im[lane] - mirror->im[lane]) / 2 };
        right[lane] = (HeComplex) { (wave->im[lane] + mirror->im[lane]) / 2,
                                    (mirror->re[lane] - wave->re[lane]) / 2 };
      }
    }
  }
}

/* Projects detector->plane on every wave of the pattern: re on cos, im on -sin. The scale
 * does not matter. */
static void
transform (HeDetector *detector)
{
  guint n, i = 0;
  const HeWave *waves = he_pattern_waves (&n);
  HeComplex (*rows)[WIDTH] = g_malloc0 (ROWS * sizeof *rows);
  HeLanes *data = he_lanes_new (WIDTH), *scratch = he_lanes_new (WIDTH);
  transform_columns (*detector->plane, data, scratch, rows);
  for (guint first = 0; first <= HE_WAVE_MAX_V; first += HE_LANES) {
    for (guint x = 0; x < WIDTH; x++)
      for (guint lane = 0; lane < HE_LANES; lane++) {
        data[x].re[lane] = rows[first + lane][x].re;
        data[x].im[lane] = rows[first + lane][x].im;
      }
    const HeLanes *out = he_fft_run (transforms ()->along, data, scratch);
    for (; i < n && (guint)waves[i].v < first + HE_LANES; i++) {
      const HeLanes *wave = &out[((guint)waves[i].u + WIDTH) % WIDTH];
      detector->pairs[2 * i] = wave->re[(guint)waves[i].v - first];
      detector->pairs[2 * i + 1] = wave->im[(guint)waves[i].v - first];
    }
  }
  g_free (rows);
  g_aligned_free (data);
  g_aligned_free (scratch);
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

/* The mark's spectrum is flat before an encoder has been at it, which leaves the less of it the
 * less it leaves of the picture: so each wave counts by one over the deviation around it, where
 * a flat mark would be weighed by one over the energy. */
static void
whiten_waves (HeDetector *detector)
{
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  g_autofree Spectrum *energy = g_new (Spectrum, 1);
  fill_spectrum (detector, waves, n, energy);
  for (guint i = 0; i < n; i++) {
    const float around = energy_around (energy, waves[i]);
    const float weight = around > 0 ? 1 / sqrtf (around) : 0;
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

gsize
he_detector_weights (HeDetector *detector, gint8 ret_weights[HE_DETECT_WEIGHTS])
{
  guint n;
  float most = 0;
  he_pattern_waves (&n);
  memset (ret_weights, 0, 2 * n);
  if (!detector->frames)
    return 2 * n;
  ensure_transformed (detector);
  for (guint i = 0; i < 2 * n; i++)
    most = MAX (most, fabsf (detector->pairs[i]));
  for (guint i = 0; i < 2 * n && most > 0; i++)
    ret_weights[i] = (gint8)lrintf (detector->pairs[i] / most * 127);
  return 2 * n;
}

HeVariant
he_detect_verdict (double z)
{
  if (z >= HE_DETECT_CLEAR)
    return HE_VARIANT_A;
  return z <= -HE_DETECT_CLEAR ? HE_VARIANT_B : HE_VARIANT_NONE;
}
