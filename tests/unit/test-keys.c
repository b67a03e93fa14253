/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-keys.h"
#include "vectors.h"

/* The vectors below were computed by another implementation (Python's hmac): every node,
 * origin and edge must agree on them, so they change with a format and at no other time.
 */

static void
purposes_give_unrelated_keys (void)
{
  static const char *const expected[] = {
    [HE_PURPOSE_CONTENT]
    = "9b01123f585e4ba924b64c637e92955c99469df712c91fcd0367ac62c5a7f953",
    [HE_PURPOSE_MARK]
    = "af7941d7d46c1ebc4a067549ba939112546afd54beccd745b3dfa94cb95cd734",
    [HE_PURPOSE_CODEWORD]
    = "0387a999edce336bfeb9004c1b5694a61289f424f8e6d4b06449278537d70828",
    [HE_PURPOSE_CREDENTIAL]
    = "f82eb5355dd4700764e9849f96f2b47fee17321757b746d3bc825a4a10892702",
    [HE_PURPOSE_PUBLISH]
    = "128a2226017a27a10286629f305532d4427b2d590554f4f1dd42a22074d72cd4",
  };
  g_autoptr (HeSecret) master = counting_secret ();

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    g_autoptr (HeSecret) key = he_keys_derive (master, (HePurpose)i);

    assert_hex (he_secret_data (key), he_secret_len (key), expected[i]);
  }
}

static void
content_key_is_the_documented_one (void)
{
  g_autoptr (HeSecret) master = counting_secret ();
  g_autoptr (HeSecret) content = he_keys_derive (master, HE_PURPOSE_CONTENT);
  guint8 key[16];

  he_content_key (content, 1, "demo", "base", 29000000, key);
  assert_hex (key, sizeof key, "047c94d9f0bc79aa5dc430543c99f694");
}

static void
content_key_depends_on_everything (void)
{
  g_autoptr (HeSecret) content = counting_secret ();
  guint8 keys[6][16];

  he_content_key (content, 1, "demo", "base", 7, keys[0]);
  he_content_key (content, 2, "demo", "base", 7, keys[1]);
  he_content_key (content, 1, "dem", "base", 7, keys[2]);
  he_content_key (content, 1, "demo", "hd", 7, keys[3]);
  he_content_key (content, 1, "demo", "base", 8, keys[4]);
  he_content_key (content, 1, "demob", "ase", 7, keys[5]);
  for (guint i = 0; i < 6; i++)
    for (guint j = 0; j < i; j++)
      g_assert_cmpint (memcmp (keys[i], keys[j], 16), !=, 0);
}

static void
period_changes_every_rotation (void)
{
  g_assert_cmpuint (he_key_period (59, 30), ==, 1);
  g_assert_cmpuint (he_key_period (60, 30), ==, 2);
  g_assert_cmpuint (he_key_period (89, 30), ==, 2);
  g_assert_cmpuint (he_key_period (7, 1), ==, 7);
}

static void
iv_is_the_number_of_the_segment (void)
{
  guint8 iv[16];

  memset (iv, 0xaa, sizeof iv);
  he_content_iv (G_GUINT64_CONSTANT (0x0102030405060708), iv);
  assert_hex (iv, sizeof iv, "00000000000000000102030405060708");
}

static void
mark_seed_is_the_documented_one (void)
{
  g_autoptr (HeSecret) master = counting_secret ();
  g_autoptr (HeSecret) mark = he_keys_derive (master, HE_PURPOSE_MARK);
  guint8 seed[32], other[32];

  he_mark_seed (mark, "demo", 880000000, seed);
  assert_hex (seed, sizeof seed,
              "789d46f807782a3277ce4018e40860d8250ccf1732e9b57a63c32c5ec508aff0");
  he_mark_seed (mark, "demo", 880000001, other);
  g_assert_cmpint (memcmp (seed, other, 32), !=, 0);
}

/* The segments from 892500000 on in which variants differ. */
static void
marked_segments_are_the_documented_ones (void)
{
  static const struct {
    guint sparse, after[6];
  } rows[] = {
    { 2, { 1, 2, 4, 7, 9, 10 } },
    { 4, { 2, 4, 10, 15, 17, 21 } },
    { 8, { 7, 10, 21, 31, 39, 43 } },
  };
  const guint64 first = 892500000;
  g_autoptr (HeSecret) mark = counting_secret ();

  for (guint r = 0; r < G_N_ELEMENTS (rows); r++) {
    guint64 msn = first;

    for (guint i = 0; i < 6; i++, msn++) {
      msn = he_mark_next (mark, "demo", rows[r].sparse, msn);
      g_assert_cmpuint (msn, ==, first + rows[r].after[i]);
    }
  }
  for (guint64 msn = 0; msn < 10; msn++)
    g_assert_cmpuint (he_mark_next (mark, "demo", 1, msn), ==, msn);
}

/* Each run of so many segments has one, anywhere in it, and elsewhere on another channel.
 */
static void
one_segment_of_each_run_is_marked (void)
{
  g_autoptr (HeSecret) mark = counting_secret ();
  guint places[5] = { 0 }, same = 0;

  for (guint64 run = 0; run < 500; run++) {
    guint64 begin = run * 5, msn = he_mark_next (mark, "demo", 5, begin);

    g_assert_cmpuint (msn, >=, begin);
    g_assert_cmpuint (msn, <, begin + 5);
    g_assert_cmpuint (he_mark_next (mark, "demo", 5, msn + 1), >=, begin + 5);
    places[msn - begin]++;
    same += he_mark_next (mark, "other", 5, begin) == msn;
  }
  /* The keys are written here, so this falls out one way for ever. */
  for (guint i = 0; i < 5; i++)
    g_assert_cmpuint (places[i], >, 70);
  g_assert_cmpuint (same, <, 150);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keys/purposes-give-unrelated-keys", purposes_give_unrelated_keys);
  g_test_add_func ("/keys/content/is-the-documented-one",
                   content_key_is_the_documented_one);
  g_test_add_func ("/keys/content/depends-on-everything",
                   content_key_depends_on_everything);
  g_test_add_func ("/keys/content/period-changes-every-rotation",
                   period_changes_every_rotation);
  g_test_add_func ("/keys/content/iv-is-the-number-of-the-segment",
                   iv_is_the_number_of_the_segment);
  g_test_add_func ("/keys/mark/seed-is-the-documented-one",
                   mark_seed_is_the_documented_one);
  g_test_add_func ("/keys/sparse/marked-segments-are-the-documented-ones",
                   marked_segments_are_the_documented_ones);
  g_test_add_func ("/keys/sparse/one-segment-of-each-run-is-marked",
                   one_segment_of_each_run_is_marked);
  return g_test_run ();
}
