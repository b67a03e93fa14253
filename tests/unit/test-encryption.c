/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-boundary.h"
#include "he-crypto.h"
#include "he-keys.h"
#include "he-segment-cipher.h"
#include "vectors.h"

#define SECOND G_GUINT64_CONSTANT (1000000000)
#define D90 180000
#define N G_GUINT64_CONSTANT (897624000) /* a segment of 2026 */

static guint64
at (guint64 msn)
{
  return msn * 2 * SECOND;
}

static void
assert_decrypts (GByteArray *sealed, const HeSecret *content, guint64 msn, guint rotation,
                 const char *plain)
{
  guint8 key[16], iv[16];
  g_autoptr (GBytes) opened = NULL;
  g_autoptr (GError) error = NULL;

  he_content_key (content, 1, "demo", "base", msn / rotation, key);
  he_content_iv (msn, iv);
  opened = he_aes128_cbc_decrypt (key, iv, sealed->data, sealed->len, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (opened, NULL), g_bytes_get_size (opened), plain,
                   strlen (plain));
}

static void
each_segment_is_one_padded_message (void)
{
  g_autoptr (HeSecret) content = counting_secret ();
  g_autoptr (HeSegmentCipher) cipher
      = he_segment_cipher_new (content, 1, "demo", "base", 3);

  for (guint64 msn = N; msn < N + 7; msn++) {
    g_autoptr (GByteArray) out = g_byte_array_new ();

    g_assert_false (he_segment_cipher_is_open (cipher));
    he_segment_cipher_begin (cipher, msn);
    g_assert_true (he_segment_cipher_is_open (cipher));
    he_segment_cipher_update (cipher, (const guint8 *)"0123456789", 10, out);
    g_assert_cmpuint (out->len, ==, 0);
    he_segment_cipher_update (cipher, (const guint8 *)"abcdefghij", 10, out);
    g_assert_cmpuint (out->len, ==, 16);
    he_segment_cipher_finish (cipher, out);
    g_assert_cmpuint (out->len, ==, 32);
    assert_decrypts (out, content, msn, 3, "0123456789abcdefghij");
  }
}

/* Whoever else holds the clear bytes keeps them as they are. */
static void
sealed_at_once_is_the_same (void)
{
  static const char *const plains[]
      = { "", "0123456789", "0123456789abcdef", "0123456789abcdefghij" };
  g_autoptr (HeSecret) content = counting_secret ();
  g_autoptr (HeSegmentCipher) cipher
      = he_segment_cipher_new (content, 1, "demo", "base", 3);

  for (guint i = 0; i < G_N_ELEMENTS (plains); i++)
    for (guint held = 0; held < 2; held++) {
      g_autoptr (GBytes) clear = g_bytes_new (plains[i], strlen (plains[i]));
      g_autoptr (GBytes) other = held ? g_bytes_ref (clear) : NULL;
      g_autoptr (GByteArray) out = g_bytes_unref_to_array (
          he_segment_cipher_seal (cipher, N + i, g_steal_pointer (&clear)));

      g_assert_cmpuint (out->len, ==, strlen (plains[i]) / 16 * 16 + 16);
      assert_decrypts (out, content, N + i, 3, plains[i]);
      if (held)
        g_assert_cmpmem (g_bytes_get_data (other, NULL), g_bytes_get_size (other),
                         plains[i], strlen (plains[i]));
    }
}

static void
an_empty_segment_is_a_block_of_padding (void)
{
  g_autoptr (HeSecret) content = counting_secret ();
  g_autoptr (HeSegmentCipher) cipher
      = he_segment_cipher_new (content, 1, "demo", "base", 1);
  g_autoptr (GByteArray) out = g_byte_array_new ();

  he_segment_cipher_begin (cipher, N);
  he_segment_cipher_finish (cipher, out);
  g_assert_cmpuint (out->len, ==, 16);
  assert_decrypts (out, content, N, 1, "");
}

static void
an_abandoned_segment_leaves_nothing_behind (void)
{
  g_autoptr (HeSecret) content = counting_secret ();
  g_autoptr (HeSegmentCipher) cipher
      = he_segment_cipher_new (content, 1, "demo", "base", 1);
  g_autoptr (GByteArray) out = g_byte_array_new ();

  he_segment_cipher_abandon (cipher);
  he_segment_cipher_begin (cipher, N);
  he_segment_cipher_update (cipher, (const guint8 *)"lost", 4, out);
  he_segment_cipher_abandon (cipher);
  he_segment_cipher_begin (cipher, N + 1);
  he_segment_cipher_update (cipher, (const guint8 *)"kept", 4, out);
  he_segment_cipher_finish (cipher, out);
  assert_decrypts (out, content, N + 1, 1, "kept");
}

static void
key_units_cut_where_there_are_some (void)
{
  HeBoundary b;

  he_boundary_init (&b, D90);
  g_assert_false (he_boundary_announce (&b, N, D90));
  g_assert_true (he_boundary_key_unit (&b, (guint32)N, at (N)));
  g_assert_cmpuint (b.msn, ==, N);
  g_assert_false (he_boundary_data (&b, at (N)));

  /* Two announcements, of video and audio, then the last old packets, then the key unit.
   */
  g_assert_false (he_boundary_announce (&b, N + 1, D90));
  g_assert_false (he_boundary_announce (&b, N + 1, D90));
  g_assert_false (he_boundary_data (&b, at (N + 1) - 1));
  g_assert_cmpuint (b.msn, ==, N);
  g_assert_true (he_boundary_key_unit (&b, (guint32)(N + 1), at (N + 1)));
  g_assert_cmpuint (b.msn, ==, N + 1);
  g_assert_false (he_boundary_announce (&b, N + 1, D90));
}

static void
announcements_cut_where_no_key_units_are (void)
{
  HeBoundary b;

  he_boundary_init (&b, D90);
  g_assert_false (he_boundary_announce (&b, N, D90));
  g_assert_true (he_boundary_data (&b, at (N) + 5));
  g_assert_cmpuint (b.msn, ==, N);
  g_assert_true (he_boundary_announce (&b, N + 1, D90));
  g_assert_cmpuint (b.msn, ==, N + 1);
  g_assert_false (he_boundary_announce (&b, N + 1, D90));
  g_assert_true (he_boundary_announce (&b, N + 5, D90));
  g_assert_cmpuint (b.msn, ==, N + 5);
}

static void
announcements_take_over_when_key_units_stop (void)
{
  HeBoundary b;

  he_boundary_init (&b, D90);
  g_assert_true (he_boundary_key_unit (&b, (guint32)N, at (N)));
  g_assert_false (he_boundary_announce (&b, N + 1, D90));
  g_assert_true (he_boundary_announce (&b, N + 2, D90));
  g_assert_cmpuint (b.msn, ==, N + 2);
  g_assert_true (he_boundary_announce (&b, N + 3, D90));
  /* and give way when key units come back */
  g_assert_true (he_boundary_key_unit (&b, (guint32)(N + 4), at (N + 4)));
  g_assert_false (he_boundary_announce (&b, N + 5, D90));
}

static void
numbers_never_repeat_or_go_back (void)
{
  HeBoundary b;

  he_boundary_init (&b, D90);
  g_assert_true (he_boundary_key_unit (&b, 0, at (N)));
  g_assert_false (he_boundary_key_unit (&b, 1, at (N) + SECOND));
  g_assert_false (he_boundary_key_unit (&b, 2, at (N - 1)));
  g_assert_false (he_boundary_announce (&b, N - 1, D90));
  g_assert_cmpuint (b.msn, ==, N);
  g_assert_true (he_boundary_key_unit (&b, 3, at (N + 1)));
  g_assert_cmpuint (b.msn, ==, N + 1);
}

static void
a_rounded_boundary_is_still_the_boundary (void)
{
  HeBoundary b;

  /* 29.97 fps: n * 180180 ticks is no whole number of nanoseconds; times are rounded
   * down. */
  for (guint64 msn = 896000000; msn < 896000100; msn++) {
    he_boundary_init (&b, 180180);
    g_assert_true (he_boundary_key_unit (
        &b, 7, (guint64)((unsigned __int128)msn * 180180 * 100000 / 9)));
    g_assert_cmpuint (b.msn, ==, msn);
  }
}

static void
an_announced_number_outweighs_time (void)
{
  HeBoundary b;
  const guint64 high = (G_GUINT64_CONSTANT (5) << 32) + 9;

  he_boundary_init (&b, D90);
  he_boundary_announce (&b, high, 90000);
  g_assert_true (he_boundary_key_unit (&b, 9, at (3)));
  g_assert_cmpuint (b.msn, ==, high);
  g_assert_cmpuint (b.duration90, ==, 90000);
}

static void
without_times_the_count_continues_across_its_wrap (void)
{
  HeBoundary b;

  he_boundary_init (&b, D90);
  g_assert_true (he_boundary_key_unit (&b, G_MAXUINT32, HE_BOUNDARY_NO_TIME));
  g_assert_cmpuint (b.msn, ==, G_MAXUINT32);
  g_assert_true (he_boundary_key_unit (&b, 0, HE_BOUNDARY_NO_TIME));
  g_assert_cmpuint (b.msn, ==, G_GUINT64_CONSTANT (1) << 32);
  g_assert_false (he_boundary_key_unit (&b, G_MAXUINT32, HE_BOUNDARY_NO_TIME));
}

static void
data_without_any_time_begins_nothing (void)
{
  HeBoundary b;

  he_boundary_init (&b, D90);
  g_assert_false (he_boundary_data (&b, HE_BOUNDARY_NO_TIME));
  g_assert_false (b.open);
  g_assert_true (he_boundary_data (&b, at (N) + SECOND));
  g_assert_cmpuint (b.msn, ==, N);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/segment-cipher/each-segment-is-one-padded-message",
                   each_segment_is_one_padded_message);
  g_test_add_func ("/segment-cipher/sealed-at-once-is-the-same",
                   sealed_at_once_is_the_same);
  g_test_add_func ("/segment-cipher/an-empty-segment-is-a-block-of-padding",
                   an_empty_segment_is_a_block_of_padding);
  g_test_add_func ("/segment-cipher/an-abandoned-segment-leaves-nothing-behind",
                   an_abandoned_segment_leaves_nothing_behind);
  g_test_add_func ("/boundary/key-units-cut-where-there-are-some",
                   key_units_cut_where_there_are_some);
  g_test_add_func ("/boundary/announcements-cut-where-no-key-units-are",
                   announcements_cut_where_no_key_units_are);
  g_test_add_func ("/boundary/announcements-take-over-when-key-units-stop",
                   announcements_take_over_when_key_units_stop);
  g_test_add_func ("/boundary/numbers-never-repeat-or-go-back",
                   numbers_never_repeat_or_go_back);
  g_test_add_func ("/boundary/a-rounded-one-is-still-the-boundary",
                   a_rounded_boundary_is_still_the_boundary);
  g_test_add_func ("/boundary/an-announced-number-outweighs-time",
                   an_announced_number_outweighs_time);
  g_test_add_func ("/boundary/without-times-the-count-continues-across-its-wrap",
                   without_times_the_count_continues_across_its_wrap);
  g_test_add_func ("/boundary/data-without-any-time-begins-nothing",
                   data_without_any_time_begins_nothing);
  return g_test_run ();
}
