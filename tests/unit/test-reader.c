/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "foreign-keys.h"
#include "he-border.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-mark.h"
#include "he-predict.h"
#include "he-reader.h"
#include "he-slots.h"
#include "he-sync.h"
#include "mark-clips.h"

#define WIDTH HE_PATTERN_WIDTH
#define HEIGHT HE_PATTERN_HEIGHT
#define PIXELS (WIDTH * HEIGHT)
#define DURATION90 180000
#define FRAMES 5 /* of a segment */
#define SECOND G_GUINT64_CONSTANT (1000000000)

static HeSecret *
new_key (guint8 number)
{
  guint8 bytes[32];
  memset (bytes, number, sizeof bytes);
  return he_secret_new (bytes, sizeof bytes);
}

static HeVariant
variant_of (guint64 msn)
{
  return msn * 2654435761u >> 7 & 1 ? HE_VARIANT_B : HE_VARIANT_A;
}

/* ---- views ---- */

static void
test_view_moves_and_warps (void)
{
  g_autofree float *in = g_new0 (float, PIXELS), *out = g_new (float, PIXELS);
  in[100 * WIDTH + 200] = 1;
  /* Twice as large: what is a pixel in the copy is half a one in the marked frame. */
  HeView view = he_view_new (2, 2, 0, TRUE);
  he_view_warp (&view, in, WIDTH, HEIGHT, out);
  guint best = 0;
  for (guint i = 0; i < PIXELS; i++)
    if (out[i] > out[best])
      best = i;
  /* Flipped, and half as far from the centre. */
  g_assert_cmpfloat (fabs ((best % WIDTH) - (320 + (320 - 200) / 2.0)), <, 1.5);
  g_assert_cmpfloat (fabs (best / WIDTH - (180 - (180 - 100) / 2.0)), <, 1.5);
  HeView moved = he_view_shift (&he_view_identity, 0.1, -0.2);
  g_assert_cmpfloat (fabs (moved.m[2] - 0.1), <, 1e-12);
  g_assert_cmpfloat (fabs (moved.m[5] + 0.2), <, 1e-12);
  moved.m[6] = NAN;
  g_assert_false (he_view_is_sane (&moved));
}

static void
keyed (gpointer data, guint64 msn, gint16 *ret_pairs)
{
  guint8 seed[32];
  he_mark_seed (data, "demo", msn, seed);
  he_pattern_coefficients (seed, ret_pairs);
}

/* The copy's plane: noise, and a mark as seen by the view. */
static void
fill_plane (HeSecret *key, guint64 msn, const HeView *view, float strength, guint32 salt,
            HePlane *plane)
{
  g_autofree gint8 *pattern = g_malloc (PIXELS);
  g_autofree float *flat = g_new (float, PIXELS);
  guint8 seed[32];
  he_mark_seed (key, "demo", msn, seed);
  he_pattern_build (seed, pattern);
  for (guint i = 0; i < PIXELS; i++)
    flat[i] = (variant_of (msn) == HE_VARIANT_B ? -strength : strength) * pattern[i];
  /* Warping with the inverse shows what the view does; of these simple ones it is made by
   * hand. */
  HeView inverse = *view;
  double matrix[4], shift[2];
  g_assert_true (he_view_wave_map (view, matrix, shift));
  inverse = (HeView) { { matrix[0], matrix[2], -shift[0], matrix[1], matrix[3], -shift[1], 0, 0 } };
  he_view_warp (&inverse, flat, WIDTH, HEIGHT, *plane);
  for (guint i = 0; i < PIXELS; i++)
    (*plane)[i] += ((int)(clip_hash (i, (guint32)msn, salt) % 2001) - 1000) / 1000.0f;
}

/* Given a view in perspective, when the way back is taken after it, or it after that, then all is
 * where it was; and a view onto a line has no way back. */
static void
test_view_leads_back (void)
{
  const HeView view = { { 1.1, 0.05, 0.03, -0.04, 0.9, -0.02, 0.1, -0.07 } };
  const HeView line = { { 1, 1, 0, 1, 1, 0, 0, 0 } };
  HeView back;
  g_assert_true (he_view_invert (&view, &back));
  const HeView there[] = { he_view_after (&back, &view), he_view_after (&view, &back) };
  for (guint k = 0; k < G_N_ELEMENTS (there); k++)
    for (guint i = 0; i < HE_VIEW_VALUES; i++)
      g_assert_cmpfloat (fabs (there[k].m[i] - he_view_identity.m[i]), <, 1e-9);
  g_assert_false (he_view_invert (&line, &back));
}

static void
test_sync_finds_a_view (void)
{
  g_autoptr (HeSecret) key = new_key (3);
  const HeView turned = he_view_new (1.19, 1.23, 0.03, TRUE);
  const HeView true_view = he_view_shift (&turned, 0.06, -0.04);
  HeSyncWindow windows[1];
  g_autofree HePlane *plane = g_new (HePlane, 1);
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++) {
    fill_plane (key, 700 + i, &true_view, 0.02f, 5, plane);
    windows[i] = (HeSyncWindow) { he_spectrum_new ((const HePlane *)plane), i + 0.5 };
  }
  HeSyncTask task = { .windows = windows,
                      .n_windows = G_N_ELEMENTS (windows),
                      .keyed = keyed,
                      .data = key,
                      .first = 700,
                      .last = 700,
                      .views = TRUE };
  HeSync sync;
  he_sync_search (&task, &sync);
  g_test_message ("log p %.0f after %.0f tests", sync.log_p, sync.tests);
  g_assert_cmpfloat (sync.log_p, <, 3 * HE_SYNC_LOG_P);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (fabs (sync.view.m[i] - true_view.m[i]), <, 0.01);

  /* The right sign, and nothing where the view is another. */
  guint n;
  he_pattern_waves (&n);
  g_autofree HeComplex *waves = g_new (HeComplex, n);
  g_autofree gint16 *pairs = g_new (gint16, 2 * n);
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++) {
    keyed (key, 700 + i, pairs);
    g_assert_true (he_spectrum_read (windows[i].spectrum, &sync.view, HE_BAND_WHOLE, waves));
    double z = he_waves_score (waves, pairs, n);
    g_assert_cmpint (he_detect_verdict (z), ==, variant_of (700 + i));
    g_assert_true (he_spectrum_read (windows[i].spectrum, &he_view_identity, HE_BAND_WHOLE, waves));
    g_assert_cmpfloat (fabs (he_waves_score (waves, pairs, n)), <, 6);
    he_spectrum_free (windows[i].spectrum);
  }
}

/* Given a faint mark in a crop that begins within some segment, when neither the view nor the
 * time is known, then both are found. */
static void
test_sync_finds_a_view_and_a_time (void)
{
  g_autoptr (HeSecret) key = new_key (3);
  const HeView cropped = he_view_new (1.17, 1.2, 0, FALSE);
  const HeView true_view = he_view_shift (&cropped, -0.05, 0.03);
  HeSyncWindow windows[6];
  g_autofree HePlane *plane = g_new (HePlane, 1);
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++) {
    fill_plane (key, 706 + (i + 1) / 2, &true_view, 0.001f, i, plane);
    windows[i] = (HeSyncWindow) { he_spectrum_new ((const HePlane *)plane), i / 2.0 + 0.25 };
  }
  HeSyncTask task = { .windows = windows,
                      .n_windows = G_N_ELEMENTS (windows),
                      .keyed = keyed,
                      .data = key,
                      .first = 701,
                      .last = 711,
                      .views = TRUE };
  HeSync sync;
  he_sync_search (&task, &sync);
  g_test_message ("log p %.0f after %.0f tests", sync.log_p, sync.tests);
  g_assert_cmpfloat (sync.log_p, <, 3 * HE_SYNC_LOG_P);
  g_assert_cmpfloat (fabs (sync.start - 706.5), <, 0.3);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpfloat (fabs (sync.view.m[i] - true_view.m[i]), <, 0.01);
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    he_spectrum_free (windows[i].spectrum);
}

static void
test_chance_is_bounded (void)
{
  g_assert_cmpfloat (he_chi_squared_log_tail (8, 5), ==, 0);
  /* Exact tails: 8 degrees at 40 have 3.2e-6, 2 at 60 have exp (-30). */
  g_assert_cmpfloat (he_chi_squared_log_tail (8, 40), >, log (3.2e-6));
  g_assert_cmpfloat (he_chi_squared_log_tail (8, 40), <, log (3.2e-6) + 4);
  g_assert_cmpfloat (he_chi_squared_log_tail (2, 60), >, -30);
  g_assert_cmpfloat (he_chi_squared_log_tail (2, 60), <, -24);
}

static void
count_keyed (gpointer data, guint64 msn, gint16 *ret_pairs)
{
  guint n;
  he_pattern_waves (&n);
  memset (ret_pairs, 0, 2 * n * sizeof *ret_pairs);
  ++*(guint *)data;
}

static gboolean
end_at_once (gpointer data, double done)
{
  return FALSE;
}

static void
test_search_can_be_ended (void)
{
  g_autofree HePlane *plane = g_new (HePlane, 1);
  for (guint i = 0; i < PIXELS; i++)
    (*plane)[i] = (float)(clip_hash (i, 3, 5) % 2001) / 1000 - 1;
  g_autoptr (HeSpectrum) spectrum = he_spectrum_new ((const HePlane *)plane);
  const HeSyncWindow window = { spectrum, 0.5 };
  guint calls = 0;
  HeSyncTask task = { .windows = &window,
                      .n_windows = 1,
                      .keyed = count_keyed,
                      .data = &calls,
                      .last = 2000,
                      .views = TRUE,
                      .progress = end_at_once };
  HeSync sync;
  he_sync_search (&task, &sync);
  g_assert_cmpuint (calls, <, 50);
  g_assert_cmpfloat (sync.log_p, >, HE_SYNC_LOG_P);
}

/* ---- what a copy may have around its pictures, and beside them in time ---- */

static void
test_border_is_cut (void)
{
  HeBorder border = { 0 };
  g_autofree guint8 *frame = g_malloc (200 * 100);
  memset (frame, 16, 200 * 100);
  he_border_look (&border, frame, 200, 200, 100);
  g_assert_cmpuint (border.w, ==, 0);
  for (guint y = 12; y < 90; y++)
    memset (frame + y * 200 + 30, 90, 150);
  he_border_look (&border, frame, 200, 200, 100);
  memset (frame, 16, 200 * 100); /* a dark frame changes nothing */
  he_border_look (&border, frame, 200, 200, 100);
  g_assert_cmpuint (border.x, ==, 30);
  g_assert_cmpuint (border.w, ==, 150);
  g_assert_cmpuint (border.y, ==, 12);
  g_assert_cmpuint (border.h, ==, 78);
  he_border_clear (&border);
}

static void
test_still_picture_is_foretold (void)
{
  g_autofree HePlane *planes = g_new (HePlane, 4);
  for (guint p = 0; p < 4; p++)
    for (guint i = 0; i < PIXELS; i++) {
      const float still = (int)(clip_hash (i, 1, 2) % 201) - 100;
      const float own = ((int)(clip_hash (i, p, 7) % 201) - 100) / 10.0f;
      planes[p][i] = (p == 3 ? 0 : still) + own;
    }
  double before = 0, after = 0;
  const HePlane *others[] = { (const HePlane *)&planes[1], (const HePlane *)&planes[2] };
  for (guint i = 0; i < PIXELS; i++)
    before += planes[0][i] * planes[0][i];
  he_predict_subtract (&planes[0], others, 2, &he_predict_beside);
  for (guint i = 0; i < PIXELS; i++)
    after += planes[0][i] * planes[0][i];
  g_assert_cmpfloat (after, <, before / 50);

  /* Another picture is left as it is. */
  g_autofree HePlane *copy = g_memdup2 (&planes[3], sizeof (HePlane));
  he_predict_subtract (&planes[3], others, 2, &he_predict_beside);
  g_assert_cmpmem (copy, sizeof (HePlane), &planes[3], sizeof (HePlane));
}

/* Five slots of a texture that moves by so much from each to the next, under a mark that stands
 * still. */
static HeSlots *
panned (const guint8 seed[32], guint step)
{
  HeSlots *slots = he_slots_new ();
  g_autofree gint8 *pattern = g_malloc (PIXELS);
  g_autofree HePlane *plane = g_new (HePlane, 1);
  he_pattern_build (seed, pattern);
  for (guint slot = 0; slot < 5; slot++) {
    for (guint i = 0; i < PIXELS; i++) {
      const guint x = i % WIDTH + slot * step, y = i / WIDTH + slot;
      const guint grain = clip_hash (i, slot, 3) & 63;
      (*plane)[i] = (float)(clip_octave (x, y, 4) + clip_octave (x, y, 3)) / 512
                    + (float)grain / 4096 + (float)pattern[i] / 16384;
    }
    he_slots_push (slots, (const HePlane *)plane, 1, slot / 10.0, (slot + 1) / 10.0);
  }
  return slots;
}

static HeDetector *
detector_of (const HePlane *plane)
{
  HeDetector *detector = he_detector_new ();
  he_detector_add_plane (detector, plane, 1);
  return detector;
}

/* Given a picture that moves under its mark, when what is a little before is taken from it, then
 * the mark stands out from noise; one that hardly moves is left as it is, and so is the first,
 * since an encoder draws the mark of what is now along into what comes later. */
static void
test_moving_picture_is_foretold (void)
{
  const guint8 seed[32] = { 1 };
  g_autoptr (HeWhitener) whitener = he_whitener_new ();
  g_autofree HePlane *was = g_new (HePlane, 1), *is = g_new (HePlane, 1);
  g_autoptr (HeSlots) moving = panned (seed, 5), still = panned (seed, 0);
  g_assert_cmpuint (he_slots_sum (moving, 0.2, 0.3, was), ==, 1);
  g_assert_cmpuint (he_slots_sum_rests (moving, whitener, 0.2, 0.3, is), ==, 1);
  g_autoptr (HeDetector) before = detector_of (was), after = detector_of (is);
  const double z = he_detector_score (after, seed), blurred = he_detector_score (before, seed);
  g_test_message ("z %.1f, and %.1f of what is left", blurred, z);
  g_assert_cmpfloat (z, >, 2 * blurred);
  g_assert_cmpfloat (z, >, 20);
  const ForeignKeys foreign = foreign_keys_score (after, "foretold");
  g_assert_cmpfloat (fabs (foreign.deviation - 1), <, 0.2);
  g_assert_cmpfloat (foreign.largest, <, 5.5);
  he_slots_sum (still, 0.2, 0.3, was);
  he_slots_sum_rests (still, whitener, 0.2, 0.3, is);
  for (guint i = 0; i < PIXELS; i++)
    g_assert_cmpfloat (fabs ((*is)[i] - (*was)[i]), <, 1e-5);
  he_slots_sum (moving, 0, 0.1, was);
  he_slots_sum_rests (moving, whitener, 0, 0.1, is);
  for (guint i = 0; i < PIXELS; i++)
    g_assert_cmpfloat (fabs ((*is)[i] - (*was)[i]), <, 1e-5);
}

/* Given a picture that stands still over two segments, when each is read, then the second has what the
 * first foretells of it taken away, and the first is left as it is: an encoder leaves the mark of what
 * is now in what comes later. */
static void
test_later_segments_are_not_asked (void)
{
  g_autoptr (HeSlots) slots = he_slots_new ();
  g_autoptr (HeWhitener) whitener = he_whitener_new ();
  g_autofree gint8 *pattern = g_malloc (PIXELS);
  g_autofree HePlane *was = g_new (HePlane, 1), *is = g_new (HePlane, 1);
  for (guint segment = 0; segment < 2; segment++) {
    he_pattern_build ((guint8[32]) { (guint8)segment }, pattern);
    for (guint i = 0; i < PIXELS; i++) {
      const guint x = i % WIDTH, y = i / WIDTH, grain = clip_hash (i, segment, 3) & 63;
      (*was)[i] = (float)(clip_octave (x, y, 4) + clip_octave (x, y, 3)) / 512
                  + (float)grain / 4096 + (float)pattern[i] / 16384;
    }
    he_slots_push (slots, (const HePlane *)was, 1, segment, segment + 1);
  }
  g_assert_cmpuint (he_slots_sum (slots, 0, 1, was), ==, 1);
  g_assert_cmpuint (he_slots_sum_segment (slots, whitener, 0, 1, is), ==, 1);
  for (guint i = 0; i < PIXELS; i++)
    g_assert_cmpfloat (fabs ((*is)[i] - (*was)[i]), <, 1e-5);
  g_assert_cmpuint (he_slots_sum_segment (slots, whitener, 1, 1, is), ==, 1);
  g_autoptr (HeDetector) detector = detector_of (is);
  const double z = he_detector_score (detector, (guint8[32]) { 1 });
  g_test_message ("z %.1f", z);
  g_assert_cmpfloat (z, >, 20);
}

/* Given a picture that stands still over four segments with marks of their own, when windows are made,
 * then each shows its mark by the frame's own view, and no foreign one. */
static void
test_still_picture_is_taken_from_windows (void)
{
  g_autoptr (HeSlots) slots = he_slots_new ();
  g_autoptr (HeWhitener) whitener = he_whitener_new ();
  g_autofree gint8 *pattern = g_malloc (PIXELS);
  g_autofree HePlane *plane = g_new (HePlane, 1);
  HeSyncWindow windows[HE_SYNC_MAX_WINDOWS];
  guint n;
  he_pattern_waves (&n);
  g_autofree HeComplex *waves = g_new (HeComplex, n);
  g_autofree gint16 *own = g_new (gint16, 2 * n), *foreign = g_new (gint16, 2 * n);
  for (guint slot = 0; slot < 16; slot++) {
    he_pattern_build ((guint8[32]) { (guint8)(slot / 4) }, pattern);
    for (guint i = 0; i < PIXELS; i++) {
      const guint x = i % WIDTH, y = i / WIDTH, grain = clip_hash (i, slot, 3) & 63;
      (*plane)[i] = (float)(clip_octave (x, y, 4) + clip_octave (x, y, 3)) / 512
                    + (float)grain / 4096 + (float)pattern[i] / 32768;
    }
    he_slots_push (slots, (const HePlane *)plane, 1, slot / 4.0, (slot + 1) / 4.0);
  }
  g_assert_cmpuint (he_slots_windows (slots, whitener, windows), ==, 8);
  he_pattern_coefficients ((guint8[32]) { 99 }, foreign);
  for (guint i = 0; i < 8; i++) {
    he_pattern_coefficients ((guint8[32]) { (guint8)(i / 2) }, own);
    g_assert_true (he_spectrum_read (windows[i].spectrum, &he_view_identity, HE_BAND_WHOLE, waves));
    const double z = he_waves_score (waves, own, n);
    g_test_message ("window %u: %.1f", i, z);
    g_assert_cmpfloat (z, >, 8);
    g_assert_cmpfloat (fabs (he_waves_score (waves, foreign, n)), <, 5.5);
    he_spectrum_free (windows[i].spectrum);
  }
}

/* ---- the whole ---- */

/* A copy that begins in the middle of a segment; flipped, with bars of so many lines, and a
 * dark foot of so many that was in the picture when it was marked. The clock of 1000..1040
 * is 30 segments ahead of the second channel's. */
static HeReader *
read_copy (HeSecret *mark_key, HeSecret *key, guint64 first_msn, guint segments,
           gboolean known, const char *const *channels, guint bar, guint foot)
{
  const guint width = 320, height = 180;
  const gboolean thorough = g_test_thorough ();
  const double ahead[] = { 0, 30 };
  g_autoptr (GError) error = NULL;
  HeReader *reader = he_reader_new (&(HeReaderSettings) { .key = key,
                                                          .channels = channels,
                                                          .duration90 = DURATION90,
                                                          .time_known = known,
                                                          .first = thorough ? 1000 : 1014,
                                                          .last = thorough ? 1040 : 1020,
                                                          .ahead = ahead },
                                    &error);
  g_assert_no_error (error);
  g_autofree guint8 *in = g_malloc (width * height), *out = g_malloc (width * height);
  const guint seen = height + 2 * bar;
  g_autofree guint8 *copy = g_malloc (width * seen);
  memset (copy, 16, width * seen);
  HeMark *mark = NULL;
  for (guint frame = 2; frame < segments * FRAMES; frame++) {
    const guint64 msn = first_msn + frame / FRAMES;
    if (mark_key && (!mark || frame % FRAMES == 0)) {
      guint8 seed[32];
      he_mark_seed (mark_key, "demo", msn, seed);
      he_mark_unref (mark);
      mark = he_mark_new (seed, width, height, &error);
      g_assert_no_error (error);
    }
    clip_fill (CLIP_SCENE, frame * 7, in, width, width, height);
    memset (in + (height - foot) * width, 16, foot * width);
    if (mark)
      he_mark_embed (mark, variant_of (msn), in, width, out, width);
    for (guint y = 0; y < height; y++)
      for (guint x = 0; x < width; x++)
        copy[(y + bar) * width + x] = (mark ? out : in)[y * width + width - 1 - x];
    const guint64 time = (known ? first_msn * 2 * SECOND : 0) + frame * 2 * SECOND / FRAMES;
    g_assert_true (he_reader_add (reader, copy, width, width, seen, time, &error));
    g_assert_no_error (error);
  }
  he_mark_unref (mark);
  he_reader_finish (reader);
  return reader;
}

static const char *const demo[] = { "demo", NULL };

/* So many segments of a copy; fewer say as much, unless asked to be thorough. */
static guint
some (guint segments)
{
  return g_test_thorough () ? segments : 5;
}

static void
check_readings (HeReader *reader, guint64 first_msn, guint segments)
{
  HeReading reading;
  guint n = 0;
  while (he_reader_take (reader, &reading)) {
    g_test_message ("%" G_GUINT64_FORMAT ": z %+.1f of %u frames", reading.msn, reading.z,
                    reading.frames);
    g_assert_true (reading.found);
    g_assert_cmpuint (reading.msn, >=, first_msn);
    g_assert_cmpuint (reading.msn, <, first_msn + segments);
    if (n++ > 1) { /* the first ones lost frames to the look for bars */
      g_assert_cmpfloat (fabs (reading.z), >, HE_DETECT_CLEAR);
      g_assert_cmpint (reading.z > 0 ? HE_VARIANT_B : HE_VARIANT_A, ==, variant_of (reading.msn));
    }
  }
  g_assert_cmpuint (n, >=, segments - 3);
}

static void
test_finds_time_and_channel (void)
{
  const char *const channels[] = { "other", "demo", NULL };
  g_autoptr (HeSecret) key = new_key (9);
  g_autoptr (HeReader) reader = read_copy (key, key, 986, some (9), FALSE, channels, 20, 0);
  g_assert_cmpfloat (he_reader_sync (reader)->log_p, <, 2 * HE_SYNC_LOG_P);
  check_readings (reader, 986, some (9));
}

/* Given a picture with a dark foot of its own, when that is cut off as a bar, then the whole
 * frame is found all the same. */
static void
test_finds_a_picture_with_a_dark_foot (void)
{
  g_autoptr (HeSecret) key = new_key (9);
  g_autoptr (HeReader) reader = read_copy (key, key, 1016, some (7), FALSE, demo, 0, 30);
  g_assert_cmpfloat (he_reader_sync (reader)->view.m[4], >, 1.15);
  check_readings (reader, 1016, some (7));
}

static void
test_trusts_epoch_time (void)
{
  g_autoptr (HeSecret) key = new_key (9);
  g_autoptr (HeReader) reader = read_copy (key, key, 887700016, some (7), TRUE, demo, 20, 0);
  check_readings (reader, 887700016, some (7));
}

/* Three segments' unmarked frames. */
static void
feed_part (HeReader *reader, guint64 first_msn)
{
  const guint width = 320, height = 180;
  g_autofree guint8 *frame = g_malloc (width * height);
  for (guint i = 0; i < 3 * FRAMES; i++) {
    clip_fill (CLIP_SCENE, i * 7, frame, width, width, height);
    g_assert_true (he_reader_add (reader, frame, width, width, height,
                                  first_msn * 2 * SECOND + i * 2 * SECOND / FRAMES, NULL));
  }
}

/* When the times of a copy jump, far on and back again, then each part is read as a copy of
 * its own, and not what would lie between. */
static void
test_parts_of_a_copy_are_read (void)
{
  const guint64 parts[] = { 50, G_GUINT64_CONSTANT (4000000000), 20 };
  g_autoptr (HeSecret) key = new_key (9);
  g_autoptr (HeReader) reader = he_reader_new (
      &(HeReaderSettings) { .key = key, .channels = demo, .duration90 = DURATION90, .time_known = TRUE }, NULL);
  for (guint p = 0; p < G_N_ELEMENTS (parts); p++)
    feed_part (reader, parts[p]);
  he_reader_finish (reader);
  HeReading reading;
  for (guint p = 0; p < G_N_ELEMENTS (parts); p++)
    for (guint i = 0; i < 3; i++) {
      g_assert_true (he_reader_take (reader, &reading));
      g_assert_cmpuint (reading.msn, ==, parts[p] + i);
    }
  g_assert_false (he_reader_take (reader, &reading));
}

static void
test_finds_nothing_in_foreign_copies (void)
{
  HeReading reading;
  g_autoptr (HeSecret) key = new_key (9), other = new_key (10);
  g_autoptr (HeReader) foreign = read_copy (other, key, 1016, some (7), FALSE, demo, 20, 0);
  g_assert_cmpfloat (he_reader_sync (foreign)->log_p, >, HE_SYNC_LOG_P);
  g_assert_false (he_reader_take (foreign, &reading));
}

static void
test_refuses_settings (void)
{
  g_autoptr (HeSecret) key = new_key (9);
  g_autoptr (GError) error = NULL;
  HeReaderSettings settings
      = { .key = key, .channels = demo, .duration90 = DURATION90, .last = 1e9 };
  g_assert_null (he_reader_new (&settings, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/reader/view-moves-and-warps", test_view_moves_and_warps);
  g_test_add_func ("/reader/view-leads-back", test_view_leads_back);
  g_test_add_func ("/reader/sync-finds-a-view", test_sync_finds_a_view);
  g_test_add_func ("/reader/sync-finds-a-view-and-a-time", test_sync_finds_a_view_and_a_time);
  g_test_add_func ("/reader/search-can-be-ended", test_search_can_be_ended);
  g_test_add_func ("/reader/chance-is-bounded", test_chance_is_bounded);
  g_test_add_func ("/reader/border-is-cut", test_border_is_cut);
  g_test_add_func ("/reader/still-picture-is-foretold", test_still_picture_is_foretold);
  g_test_add_func ("/reader/moving-picture-is-foretold", test_moving_picture_is_foretold);
  g_test_add_func ("/reader/later-segments-are-not-asked", test_later_segments_are_not_asked);
  g_test_add_func ("/reader/still-picture-is-taken-from-windows",
                   test_still_picture_is_taken_from_windows);
  g_test_add_func ("/reader/finds-time-and-channel", test_finds_time_and_channel);
  g_test_add_func ("/reader/finds-a-picture-with-a-dark-foot",
                   test_finds_a_picture_with_a_dark_foot);
  g_test_add_func ("/reader/trusts-epoch-time", test_trusts_epoch_time);
  g_test_add_func ("/reader/parts-of-a-copy-are-read", test_parts_of_a_copy_are_read);
  g_test_add_func ("/reader/finds-nothing-in-foreign-copies",
                   test_finds_nothing_in_foreign_copies);
  g_test_add_func ("/reader/refuses-settings", test_refuses_settings);
  return g_test_run ();
}
