/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-wave-kernel.h"

#if defined __AVX512F__
#define W 16
#elif defined __AVX__
#define W 8
#else
#define W 4
#endif

typedef float V __attribute__ ((vector_size (4 * W)));
typedef gint32 VI __attribute__ ((vector_size (4 * W)));
typedef gint16 VS __attribute__ ((vector_size (2 * W)));
typedef float V4 __attribute__ ((vector_size (16)));
typedef float V2 __attribute__ ((vector_size (8)));
typedef struct {
  V re, im;
} C;

const HeWaveLevel *HE_WAVE_LEVEL (void);

static inline V
load (const float *p)
{
  V v;
  memcpy (&v, p, sizeof v);
  return v;
}

static inline void
store (float *p, V v)
{
  memcpy (p, &v, sizeof v);
}

static inline V
load_pairs (const gint16 *p)
{
  VS v;
  memcpy (&v, p, sizeof v);
  return __builtin_convertvector (__builtin_convertvector (v, VI), V);
}

/* ---- transforms ---- */

static inline C
plus (C a, C b)
{
  return (C) { a.re + b.re, a.im + b.im };
}

static inline C
minus (C a, C b)
{
  return (C) { a.re - b.re, a.im - b.im };
}

/* a - i b and a + i b */
static inline C
minus_i (C a, C b)
{
  return (C) { a.re + b.im, a.im - b.re };
}

static inline C
plus_i (C a, C b)
{
  return (C) { a.re - b.im, a.im + b.re };
}

static inline C
scaled (C a, float by)
{
  return (C) { a.re * by, a.im * by };
}

static inline void
three (C *x)
{
  const C sum = plus (x[1], x[2]), part = minus (x[0], scaled (sum, 0.5f));
  const C turned = scaled (minus (x[1], x[2]), 0.866025404f);
  x[0] = plus (x[0], sum);
  x[1] = minus_i (part, turned);
  x[2] = plus_i (part, turned);
}

static inline void
four (C *x)
{
  const C a = plus (x[0], x[2]), b = minus (x[0], x[2]);
  const C c = plus (x[1], x[3]), d = minus (x[1], x[3]);
  x[0] = plus (a, c);
  x[1] = minus_i (b, d);
  x[2] = minus (a, c);
  x[3] = plus_i (b, d);
}

static inline void
five (C *x)
{
  const float c1 = 0.309016994f, c2 = -0.809016994f, s1 = 0.951056516f, s2 = 0.587785252f;
  const C a = plus (x[1], x[4]), b = plus (x[2], x[3]);
  const C c = minus (x[1], x[4]), d = minus (x[2], x[3]);
  const C p = plus (x[0], plus (scaled (a, c1), scaled (b, c2)));
  const C q = plus (x[0], plus (scaled (a, c2), scaled (b, c1)));
  const C r = plus (scaled (c, s1), scaled (d, s2)), s = minus (scaled (c, s2), scaled (d, s1));
  x[0] = plus (x[0], plus (a, b));
  x[1] = minus_i (p, r);
  x[2] = minus_i (q, s);
  x[3] = plus_i (q, s);
  x[4] = plus_i (p, r);
}

/* One p of a pass (Stockham's, by decimation in frequency). */
static inline __attribute__ ((always_inline)) void
line (const guint radix, gboolean turned, guint apart, guint stride, const HeComplex *turns,
      const HeLanes *in, HeLanes *out)
{
  for (guint q = 0; q < stride; q++)
    for (guint lane = 0; lane < HE_LANES; lane += W) {
      C x[5];
      for (guint k = 0; k < radix; k++)
        x[k] = (C) { load (in[q + k * apart].re + lane), load (in[q + k * apart].im + lane) };
      if (radix == 5)
        five (x);
      else if (radix == 4)
        four (x);
      else if (radix == 3)
        three (x);
      else {
        const C other = minus (x[0], x[1]);
        x[0] = plus (x[0], x[1]);
        x[1] = other;
      }
      for (guint k = 0; k < radix; k++) {
        C y = x[k];
        if (turned && k) {
          const float c = turns[k - 1].re, s = turns[k - 1].im;
          y = (C) { x[k].re * c - x[k].im * s, x[k].re * s + x[k].im * c };
        }
        store (out[q + k * stride].re + lane, y.re);
        store (out[q + k * stride].im + lane, y.im);
      }
    }
}

static inline __attribute__ ((always_inline)) void
pass (const guint radix, guint n, guint stride, const HeComplex *turns, const HeLanes *in,
      HeLanes *out)
{
  const guint parts = n / radix;
  line (radix, FALSE, stride * parts, stride, turns, in, out);
  for (guint p = 1; p < parts; p++)
    line (radix, TRUE, stride * parts, stride, turns + p * (radix - 1), in + stride * p,
          out + stride * radix * p);
}

static HeLanes *
transform (const HeFft *fft, HeLanes *data, HeLanes *scratch)
{
  const HeComplex *turns = fft->turns;
  guint n = fft->n, stride = 1;
  for (guint i = 0; i < fft->passes; i++) {
    const guint radix = fft->radix[i];
    if (radix == 5)
      pass (5, n, stride, turns, data, scratch);
    else if (radix == 4)
      pass (4, n, stride, turns, data, scratch);
    else if (radix == 3)
      pass (3, n, stride, turns, data, scratch);
    else
      pass (2, n, stride, turns, data, scratch);
    turns += n / radix * (radix - 1);
    n /= radix;
    stride *= radix;
    HeLanes *done = scratch;
    scratch = data;
    data = done;
  }
  return data;
}

/* ---- reading ---- */

#define MAX_RUN 160

/* Each wave's place: of the upper left of the four around it, how far it is from there, and
 * what re and im count: nothing where it is not there, and less than nothing where its mirror
 * stands for it. */
typedef struct {
  gint32 at[MAX_RUN];
  float x[MAX_RUN], y[MAX_RUN], signs[2 * MAX_RUN];
} Places;

static inline V
where (VI mask, V value)
{
  return (V)(mask & (VI)value);
}

static inline void
find_places (const HeWaveRead *read, const HeWaveRun *run, Places *places)
{
  const float u0 = read->m[1] * run->v, v0 = read->m[3] * run->v;
  const float du = read->m[0], dv = read->m[2];
  const float max_u = (float)read->max_u, max_v = (float)read->max_v;
  const gint32 width = 2 * read->max_u + 1;
  const V zero = { 0 }, one = zero + 1.0f;
  V step;
  for (int i = 0; i < W; i++)
    step[i] = (float)(run->u + i);
  for (guint i = 0; i < run->n; i += W, step += (float)W) {
    const V u = u0 + du * step, v = v0 + dv * step;
    const VI above = v < zero;
    const V mirror = where (above, -one) + where (~above, one);
    const V across = u * mirror + max_u, down = v * mirror;
    const VI there = (across > zero) & (across < zero + 2.0f * max_u) & (down < zero + max_v);
    const V x = where (there, across), y = where (there, down);
    const VI left = __builtin_convertvector (x, VI), top = __builtin_convertvector (y, VI);
    const VI at = top * width + left;
    memcpy (places->at + i, &at, sizeof at);
    store (places->x + i, x - __builtin_convertvector (left, V));
    store (places->y + i, y - __builtin_convertvector (top, V));
    const V re = where (there, one), im = where (there, mirror);
    for (guint j = 0; j < W; j++) {
      places->signs[2 * (i + j)] = re[j];
      places->signs[2 * (i + j) + 1] = im[j];
    }
  }
}

static inline void
read_run (const HeWaveRead *read, const HeWaveRun *run, HeComplex *ret_waves)
{
  Places places;
  const guint width = 2 * (guint)read->max_u + 1;
  find_places (read, run, &places);
  for (guint i = 0; i < run->n; i++) {
    const HeComplex *p = read->spectrum + places.at[i];
    V4 above, below;
    V2 signs;
    memcpy (&above, p, sizeof above);
    memcpy (&below, p + width, sizeof below);
    memcpy (&signs, &places.signs[2 * i], sizeof signs);
    above += (below - above) * places.y[i];
    const V2 left = { above[0], above[1] }, right = { above[2], above[3] };
    const V2 value = (left + (right - left) * places.x[i]) * signs;
    memcpy (&ret_waves[i], &value, sizeof value);
  }
}

static inline void
turn_run (const HeWaveRead *read, const HeWaveRun *run, HeComplex *waves)
{
  const HeComplex *turns = read->turn_u + run->u, turn = read->turn_v[run->v];
  for (guint i = 0; i < run->n; i++) {
    const float c = turns[i].re * turn.re - turns[i].im * turn.im;
    const float s = turns[i].re * turn.im + turns[i].im * turn.re;
    const HeComplex wave = waves[i];
    waves[i].re = wave.re * c - wave.im * s;
    waves[i].im = wave.re * s + wave.im * c;
  }
}

/* One after the other: what was just written in small parts is slow to load in large ones. */
static void
read_waves (const HeWaveRead *read, const HeWaveRun *runs, guint n, HeComplex *ret_waves)
{
  for (guint i = 0; i < n; i++)
    read_run (read, &runs[i], ret_waves + runs[i].first);
  for (guint i = 0; i < n; i++)
    turn_run (read, &runs[i], ret_waves + runs[i].first);
}

/* ---- scores ---- */

static inline double
total (const V sums[HE_LANES / W])
{
  float all[HE_LANES];
  double sum = 0;
  memcpy (all, sums, sizeof all);
  for (guint i = 0; i < HE_LANES; i++)
    sum += (double)all[i];
  return sum;
}

static double
score (const float *values, const gint16 *pairs, guint n)
{
  V sums[HE_LANES / W] = { 0 };
  guint i = 0;
  for (; i + HE_LANES <= n; i += HE_LANES)
    for (guint j = 0; j < HE_LANES / W; j++)
      sums[j] += load (values + i + j * W) * load_pairs (pairs + i + j * W);
  double sum = total (sums);
  for (; i < n; i++)
    sum += (double)(values[i] * pairs[i]);
  return sum;
}

static double
energy (const float *values, guint n)
{
  V sums[HE_LANES / W] = { 0 };
  guint i = 0;
  for (; i + HE_LANES <= n; i += HE_LANES)
    for (guint j = 0; j < HE_LANES / W; j++) {
      const V value = load (values + i + j * W);
      sums[j] += value * value;
    }
  double sum = total (sums);
  for (; i < n; i++)
    sum += (double)(values[i] * values[i]);
  return sum;
}

static void
symbols (const float *values, const gint16 *pairs, guint n, float ret_sums[HE_SYMBOL_VALUES],
         float ret_energies[HE_SYMBOL_VALUES])
{
  memset (ret_sums, 0, HE_SYMBOL_VALUES * sizeof *ret_sums);
  memset (ret_energies, 0, HE_SYMBOL_VALUES * sizeof *ret_energies);
  guint i = 0;
  for (; i + HE_SYMBOL_VALUES <= n; i += HE_SYMBOL_VALUES)
    for (guint j = 0; j < HE_SYMBOL_VALUES; j += W) {
      const V value = load (values + i + j);
      store (ret_sums + j, load (ret_sums + j) + value * load_pairs (pairs + i + j));
      store (ret_energies + j, load (ret_energies + j) + value * value);
    }
  for (guint j = 0; i + j < n; j++) {
    ret_sums[j] += values[i + j] * pairs[i + j];
    ret_energies[j] += values[i + j] * values[i + j];
  }
}

static void
multiply (const HeComplex *waves, const HeLanes *pairs, guint n, HeLanes *ret_lanes)
{
  for (guint i = 0; i < n; i++)
    for (guint lane = 0; lane < HE_LANES; lane += W) {
      const V re = load (pairs[i].re + lane), im = load (pairs[i].im + lane);
      store (ret_lanes[i].im + lane, re * waves[i].re + im * waves[i].im);
      store (ret_lanes[i].re + lane, re * waves[i].im - im * waves[i].re);
    }
}

/* ---- shifts ---- */

static void
pair (const HeLanes *one, const HeLanes *other, guint apart, guint n, guint height,
      HeLanes *ret_lanes)
{
  memset (ret_lanes + n, 0, (height - 2 * n + 1) * sizeof *ret_lanes);
  for (guint lane = 0; lane < HE_LANES; lane += W) {
    store (ret_lanes->im + lane, 2.0f * load (one->im + lane));
    store (ret_lanes->re + lane, 2.0f * load (other->im + lane));
  }
  for (guint i = 1; i < n; i++)
    for (guint lane = 0; lane < HE_LANES; lane += W) {
      const V re = load (one[i * apart].im + lane), im = load (one[i * apart].re + lane);
      const V other_re = load (other[i * apart].im + lane), other_im = load (other[i * apart].re + lane);
      store (ret_lanes[i].im + lane, re - other_im);
      store (ret_lanes[i].re + lane, im + other_re);
      store (ret_lanes[height - i].im + lane, re + other_im);
      store (ret_lanes[height - i].re + lane, other_re - im);
    }
}

static inline float
sum_of_squares (const float *values)
{
  V squares[HE_LANES / W];
  float all[HE_LANES];
  for (guint lane = 0; lane < HE_LANES / W; lane++)
    squares[lane] = load (values + lane * W) * load (values + lane * W);
  memcpy (all, squares, sizeof all);
  for (guint half = HE_LANES / 2; half; half /= 2)
    for (guint i = 0; i < half; i++)
      all[i] += all[i + half];
  return all[0];
}

static void
squares (const HeLanes *lanes, guint n, float *one, float *other)
{
  for (guint i = 0; i < n; i++) {
    one[i] += sum_of_squares (lanes[i].im);
    other[i] += sum_of_squares (lanes[i].re);
  }
}

static guint
beyond (const HeLanes *lanes, guint n, float limit)
{
  guint i = 0;
  for (gint32 some = 0; i < n; i++) {
    VI any = { 0 };
    for (guint lane = 0; lane < HE_LANES; lane += W) {
      const V re = load (lanes[i].re + lane), im = load (lanes[i].im + lane);
      any |= (re > limit) | (re < -limit) | (im > limit) | (im < -limit);
    }
    for (guint j = 0; j < W; j++)
      some |= any[j];
    if (some)
      break;
  }
  return i;
}

static const HeWaveLevel level = {
  .name = HE_WAVE_NAME,
  .transform = transform,
  .read = read_waves,
  .score = score,
  .energy = energy,
  .symbols = symbols,
  .multiply = multiply,
  .pair = pair,
  .squares = squares,
  .beyond = beyond,
};

const HeWaveLevel *
HE_WAVE_LEVEL (void)
{
  return &level;
}
