/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-innovations.h"
#include "he-predict.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)
#define MOST HE_INNOVATIONS_MAX
#define SCALE 256.0f /* of stored levels */
#define SPARSE 3     /* every third pixel says what foretells what */
#define SAMPLES (PIXELS / SPARSE)
#define RUN 64     /* of samples, which divides them: a sum of floats */
#define FLOOR 0.1f /* levels^2, of a pixel's energy there */
#define RIDGE 1.01
#define LEVEL 2 /* so that he_whitener_level() takes 0.04 levels^2 for noise */
/* Found by trial, flat around it: what an encoder has to draw anew has so many times more
 * of the mark for its deviation than what it changes. */
#define AFTER_CUT 20.0f

typedef gint16 Stored[PIXELS];

struct _HeInnovations {
  HeWhitener *whitener;
  Stored *rests[MOST]; /* of the shot; each laid upon the one in the middle when it is
                          closed */
  HeView motions[MOST];
  guint n;
  gboolean cut; /* the shot began with one */
  HePlane *sum, *plane, *other;
  float *samples;
};

HeInnovations *
he_innovations_new (void)
{
  HeInnovations *innovations = g_new0 (HeInnovations, 1);
  innovations->whitener = he_whitener_new ();
  innovations->sum = g_new0 (HePlane, 1);
  innovations->plane = g_new (HePlane, 1);
  innovations->other = g_new (HePlane, 1);
  innovations->samples = g_new (float, (gsize)MOST *SAMPLES);
  return innovations;
}

void
he_innovations_free (HeInnovations *innovations)
{
  if (!innovations)
    return;
  he_whitener_free (innovations->whitener);
  for (guint i = 0; i < MOST; i++)
    g_free (innovations->rests[i]);
  g_free (innovations->sum);
  g_free (innovations->plane);
  g_free (innovations->other);
  g_free (innovations->samples);
  g_free (innovations);
}

static void
store (const HePlane *plane, Stored *ret_stored)
{
  for (guint i = 0; i < PIXELS; i++)
    (*ret_stored)[i] = (gint16)lrintf (CLAMP ((*plane)[i] * SCALE, -32767.0f, 32767.0f));
}

static void
load (const Stored *stored, HePlane *ret_plane)
{
  for (guint i = 0; i < PIXELS; i++)
    (*ret_plane)[i] = (*stored)[i] / SCALE;
}

/* ---- one shot ---- */

/* Where each picture shows what is at a point of the middle one, and the ways back. One
 * that motions lead nowhere is taken where it lies. */
static void
place (const HeInnovations *innovations, HeView ret_views[MOST], HeView ret_backs[MOST])
{
  const guint middle = innovations->n / 2;
  HeView back;
  ret_views[middle] = he_view_identity;
  for (guint i = middle; i > 0; i--)
    ret_views[i - 1] = he_view_after (&innovations->motions[i], &ret_views[i]);
  for (guint i = middle + 1; i < innovations->n; i++) {
    he_view_invert (&innovations->motions[i], &back);
    ret_views[i] = he_view_after (&back, &ret_views[i - 1]);
  }
  for (guint i = 0; i < innovations->n; i++)
    if (!he_view_invert (&ret_views[i], &ret_backs[i]))
      ret_views[i] = ret_backs[i] = he_view_identity;
}

/* Lays all pictures upon the middle one, and samples them: of every third pixel that all
 * of them show, what each has there, the less the more all have. */
static void
align (HeInnovations *innovations, const HeView *views)
{
  const guint n = innovations->n;
  float *weights = *innovations->plane;
  for (guint i = 0; i < n; i++) {
    float *sample = innovations->samples + (gsize)i * SAMPLES;
    load ((const Stored *)innovations->rests[i], innovations->plane);
    he_view_warp (&views[i], *innovations->plane, WIDTH, HEIGHT, *innovations->other);
    store ((const HePlane *)innovations->other, innovations->rests[i]);
    for (guint p = 0; p < SAMPLES; p++)
      sample[p] = (*innovations->other)[SPARSE * p];
  }
  for (guint p = 0; p < SAMPLES; p++) {
    gboolean seen = TRUE;
    float energy = 0;
    for (guint i = 0; i < n; i++) {
      const float value = innovations->samples[(gsize)i * SAMPLES + p];
      seen = seen && value != 0;
      energy += value * value;
    }
    weights[p] = seen ? 1 / sqrtf (energy / (float)n + FLOOR) : 0;
  }
  for (guint i = 0; i < n; i++)
    for (guint p = 0; p < SAMPLES; p++)
      innovations->samples[(gsize)i * SAMPLES + p] *= weights[p];
}

typedef double Products[MOST][MOST];

static void
multiply (const HeInnovations *innovations, Products *ret_products)
{
  for (guint r = 0; r < innovations->n; r++)
    for (guint c = 0; c <= r; c++) {
      const float *row = innovations->samples + (gsize)r * SAMPLES;
      const float *column = innovations->samples + (gsize)c * SAMPLES;
      double sum = 0;
      for (guint p = 0; p < SAMPLES; p += RUN) {
        float part = 0;
        for (guint i = p; i < p + RUN; i++)
          part += row[i] * column[i];
        sum += part;
      }
      (*ret_products)[r][c] = (*ret_products)[c][r] = sum;
    }
}

/* By what all pictures before it foretell one. */
static void
solve (const Products *products, guint picture, double ret_weights[MOST])
{
  double a[MOST][MOST + 1];
  for (guint r = 0; r < picture; r++) {
    memcpy (a[r], (*products)[r], picture * sizeof a[r][0]);
    a[r][picture] = (*products)[r][picture];
    a[r][r] = a[r][r] * RIDGE + 1e-9;
  }
  he_predict_solve (*a, picture, MOST + 1, ret_weights);
}

/* What is new in a picture, where it lay. */
static void
renew (HeInnovations *innovations, const Products *products, guint picture,
       const HeView *back)
{
  double weights[MOST];
  solve (products, picture, weights);
  float *fresh = *innovations->plane;
  load ((const Stored *)innovations->rests[picture], innovations->plane);
  for (guint i = 0; i < picture; i++) {
    const float weight = (float)weights[i] / SCALE;
    const gint16 *before = *innovations->rests[i];
    for (guint p = 0; p < PIXELS; p++)
      fresh[p] -= weight * before[p];
  }
  he_view_warp (back, fresh, WIDTH, HEIGHT, *innovations->other);
}

static void
close_shot (HeInnovations *innovations)
{
  g_autofree Products *products = g_new (Products, 1);
  HeView views[MOST], backs[MOST];
  place (innovations, views, backs);
  align (innovations, views);
  multiply (innovations, products);
  for (guint i = 0; i < innovations->n; i++) {
    const float weight = i == 0 && innovations->cut ? AFTER_CUT : 1;
    renew (innovations, (const Products *)products, i, &backs[i]);
    he_whitener_level (innovations->whitener, (const HePlane *)innovations->other, LEVEL,
                       innovations->other);
    for (guint p = 0; p < PIXELS; p++)
      (*innovations->sum)[p] += weight * (*innovations->other)[p];
  }
  innovations->n = 0;
}

/* ---- all of them ---- */

void
he_innovations_add (HeInnovations *innovations, const HePlane *rest, const HeView *motion)
{
  HeView back;
  const gboolean goes_on = motion && he_view_invert (motion, &back);
  if (innovations->n && (!goes_on || innovations->n == MOST)) {
    close_shot (innovations);
    innovations->cut = TRUE;
  }
  const guint n = innovations->n++;
  if (!innovations->rests[n])
    innovations->rests[n] = g_new (Stored, 1);
  innovations->motions[n] = goes_on ? *motion : he_view_identity;
  store (rest, innovations->rests[n]);
}

void
he_innovations_sum (HeInnovations *innovations, HePlane *ret_sum)
{
  if (innovations->n)
    close_shot (innovations);
  memcpy (ret_sum, innovations->sum, sizeof *ret_sum);
  memset (innovations->sum, 0, sizeof *innovations->sum);
  innovations->cut = FALSE;
}
