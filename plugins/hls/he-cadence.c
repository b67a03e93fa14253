/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-cadence.h"

#include "he-epoch.h"
#include "he-error.h"

/* Of times that were rounded to ticks, or went through nanoseconds. */
#define SLACK 4 /* ticks */
/* One irregular segment is a lost keyframe, which leaves a long and a short one. */
#define MISFITS_MAX 2
#define SHORTEST (HE_TICKS_PER_SECOND / 2)
#define LONGEST (30 * HE_TICKS_PER_SECOND)

void
he_cadence_init (HeCadence *self, guint64 duration90)
{
  *self = (HeCadence) { .duration90 = duration90 };
}

void
he_cadence_gap (HeCadence *self)
{
  self->has_key = self->has_cut = FALSE;
}

static guint64
apart (guint64 a, guint64 b)
{
  return a > b ? a - b : b - a;
}

static void
measure (HeCadence *self, guint64 pts90)
{
  if (self->has_key && pts90 > self->key90)
    self->distances[self->n_distances++ % G_N_ELEMENTS (self->distances)]
        = pts90 - self->key90;
  self->has_key = TRUE;
  self->key90 = pts90;
}

static void
set_misfit (const HeCadence *self, GError **error)
{
  guint n = MIN (self->n_distances, G_N_ELEMENTS (self->distances));
  guint64 shortest = G_MAXUINT64, longest = 0, fitting;
  char from[G_ASCII_DTOSTR_BUF_SIZE], to[G_ASCII_DTOSTR_BUF_SIZE];
  double wanted = (double)self->duration90 / HE_TICKS_PER_SECOND;

  for (guint i = 0; i < n; i++) {
    shortest = MIN (shortest, self->distances[i]);
    longest = MAX (longest, self->distances[i]);
  }
  g_ascii_formatd (from, sizeof from, "%.6g", (double)shortest / HE_TICKS_PER_SECOND);
  g_ascii_formatd (to, sizeof to, "%.6g", (double)longest / HE_TICKS_PER_SECOND);
  fitting = longest * MAX (1, (self->duration90 + longest / 2) / longest);
  if (longest - shortest > SLACK)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the source's keyframes are %s to %s s apart, so segments of %g s "
                 "cannot begin at them: let its encoder make one every %g s and no "
                 "others, or encode here",
                 from, to, wanted, wanted);
  else if (fitting < SHORTEST || fitting > LONGEST)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the source's keyframes are %s s apart, so segments of %g s cannot "
                 "begin at them: let its encoder make one every %g s, or encode here",
                 to, wanted, wanted);
  else
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the source's keyframes are %s s apart, so segments of %g s cannot "
                 "begin at them: set segment-duration to %g s (%" G_GUINT64_FORMAT
                 " ticks), or encode here",
                 to, wanted, (double)fitting / HE_TICKS_PER_SECOND, fitting);
}

gboolean
he_cadence_keyframe (HeCadence *self, guint64 pts90, gboolean cuts, GError **error)
{
  guint64 step;
  gboolean skipped, tell;

  measure (self, pts90);
  if (!cuts)
    return TRUE;
  step = self->has_cut ? pts90 - self->cut90 : self->duration90;
  skipped = self->has_cut
            && he_epoch_msn (pts90 + SLACK, self->duration90)
                   > he_epoch_msn (self->cut90 + SLACK, self->duration90) + 1;
  self->has_cut = TRUE;
  self->cut90 = pts90;
  self->misfits = (guint8)(self->misfits << 1 | (apart (step, self->duration90) > SLACK));
  self->told &= self->misfits != 0;
  tell = skipped || __builtin_popcount (self->misfits) > MISFITS_MAX;
  if (!tell || self->told || self->n_distances == 0)
    return TRUE;
  self->told = TRUE;
  set_misfit (self, error);
  return FALSE;
}
