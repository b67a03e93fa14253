/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pattern.h"
#include "he-crypto.h"
#include "he-payload.h"

/* The grid's sides divide this, so one table of a circle serves both. */
#define CIRCLE 5760
#define STEP_X (CIRCLE / HE_PATTERN_WIDTH)
#define STEP_Y (CIRCLE / HE_PATTERN_HEIGHT)
#define TABLE_BITS 12

#define MAX_WAVES ((2 * HE_WAVE_MAX_U + 1) * (HE_WAVE_MAX_V + 1))

/* A sum of four bytes, centred: its deviation is HE_WAVE_DEVIATION. */
#define BYTES_PER_VALUE 4
#define VALUE_MEAN 510

/* Column sums lose ROW_SHIFT bits (their standard deviation is then about 425), and are
 * held to ROW_LIMIT, beyond 20 deviations, so that the sum over v provably fits 32 bits:
 * 39 * sqrt(2) * 9500 * 4096 < 2^31. */
#define ROW_SHIFT 14
#define ROW_LIMIT 9500

typedef struct {
  HeWave waves[MAX_WAVES];
  guint n;
} Band;

static gboolean
in_band (int u, int v)
{
  /* The frequency in cycles per CIRCLE grid pixels, against CIRCLE * 3 / period, squared:
   * the grid has a third of the lines of the frame that the periods are given for. */
  gint64 f2 = (gint64)(STEP_X * u) * (STEP_X * u) + (gint64)(STEP_Y * v) * (STEP_Y * v);
  const gint64 edge = (gint64)(CIRCLE * 3) * (CIRCLE * 3);
  return f2 * HE_PATTERN_PERIOD_MAX * HE_PATTERN_PERIOD_MAX >= edge
         && f2 * HE_PATTERN_PERIOD_MIN * HE_PATTERN_PERIOD_MIN <= edge;
}

const HeWave *
he_pattern_waves (guint *ret_n)
{
  static Band *band;
  if (g_once_init_enter (&band)) {
    Band *made = g_new0 (Band, 1);
    for (int v = 0; v <= HE_WAVE_MAX_V; v++)
      for (int u = v ? -HE_WAVE_MAX_U : 1; u <= HE_WAVE_MAX_U; u++)
        if (in_band (u, v))
          made->waves[made->n++] = (HeWave) { (gint16)u, (gint16)v };
    g_once_init_leave (&band, made);
  }
  *ret_n = band->n;
  return band->waves;
}

/* Turning by 1/CIRCLE at a time, in Q30 integers: libm's last bit differs between builds.
 */
static void
fill_circle (gint16 *ret_cos, gint16 *ret_sin)
{
  const gint64 one = G_GINT64_CONSTANT (1) << 30;
  const gint64 cos_step = 1073741185, sin_step = 1171270; /* of 2 pi / 5760 */
  gint64 c = one, s = 0;
  for (guint i = 0; i < CIRCLE; i++) {
    const gint64 half = G_GINT64_CONSTANT (1) << (29 - TABLE_BITS);
    ret_cos[i] = (gint16)((c + half) >> (30 - TABLE_BITS));
    ret_sin[i] = (gint16)((s + half) >> (30 - TABLE_BITS));
    gint64 next = (c * cos_step - s * sin_step + one / 2) >> 30;
    s = (s * cos_step + c * sin_step + one / 2) >> 30;
    c = next;
  }
}

const HeWaveTables *
he_wave_tables (void)
{
  static HeWaveTables *tables;
  if (g_once_init_enter (&tables)) {
    HeWaveTables *made = g_new (HeWaveTables, 1);
    g_autofree gint16 *cosine = g_new (gint16, CIRCLE);
    g_autofree gint16 *sine = g_new (gint16, CIRCLE);
    fill_circle (cosine, sine);
    for (guint u = 0; u <= HE_WAVE_MAX_U; u++)
      for (guint x = 0; x < HE_PATTERN_WIDTH; x++) {
        made->cos_x[u][x] = cosine[STEP_X * u * x % CIRCLE];
        made->sin_x[u][x] = sine[STEP_X * u * x % CIRCLE];
      }
    for (guint v = 0; v <= HE_WAVE_MAX_V; v++)
      for (guint y = 0; y < HE_PATTERN_HEIGHT; y++) {
        made->cos_y[v][y] = cosine[STEP_Y * v * y % CIRCLE];
        made->sin_y[v][y] = sine[STEP_Y * v * y % CIRCLE];
      }
    g_once_init_leave (&tables, made);
  }
  return tables;
}

void
he_pattern_coefficients (const guint8 seed[32], gint16 *ret_pairs)
{
  guint n;
  he_pattern_waves (&n);
  gsize len = (gsize)n * 2 * BYTES_PER_VALUE;
  g_autofree guint8 *noise = g_malloc (len);
  g_autoptr (HeKeystream) stream = he_keystream_new (seed);
  he_keystream_read (stream, noise, len);
  for (guint i = 0; i < 2 * n; i++) {
    const guint8 *b = noise + i * BYTES_PER_VALUE;
    ret_pairs[i] = (gint16)(b[0] + b[1] + b[2] + b[3] - VALUE_MEAN);
  }
}

/* The waves of one v, laid out by |u|: with s and d the sum and difference of the pairs
 * at u and -u, both of them together are s.re cos - d.im sin, and s.im cos + d.re sin. */
typedef struct {
  gint16 sum_re[HE_WAVE_MAX_U + 1], sum_im[HE_WAVE_MAX_U + 1];
  gint16 diff_re[HE_WAVE_MAX_U + 1], diff_im[HE_WAVE_MAX_U + 1];
} Folded;

static void
fold_row (Folded *folded, const HeWave *waves, const gint16 *pairs, guint n)
{
  *folded = (Folded) { 0 };
  for (guint i = 0; i < n; i++) {
    guint u = (guint)ABS (waves[i].u);
    gint16 sign = waves[i].u < 0 ? -1 : 1;
    folded->sum_re[u] += pairs[2 * i];
    folded->sum_im[u] += pairs[2 * i + 1];
    folded->diff_re[u] += sign * pairs[2 * i];
    folded->diff_im[u] += sign * pairs[2 * i + 1];
  }
}

static inline gint16
row_value (gint32 sum)
{
  gint32 value = (sum + (1 << (ROW_SHIFT - 1))) >> ROW_SHIFT;
  return (gint16)CLAMP (value, -ROW_LIMIT, ROW_LIMIT);
}

/* Loops have constant trip counts and 16-bit factors so that compilers vectorise them. */
static void
sum_row (const HeWaveTables *tables, const Folded *folded, gint16 *restrict ret_re,
         gint16 *restrict ret_im)
{
  gint32 re[HE_PATTERN_WIDTH] = { 0 }, im[HE_PATTERN_WIDTH] = { 0 };
  for (guint u = 0; u <= HE_WAVE_MAX_U; u++) {
    const gint16 *restrict c = tables->cos_x[u], *restrict s = tables->sin_x[u];
    const gint16 sr = folded->sum_re[u], si = folded->sum_im[u];
    const gint16 dr = folded->diff_re[u], di = folded->diff_im[u];
    if (!sr && !si && !dr && !di)
      continue;
    for (guint x = 0; x < HE_PATTERN_WIDTH; x++) {
      re[x] += sr * c[x] - di * s[x];
      im[x] += si * c[x] + dr * s[x];
    }
  }
  for (guint x = 0; x < HE_PATTERN_WIDTH; x++) {
    ret_re[x] = row_value (re[x]);
    ret_im[x] = row_value (im[x]);
  }
}

/* Straight to one deviation, then a parabola that levels out at two. */
static inline gint8
soft_limit (gint32 sum)
{
  const gint32 knee = HE_PATTERN_UNIT << 4, top = HE_PATTERN_LIMIT << 4;
  /* One deviation of the sum, 147.8 * sqrt(n) * 2^(12 - 14 + 12), becomes the knee. */
  gint32 x = (gint32)(((gint64)sum * 9167) >> 27);
  gint32 t = ABS (x) - knee;
  gint32 y = t <= 0 ? ABS (x) : t >= 2 * knee ? top : knee + t - t * t / (4 * knee);
  y = (y + 8) >> 4;
  return (gint8)(x < 0 ? -y : y);
}

typedef gint16 Row[HE_PATTERN_WIDTH];

static void
sum_columns (const HeWaveTables *tables, const Row *re, const Row *im, gint8 *ret_pattern)
{
  for (guint y = 0; y < HE_PATTERN_HEIGHT; y++) {
    gint32 sum[HE_PATTERN_WIDTH] = { 0 };
    for (guint v = 0; v <= HE_WAVE_MAX_V; v++) {
      const gint16 c = tables->cos_y[v][y], s = tables->sin_y[v][y];
      const gint16 *restrict r = re[v], *restrict i = im[v];
      for (guint x = 0; x < HE_PATTERN_WIDTH; x++)
        sum[x] += r[x] * c - i[x] * s;
    }
    for (guint x = 0; x < HE_PATTERN_WIDTH; x++)
      ret_pattern[y * HE_PATTERN_WIDTH + x] = soft_limit (sum[x]);
  }
}

void
he_pattern_build (const guint8 seed[32], gint8 *ret_pattern)
{
  he_pattern_build_signed (seed, NULL, ret_pattern);
}

void
he_pattern_build_signed (const guint8 seed[32], const gint8 *signs, gint8 *ret_pattern)
{
  const HeWaveTables *tables = he_wave_tables ();
  guint n;
  const HeWave *waves = he_pattern_waves (&n);
  g_autofree gint16 *pairs = g_new (gint16, 2 * n);
  he_pattern_coefficients (seed, pairs);
  for (guint i = 0; signs && i < 2 * n; i++)
    pairs[i] = (gint16)(pairs[i] * signs[HE_PAYLOAD_SYMBOL_OF_WAVE (i / 2)]);

  g_autofree Row *re = g_new (Row, HE_WAVE_MAX_V + 1);
  g_autofree Row *im = g_new (Row, HE_WAVE_MAX_V + 1);
  for (guint v = 0, i = 0; v <= HE_WAVE_MAX_V; v++) {
    guint first = i;
    while (i < n && waves[i].v == (gint16)v)
      i++;
    Folded folded;
    fold_row (&folded, waves + first, pairs + 2 * first, i - first);
    sum_row (tables, &folded, re[v], im[v]);
  }
  sum_columns (tables, re, im, ret_pattern);
}
