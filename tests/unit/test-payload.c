/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "he-detect.h"
#include "he-mark.h"
#include "he-payload.h"
#include "mark-clips.h"

#define PAYLOAD G_GUINT64_CONSTANT (0xfeedc0de12345678)
#define MSN 888000003 /* not the first of its round */

static double
gaussian (GRand *rand)
{
  return sqrt (-2 * log (1 - g_rand_double (rand)))
         * cos (2 * G_PI * g_rand_double (rand));
}

/* Soft symbols of a segment as a detector would give them: signal is what each has of the
 * mark, in deviations of its noise. */
static void
add_segment (HePayloadSums *sums, GRand *rand, guint64 payload, guint64 msn,
             double signal)
{
  gint8 symbols[HE_PAYLOAD_SYMBOLS];
  double soft[HE_PAYLOAD_SYMBOLS];
  he_payload_encode (payload, msn, symbols);
  for (guint i = 0; i < HE_PAYLOAD_SYMBOLS; i++)
    soft[i] = signal * symbols[i] + gaussian (rand);
  he_payload_add (sums, msn, soft);
}

static void
assert_reads (HePayloadSums *sums, guint64 payload)
{
  HePayloadReading reading = { 0 };
  g_assert_true (he_payload_decode (sums, &reading));
  g_assert_cmphex (reading.payload, ==, payload);
  g_assert_cmpfloat (reading.log10_p, <=, HE_PAYLOAD_LOG10_P);
  g_test_message ("z %.1f, log10 p %.1f", reading.z, reading.log10_p);
}

/* Given symbols of which one in five is wrong, when they are decoded, then every bit of
 * any payload is right. */
static void
test_reads_through_noise (void)
{
  static const guint64 payloads[] = { PAYLOAD, 0, G_MAXUINT64, 1 };
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  for (guint p = 0; p < G_N_ELEMENTS (payloads); p++) {
    HePayloadSums sums = { 0 };
    for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++)
      add_segment (&sums, rand, payloads[p], MSN + s, 0.85);
    assert_reads (&sums, payloads[p]);
  }
}

static void
test_reads_without_a_segment (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (8);
  for (guint lost = 0; lost < HE_PAYLOAD_SEGMENTS; lost++) {
    HePayloadSums sums = { 0 };
    for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++)
      if (s != lost)
        add_segment (&sums, rand, PAYLOAD, MSN + s, 1.1);
    assert_reads (&sums, PAYLOAD);
  }
}

/* Given a copy too bad for one round, when it runs on, then the rounds add up. */
static void
test_rounds_add_up (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);
  HePayloadSums sums = { 0 };
  HePayloadReading reading;
  for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++)
    add_segment (&sums, rand, PAYLOAD, MSN + s, 0.35);
  g_assert_false (he_payload_decode (&sums, &reading));
  for (guint s = HE_PAYLOAD_SEGMENTS; s < 8 * HE_PAYLOAD_SEGMENTS; s++)
    add_segment (&sums, rand, PAYLOAD, MSN + s, 0.35);
  assert_reads (&sums, PAYLOAD);
}

static void
test_nothing_is_read_from_noise (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (10);
  HePayloadReading reading;
  HePayloadSums sums = { 0 };
  g_assert_false (he_payload_decode (&sums, &reading));
  for (guint trial = 0; trial < 5; trial++) {
    sums = (HePayloadSums) { 0 };
    for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++)
      add_segment (&sums, rand, PAYLOAD, s, 0);
    g_assert_false (he_payload_decode (&sums, &reading));
  }
}

/* Given symbols that are just clear enough when they are looked at first, when they are
 * looked at again, then they are not: a copy is looked at as often as it is long. */
static void
test_each_look_is_paid_for (void)
{
  HePayloadSums sums = { 0 };
  HePayloadReading reading;
  for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++) {
    gint8 symbols[HE_PAYLOAD_SYMBOLS];
    double soft[HE_PAYLOAD_SYMBOLS];
    he_payload_encode (PAYLOAD, s, symbols);
    for (guint i = 0; i < HE_PAYLOAD_SYMBOLS; i++)
      soft[i] = 0.512 * symbols[i];
    he_payload_add (&sums, s, soft);
  }
  assert_reads (&sums, PAYLOAD);
  g_assert_false (he_payload_decode (&sums, &reading));
  g_assert_cmpuint (sums.looks, ==, 2);
}

/* Given pictures marked with a payload, when their segments are read, then the payload is
 * there under the right key, and nothing is under another. */
static void
test_reads_from_pictures (void)
{
  const guint w = 640, h = 360;
  HePayloadSums right = { 0 }, wrong = { 0 };
  HePayloadReading reading;
  g_autofree guint8 *in = g_malloc (w * h), *out = g_malloc (w * h);
  for (guint64 msn = MSN; msn < MSN + HE_PAYLOAD_SEGMENTS; msn++) {
    guint8 seed[32] = { 5, (guint8)msn }, other[32] = { 6, (guint8)msn };
    gint8 symbols[HE_PAYLOAD_SYMBOLS];
    double soft[HE_PAYLOAD_SYMBOLS];
    g_autoptr (HeDetector) detector = he_detector_new ();
    he_payload_encode (PAYLOAD, msn, symbols);
    g_autoptr (HeMark) mark = he_mark_new_signed (seed, symbols, w, h, NULL);
    for (guint frame = 0; frame < 2; frame++) {
      clip_fill (CLIP_SCENE, frame * 9, in, w, w, h);
      he_mark_embed (mark, HE_VARIANT_A, in, w, out, w);
      g_assert_true (he_detector_add (detector, out, w, w, h, NULL));
    }
    he_detector_symbols (detector, seed, soft);
    he_payload_add (&right, msn, soft);
    he_detector_symbols (detector, other, soft);
    he_payload_add (&wrong, msn, soft);
  }
  assert_reads (&right, PAYLOAD);
  g_assert_false (he_payload_decode (&wrong, &reading));
}

/* Both ends of the code have to stay what they are for as long as marks are read. */
static void
test_code_stays (void)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  for (guint64 msn = 0; msn < HE_PAYLOAD_SEGMENTS; msn++) {
    gint8 symbols[HE_PAYLOAD_SYMBOLS];
    he_payload_encode (PAYLOAD, msn, symbols);
    g_checksum_update (checksum, (const guchar *)symbols, sizeof symbols);
  }
  g_assert_cmpstr (g_checksum_get_string (checksum), ==,
                   "8be30ca761a75a075b8e29fc21004e253423f9539a6de3af5618969809746532");
}

/* Given segments of a copy that was repeated, and of one that went back in time, when they
 * are added, then each counts once. */
static void
test_each_segment_counts_once (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  HePayloadSums sums = { 0 };
  for (guint round = 0; round < 3; round++)
    for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++)
      add_segment (&sums, rand, PAYLOAD, MSN + s, 1);
  const HePayloadSums before = sums;
  add_segment (&sums, rand, PAYLOAD, MSN - 1, 1);
  g_assert_cmpmem (&sums, sizeof sums, &before, sizeof before);
  for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++)
    g_assert_cmpuint (sums.segments[s], ==, 1);
  add_segment (&sums, rand, PAYLOAD, MSN + HE_PAYLOAD_SEGMENTS, 1);
  g_assert_cmpuint (sums.segments[MSN % HE_PAYLOAD_SEGMENTS], ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/payload/reads-through-noise", test_reads_through_noise);
  g_test_add_func ("/payload/reads-without-a-segment", test_reads_without_a_segment);
  g_test_add_func ("/payload/rounds-add-up", test_rounds_add_up);
  g_test_add_func ("/payload/reads-nothing-from-noise", test_nothing_is_read_from_noise);
  g_test_add_func ("/payload/each-look-is-paid-for", test_each_look_is_paid_for);
  g_test_add_func ("/payload/reads-from-pictures", test_reads_from_pictures);
  g_test_add_func ("/payload/each-segment-counts-once", test_each_segment_counts_once);
  g_test_add_func ("/payload/code-stays", test_code_stays);
  return g_test_run ();
}
