/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-motion.h"
#include "he-predict.h"
#include "he-slots.h"

#define PIXELS (HE_PATTERN_WIDTH * HE_PATTERN_HEIGHT)
#define SCALE 4096.0f
#define WINDOW 0.5 /* segments */
#define COVERAGE 0.4 /* of a segment, to be worth a symbol */
#define NEAREST 0.2 /* of a segment: what is nearest to it in time */
/* Slots before one that foretell it. */
static const guint lags[HE_MOTION_LAGS] = { 2, 3, 5 };
#define PICTURES 6 /* from the farthest before on */
#define PICTURE_SCALE 128.0f
#define ENERGY_FLOOR 8e-4f

struct _HeSlots {
  HeSlot *ring[HE_SLOTS_MAX];
  guint first, n;
  guint64 pushed;
  HeMotionPicture
      *pictures[PICTURES];   /* of the slots read last, each at its serial's place */
  guint64 serials[PICTURES]; /* 0: of none */
};

HeSlots *
he_slots_new (void)
{
  return g_new0 (HeSlots, 1);
}

void
he_slots_free (HeSlots *slots)
{
  if (!slots)
    return;
  for (guint i = 0; i < HE_SLOTS_MAX; i++)
    g_free (slots->ring[i]);
  for (guint i = 0; i < PICTURES; i++)
    he_motion_picture_free (slots->pictures[i]);
  g_free (slots);
}

void
he_slots_clear (HeSlots *slots)
{
  slots->n = 0;
}

guint
he_slots_count (const HeSlots *slots)
{
  return slots->n;
}

HeSlot *
he_slots_get (const HeSlots *slots, guint index)
{
  return slots->ring[(slots->first + index) % HE_SLOTS_MAX];
}

void
he_slots_push (HeSlots *slots, const HePlane *sum, guint frames, double begin, double end)
{
  if (slots->n == HE_SLOTS_MAX) {
    slots->first = (slots->first + 1) % HE_SLOTS_MAX;
    slots->n--;
  }
  HeSlot **slot = &slots->ring[(slots->first + slots->n++) % HE_SLOTS_MAX];
  if (!*slot)
    *slot = g_new (HeSlot, 1);
  (*slot)->begin = begin;
  (*slot)->end = end;
  (*slot)->frames = frames;
  (*slot)->serial = ++slots->pushed;
  (*slot)->scores.known = FALSE;
  for (guint i = 0; i < PIXELS; i++) {
    const float value = SCALE * (*sum)[i] / (float)frames;
    (*slot)->plane[i] = (gint16)CLAMP (value, -32767.0f, 32767.0f);
  }
}

guint
he_slots_sum (const HeSlots *slots, double begin, double end, HePlane *ret_sum)
{
  guint frames = 0;
  memset (ret_sum, 0, sizeof *ret_sum);
  for (guint i = 0; i < slots->n; i++) {
    const HeSlot *slot = he_slots_get (slots, i);
    const double middle = (slot->begin + slot->end) / 2;
    if (middle < begin || middle >= end)
      continue;
    const float weight = (float)slot->frames / SCALE;
    for (guint p = 0; p < PIXELS; p++)
      (*ret_sum)[p] += weight * slot->plane[p];
    frames += slot->frames;
  }
  return frames;
}

static void
load (const HeSlot *slot, HePlane *ret_plane)
{
  for (guint i = 0; i < PIXELS; i++)
    (*ret_plane)[i] = slot->plane[i] / SCALE;
}

/* NULL where there is no such slot. plane is scratch. */
static const HeMotionPicture *
picture_of (HeSlots *slots, gint64 index, HePlane *plane)
{
  if (index < 0 || index >= slots->n)
    return NULL;
  const HeSlot *slot = he_slots_get (slots, (guint)index);
  const guint place = slot->serial % PICTURES;
  if (!slots->pictures[place])
    slots->pictures[place] = he_motion_picture_new ();
  if (slots->serials[place] != slot->serial) {
    load (slot, plane);
    he_motion_picture_fill (slots->pictures[place], (const HePlane *)plane,
                            PICTURE_SCALE);
    slots->serials[place] = slot->serial;
  }
  return slots->pictures[place];
}

/* What is left of a slot; other is scratch. */
static void
take_rest (HeSlots *slots, HeWhitener *whitener, guint index, HePlane *other,
           HePlane *ret_rest)
{
  HeMotionBefore before;
  for (guint i = 0; i < HE_MOTION_LAGS; i++)
    before[i] = picture_of (slots, (gint64)index - lags[i], other);
  const HeMotionPicture *here = picture_of (slots, index, other);
  load (he_slots_get (slots, index), ret_rest);
  if (!he_motion_subtract (here, before, ret_rest))
    return;
  load (he_slots_get (slots, index), other);
  he_whitener_raise (whitener, (const HePlane *)other, ENERGY_FLOOR, ret_rest);
}

guint
he_slots_sum_rests (HeSlots *slots, HeWhitener *whitener, double begin, double end,
                    HePlane *ret_sum)
{
  g_autofree HePlane *rest = g_new (HePlane, 1), *other = g_new (HePlane, 1);
  guint frames = 0;
  memset (ret_sum, 0, sizeof *ret_sum);
  for (guint i = 0; i < slots->n; i++) {
    const HeSlot *slot = he_slots_get (slots, i);
    const double middle = (slot->begin + slot->end) / 2;
    if (middle < begin || middle >= end)
      continue;
    take_rest (slots, whitener, i, other, rest);
    for (guint p = 0; p < PIXELS; p++)
      (*ret_sum)[p] += (float)slot->frames * (*rest)[p];
    frames += slot->frames;
  }
  return frames;
}

static gboolean
is_covered (const HeSlots *slots, double begin, double length)
{
  double covered = 0;
  for (guint i = 0; i < slots->n; i++) {
    const HeSlot *slot = he_slots_get (slots, i);
    const double middle = (slot->begin + slot->end) / 2;
    if (middle >= begin && middle < begin + length)
      covered += slot->end - slot->begin;
  }
  return covered >= COVERAGE * length;
}

guint
he_slots_sum_segment (HeSlots *slots, HeWhitener *whitener, double begin, double length,
                      HePlane *ret_sum)
{
  g_autofree HePlane *others = g_new (HePlane, HE_PREDICT_MAX);
  const HePlane *list[HE_PREDICT_MAX];
  const double before[HE_PREDICT_MAX][2] = { { begin - NEAREST * length, begin },
                                             { begin - length, begin },
                                             { begin - 2 * length, begin - length },
                                             { begin - 3 * length, begin - 2 * length } };
  guint n = 0;
  if (!is_covered (slots, begin, length))
    return 0;
  const guint frames = he_slots_sum_rests (slots, whitener, begin, begin + length, ret_sum);
  for (guint i = 0; i < HE_PREDICT_MAX; i++)
    if (he_slots_sum (slots, before[i][0], before[i][1], &others[n]))
      list[n] = &others[n], n++;
  he_predict_subtract (ret_sum, list, n, &he_predict_beside);
  return frames;
}

/* Takes away what windows a segment away on either side foretell, of which none is of the same
 * segment: where the picture stands still, its view could not be told from it otherwise. */
static void
subtract_beside (const HeSlots *slots, double begin, HePlane *others, HePlane *sum)
{
  const double beside[] = { begin - 1 - WINDOW, begin + 1 + WINDOW };
  const HePlane *list[G_N_ELEMENTS (beside)];
  guint n = 0;
  for (guint i = 0; i < G_N_ELEMENTS (beside); i++)
    if (he_slots_sum (slots, beside[i], beside[i] + WINDOW, &others[n]))
      list[n] = &others[n], n++;
  he_predict_subtract (sum, list, n, &he_predict_beside);
}

static guint
windows_of (HeSlots *slots, HeWhitener *whitener, gboolean rests,
            HeSyncWindow ret_windows[HE_SYNC_MAX_WINDOWS])
{
  guint n = 0;
  if (slots->n == 0)
    return 0;
  g_autofree HePlane *sum = g_new (HePlane, 1), *others = g_new (HePlane, 2);
  const double end = he_slots_get (slots, slots->n - 1)->end;
  double begin = he_slots_get (slots, 0)->begin;
  for (; n < HE_SYNC_MAX_WINDOWS && begin + WINDOW / 2 < end; begin += WINDOW) {
    const guint frames
        = rests ? he_slots_sum_rests (slots, whitener, begin, begin + WINDOW, sum)
                : he_slots_sum (slots, begin, begin + WINDOW, sum);
    if (!frames)
      continue;
    subtract_beside (slots, begin, others, sum);
    he_whitener_level (whitener, sum, frames, sum);
    ret_windows[n++] = (HeSyncWindow) { .spectrum = he_spectrum_new (sum),
                                        .time = begin + WINDOW / 2 };
  }
  return n;
}

guint
he_slots_windows (HeSlots *slots, HeWhitener *whitener,
                  HeSyncWindow ret_windows[HE_SYNC_MAX_WINDOWS])
{
  return windows_of (slots, whitener, FALSE, ret_windows);
}

guint
he_slots_rest_windows (HeSlots *slots, HeWhitener *whitener,
                       HeSyncWindow ret_windows[HE_SYNC_MAX_WINDOWS])
{
  return windows_of (slots, whitener, TRUE, ret_windows);
}
