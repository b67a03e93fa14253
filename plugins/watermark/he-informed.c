/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-detect.h"
#include "he-informed.h"
#include "he-innovations.h"
#include "he-lay.h"
#include "he-predict.h"
#include "he-resample.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)
#define SCALE 64.0f /* of stored levels */
#define LEVEL 10    /* so that he_whitener_level() takes a level for noise */
#define GUIDES 6    /* frames that the view is found with */
#define REACH 4     /* frames that a copy's time may be wrong by */
#define OF_BEST 0.5 /* likeness of the best guide, below which one shows something else */
#define AROUND 2    /* frames looked at when it is known by how much */
/* Pixels of the grid by which a picture may begin to move from one used frame to the next. */
#define FAR_X 32
#define FAR_Y 20
#define FAR_STEP 4

typedef gint16 Stored[PIXELS];

/* Frames in order; every stride-th of those that were given. */
typedef struct {
  Stored **frames;
  double *at;
  guint n, most, stride, given;
} Reel;

struct _HeInformed {
  HeWhitener *whitener;
  HeDetector *detector;
  HeInnovations *innovations;
  Reel a, copy; /* a becomes the mean of both variants as b comes */
  guint b;      /* frames of b that were given */
  HeLayPoints *points; /* of each original, levelled; while registering */
  HePlane *plane, *other, *sum;
};

static void
reel_init (Reel *reel, guint most)
{
  *reel = (Reel) { .most = most,
                   .stride = 1,
                   .frames = g_new0 (Stored *, most),
                   .at = g_new0 (double, most) };
}

static void
reel_clear (Reel *reel)
{
  for (guint i = 0; i < reel->most; i++)
    g_free (reel->frames[i]);
  g_free (reel->frames);
  g_free (reel->at);
}

/* Where the next frame belongs; NULL where it is left out. */
static Stored *
reel_next (Reel *reel, double at)
{
  if (reel->given++ % reel->stride)
    return NULL;
  if (reel->n == reel->most) {
    for (guint i = 0; i < reel->n / 2; i++) {
      Stored *kept = reel->frames[2 * i];
      reel->frames[2 * i] = reel->frames[i];
      reel->frames[i] = kept;
      reel->at[i] = reel->at[2 * i];
    }
    reel->n /= 2;
    reel->stride *= 2;
    if ((reel->given - 1) % reel->stride)
      return NULL;
  }
  if (!reel->frames[reel->n])
    reel->frames[reel->n] = g_new (Stored, 1);
  reel->at[reel->n] = at;
  return reel->frames[reel->n++];
}

static void
load (const Stored *stored, HePlane *ret_plane)
{
  for (guint i = 0; i < PIXELS; i++)
    (*ret_plane)[i] = (*stored)[i] / SCALE;
}

HeInformed *
he_informed_new (void)
{
  HeInformed *informed = g_new0 (HeInformed, 1);
  informed->whitener = he_whitener_new ();
  informed->detector = he_detector_new ();
  informed->innovations = he_innovations_new ();
  reel_init (&informed->a, HE_INFORMED_ORIGINALS);
  reel_init (&informed->copy, HE_INFORMED_COPIES);
  informed->plane = g_new (HePlane, 1);
  informed->other = g_new (HePlane, 1);
  informed->sum = g_new (HePlane, 1);
  return informed;
}

void
he_informed_free (HeInformed *informed)
{
  if (!informed)
    return;
  he_whitener_free (informed->whitener);
  he_detector_free (informed->detector);
  he_innovations_free (informed->innovations);
  reel_clear (&informed->a);
  reel_clear (&informed->copy);
  g_free (informed->plane);
  g_free (informed->other);
  g_free (informed->sum);
  g_free (informed->points);
  g_free (informed);
}

void
he_informed_reset (HeInformed *informed)
{
  Reel *reels[] = { &informed->a, &informed->copy };
  for (guint i = 0; i < G_N_ELEMENTS (reels); i++) {
    reels[i]->n = reels[i]->given = 0;
    reels[i]->stride = 1;
  }
  informed->b = 0;
  he_detector_reset (informed->detector);
}

gboolean
he_informed_add_original (HeInformed *informed, HeVariant variant, const guint8 *luma,
                          gsize stride, guint width, guint height, GError **error)
{
  Reel *reel = &informed->a;
  g_return_val_if_fail (variant != HE_VARIANT_NONE, FALSE);
  if (!he_whitener_put (informed->whitener, luma, stride, width, height, informed->plane, error))
    return FALSE;
  Stored *to = NULL;
  if (variant == HE_VARIANT_A) {
    to = reel_next (reel, 0);
  } else if (informed->b++ % reel->stride == 0 && (informed->b - 1) / reel->stride < reel->n) {
    to = reel->frames[(informed->b - 1) / reel->stride];
  }
  for (guint i = 0; to && i < PIXELS; i++) {
    const float value = SCALE * (*informed->plane)[i];
    (*to)[i] = (gint16)lrintf (variant == HE_VARIANT_A ? value : ((*to)[i] + value) / 2);
  }
  return TRUE;
}

gboolean
he_informed_add_copy (HeInformed *informed, const guint8 *luma, gsize stride, guint width,
                      guint height, double at, GError **error)
{
  if (!he_whitener_put (informed->whitener, luma, stride, width, height, informed->plane, error))
    return FALSE;
  Stored *to = reel_next (&informed->copy, at);
  for (guint i = 0; to && i < PIXELS; i++)
    (*to)[i] = (gint16)lrintf (SCALE * (*informed->plane)[i]);
  return TRUE;
}

/* ---- registration ---- */

static void
level (HeInformed *informed, const Stored *stored, HePlane *ret_plane)
{
  load (stored, ret_plane);
  he_whitener_level (informed->whitener, (const HePlane *)ret_plane, LEVEL, ret_plane);
}

/* Originals that both variants have. */
static guint
originals (const HeInformed *informed)
{
  const guint b = (informed->b + informed->a.stride - 1) / informed->a.stride;
  return MIN (informed->a.n, b);
}

static int
expected (const HeInformed *informed, guint copy)
{
  return (int)floor (informed->copy.at[copy] * originals (informed) + 0.5);
}

static void
pick_points (HeInformed *informed)
{
  const guint n = originals (informed);
  informed->points = g_renew (HeLayPoints, informed->points, n);
  for (guint i = 0; i < n; i++) {
    level (informed, informed->a.frames[i], informed->other);
    he_lay_pick ((const HePlane *)informed->other, &informed->points[i]);
  }
}

/* The original that a frame of the copy shows, from first to last, and how alike they are. */
static guint
match (const HeInformed *informed, const HePlane *copy, const HeView *view, int first, int last,
       double *ret_likeness)
{
  const int n = (int)originals (informed);
  int best = CLAMP (first, 0, n - 1);
  *ret_likeness = -1;
  for (int i = MAX (first, 0); i <= MIN (last, n - 1); i++) {
    const double likeness
        = he_lay_likeness (view, copy, (const HeLayPoints *)&informed->points[i]);
    if (likeness > *ret_likeness) {
      *ret_likeness = likeness;
      best = i;
    }
  }
  return (guint)best;
}

static int
most_frequent (const guint counts[2 * REACH + 1])
{
  int best = 0;
  for (int i = -REACH; i <= REACH; i++)
    if (counts[i + REACH] > counts[best + REACH])
      best = i;
  return best;
}

/* Climbs from a view to the one that shows the guides best; how alike they are then, in the
 * mean, and by how many frames the copy's time is wrong. */
static double
climb (HeInformed *informed, const HePlane *guides, HePlane *matched, HeView *view,
       int *ret_shift)
{
  double climbed = 0;
  guint matches[GUIDES], n = 0;
  HeLayPair pairs[GUIDES];
  for (guint round = 0; round < 2; round++) {
    guint shifts[2 * REACH + 1] = { 0 };
    gboolean same = round > 0;
    double most = 0, likenesses[GUIDES];
    for (guint g = 0; g < GUIDES; g++) {
      const int middle = expected (informed, g * informed->copy.n / GUIDES);
      const guint index = match (informed, &guides[g], view, middle - REACH, middle + REACH,
                                 &likenesses[g]);
      most = MAX (most, likenesses[g]);
      same = same && index == matches[g];
      matches[g] = index;
      shifts[CLAMP ((int)index - middle, -REACH, REACH) + REACH]++;
    }
    *ret_shift = most_frequent (shifts);
    if (same)
      break;
    n = 0;
    for (guint g = 0; g < GUIDES; g++) {
      if (likenesses[g] < most * OF_BEST)
        continue;
      level (informed, informed->a.frames[matches[g]], &matched[n]);
      pairs[n] = (HeLayPair) { &guides[g], (const HePlane *)&matched[n] };
      n++;
    }
    climbed = he_lay_climb (pairs, n, view);
  }
  return climbed;
}

static double
find_view (HeInformed *informed, HeView *view, int *ret_shift)
{
  g_autofree HePlane *guides = g_new (HePlane, GUIDES), *matched = g_new (HePlane, GUIDES);
  const HeView starts[] = { *view, he_view_identity, he_view_flip (&he_view_identity) };
  double best = -1;
  for (guint g = 0; g < GUIDES; g++)
    level (informed, informed->copy.frames[g * informed->copy.n / GUIDES], &guides[g]);
  for (guint i = 0; i < G_N_ELEMENTS (starts) && best < HE_INFORMED_ALIKE; i++) {
    HeView tried = starts[i];
    int shift;
    const double likeness = climb (informed, (const HePlane *)guides, matched, &tried, &shift);
    if (likeness > best) {
      best = likeness;
      *view = tried;
      *ret_shift = shift;
    }
  }
  return best;
}

/* ---- the rest ---- */

/* Adds what the original does not foretell of the frame. motion: the original's since the one
 * before; NULL where there is none. */
static void
add_rest (HeInformed *informed, const Stored *copy, const Stored *original, const HeView *view,
          const HeView *motion)
{
  g_autofree HePlane *rest = g_new (HePlane, 1);
  g_autofree HePlane *foretelling = g_new (HePlane, HE_PREDICT_MAX);
  const HePlane *list[HE_PREDICT_MAX];
  load (copy, informed->plane);
  load (original, informed->other);
  he_lay_warp (view, (const HePlane *)informed->plane, (const HePlane *)informed->other, rest);
  he_whitener_band (informed->whitener, rest);
  he_whitener_band (informed->whitener, informed->other);
  he_lay_relatives ((const HePlane *)informed->other, foretelling);
  for (guint i = 0; i < HE_PREDICT_MAX; i++)
    list[i] = &foretelling[i];
  he_predict_subtract (rest, list, HE_PREDICT_MAX, &he_predict_original);
  he_lay_mask (view, rest);
  he_innovations_add (informed->innovations, (const HePlane *)rest, motion);
}

/* Pictures that are flat wherever they lie on their originals leave nothing. */
static gboolean
has_rest (const HePlane *sum)
{
  double squares = 0;
  for (guint i = 0; i < PIXELS; i++)
    squares += (double)(*sum)[i] * (*sum)[i];
  return isfinite (squares) && squares > 0;
}

/* The movement, across and down alone, under which two originals are most alike. */
static HeView
look_around (const HePlane *from, const HePlane *to)
{
  HeLayPoints points;
  HeView best = he_view_identity;
  double most = -1;
  he_lay_pick (to, &points);
  for (int y = -FAR_Y; y <= FAR_Y; y += FAR_STEP)
    for (int x = -FAR_X; x <= FAR_X; x += FAR_STEP) {
      const HeView view = he_view_shift (&he_view_identity, (double)x / WIDTH, (double)y / HEIGHT);
      const double likeness = he_lay_likeness (&view, from, (const HeLayPoints *)&points);
      if (likeness > most) {
        most = likeness;
        best = view;
      }
    }
  return best;
}

/* How the picture moved from one original to another; motion is where to begin. FALSE: there was a
 * cut. */
static gboolean
follow (const HePlane *from, const HePlane *to, HeView *motion)
{
  const HeLayPair pair = { from, to };
  if (he_lay_climb (&pair, 1, motion) >= HE_INFORMED_ALIKE)
    return TRUE;
  *motion = look_around (from, to);
  return he_lay_climb (&pair, 1, motion) >= HE_INFORMED_ALIKE;
}

guint
he_informed_register (HeInformed *informed, HeView *view)
{
  int shift = 0;
  guint used = 0;
  he_detector_reset (informed->detector);
  if (!originals (informed) || !informed->copy.n)
    return 0;
  pick_points (informed);
  if (find_view (informed, view, &shift) < HE_INFORMED_ALIKE)
    return 0;
  g_autofree HePlane *levelled = g_new (HePlane, 1);
  g_autofree HePlane *from = g_new (HePlane, 1), *to = g_new (HePlane, 1);
  HeView motion = he_view_identity;
  for (guint i = 0; i < informed->copy.n; i++) {
    const int middle = expected (informed, i) + shift;
    double likeness;
    level (informed, informed->copy.frames[i], levelled);
    const guint index = match (informed, (const HePlane *)levelled, view, middle - AROUND,
                               middle + AROUND, &likeness);
    if (likeness < HE_INFORMED_ALIKE)
      continue;
    level (informed, informed->a.frames[index], to);
    const gboolean goes_on = used && follow ((const HePlane *)from, (const HePlane *)to, &motion);
    if (!goes_on)
      motion = he_view_identity;
    memcpy (from, to, sizeof *from);
    add_rest (informed, informed->copy.frames[i], informed->a.frames[index], view,
              goes_on ? &motion : NULL);
    used++;
  }
  he_innovations_sum (informed->innovations, informed->sum);
  if (!has_rest ((const HePlane *)informed->sum))
    return 0;
  he_detector_add_plane (informed->detector, (const HePlane *)informed->sum, used);
  return used;
}

double
he_informed_score (HeInformed *informed, const guint8 seed[32])
{
  return he_detector_score (informed->detector, seed);
}

gsize
he_informed_weights (HeInformed *informed, gint8 ret_weights[HE_DETECT_WEIGHTS])
{
  return he_detector_weights (informed->detector, ret_weights);
}
