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
  return g_test_run ();
}
