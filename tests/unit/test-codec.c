/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-codec.h"

#include <string.h>

static void
base64url_knows_rfc4648 (void)
{
  static const struct {
    const char *plain, *coded;
  } cases[] = { { "", "" },
                { "f", "Zg" },
                { "fo", "Zm8" },
                { "foo", "Zm9v" },
                { "foob", "Zm9vYg" },
                { "fooba", "Zm9vYmE" },
                { "foobar", "Zm9vYmFy" },
                { "\xfb\xff\xbf", "-_-_" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gsize plain_len = strlen (cases[i].plain), len = 99;
    g_autofree char *coded
        = he_base64url_encode ((const guint8 *)cases[i].plain, plain_len);
    guint8 out[8];

    g_assert_cmpstr (coded, ==, cases[i].coded);
    g_assert_true (he_base64url_decode (coded, strlen (coded), out, sizeof out, &len));
    g_assert_cmpmem (out, len, cases[i].plain, plain_len);
  }
}

static void
base64url_refuses_other_spellings (void)
{
  static const char *const bad[] = { "Zg==", "Zg=",  "Z",    "Zm9vY", "Zh",        "Zm9",
                                     "Z g",  "Zg\n", "+/+/", "Zm9v.", "Zm\xc3\xa9" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    guint8 out[8] = { 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa };
    gsize len = 77;

    g_assert_false (he_base64url_decode (bad[i], strlen (bad[i]), out, sizeof out, &len));
    g_assert_cmpuint (len, ==, 77);
    g_assert_cmpuint (out[0], ==, 0xaa);
  }
}

static void
base64url_stops_at_the_capacity (void)
{
  guint8 out[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
  gsize len = 77;

  g_assert_false (he_base64url_decode ("Zm9v", 4, out, 2, &len));
  g_assert_cmpuint (out[0], ==, 0xaa);
  g_assert_true (he_base64url_decode ("Zm9v", 4, out, 3, &len));
  g_assert_cmpuint (len, ==, 3);
  g_assert_cmpuint (out[3], ==, 0xaa);
}

static void
base64url_returns_every_byte_value (void)
{
  guint8 data[256], out[256];

  for (guint i = 0; i < sizeof data; i++)
    data[i] = (guint8)(i * 167 + 13);
  for (gsize n = 0; n <= sizeof data; n++) {
    g_autofree char *text = he_base64url_encode (data, n);
    gsize len = 0;

    g_assert_true (he_base64url_decode (text, strlen (text), out, n, &len));
    g_assert_cmpmem (out, len, data, n);
  }
}

static void
hex_takes_exactly_the_length (void)
{
  guint8 out[3] = { 0xaa, 0xaa, 0xaa };
  g_autofree char *text = NULL;

  g_assert_false (he_hex_decode ("00ff", 4, out, 3));
  g_assert_false (he_hex_decode ("00ff1", 5, out, 2));
  g_assert_false (he_hex_decode ("00fg", 4, out, 2));
  g_assert_false (he_hex_decode ("0x0f", 4, out, 2));
  g_assert_cmpuint (out[0], ==, 0xaa);
  g_assert_true (he_hex_decode ("0aFf", 4, out, 2));
  g_assert_cmpuint (out[0], ==, 0x0a);
  g_assert_cmpuint (out[1], ==, 0xff);
  g_assert_cmpuint (out[2], ==, 0xaa);
  text = he_hex_encode (out, 3);
  g_assert_cmpstr (text, ==, "0affaa");
}

static void
decimal_has_one_spelling (void)
{
  static const char *const bad[] = { "",
                                     "00",
                                     "01",
                                     "-1",
                                     "+1",
                                     " 1",
                                     "1 ",
                                     "0x1",
                                     "1.",
                                     "1e1",
                                     "18446744073709551616",
                                     "99999999999999999999999" };
  guint64 value = 5;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (he_uint64_decode (bad[i], strlen (bad[i]), G_MAXUINT64, &value));
  g_assert_false (he_uint64_decode ("101", 3, 100, &value));
  g_assert_cmpuint (value, ==, 5);
  g_assert_true (he_uint64_decode ("0", 1, 0, &value));
  g_assert_cmpuint (value, ==, 0);
  g_assert_true (he_uint64_decode ("18446744073709551615", 20, G_MAXUINT64, &value));
  g_assert_cmpuint (value, ==, G_MAXUINT64);
  g_assert_true (he_uint64_decode ("1234", 2, 100, &value));
  g_assert_cmpuint (value, ==, 12);
}

static void
decimal_round_trips (void)
{
  static const guint64 values[] = { 0, 9, 10, 1024, G_MAXINT64, G_MAXUINT64 };
  char text[HE_UINT64_DIGITS + 1];
  guint64 value;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    char *end = he_uint64_encode (values[i], text);

    g_assert_true (end == text + strlen (text));
    g_assert_true (he_uint64_decode (text, strlen (text), G_MAXUINT64, &value));
    g_assert_cmpuint (value, ==, values[i]);
  }
}

static void
names_cannot_leave_a_path_component (void)
{
  static const char *const bad[]
      = { "", ".", "..", "a/b", "-a", "_a", "a.b", "a b", "é", "a\n", "a%2f", "a\"" };
  g_autofree char *longest = g_strnfill (64, 'a');
  g_autofree char *too_long = g_strnfill (65, 'a');

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (he_name_is_valid (bad[i]));
  g_assert_false (he_name_is_valid (NULL));
  g_assert_false (he_name_is_valid (too_long));
  g_assert_true (he_name_is_valid (longest));
  g_assert_true (he_name_is_valid ("360p"));
  g_assert_true (he_name_is_valid ("News-24_hd"));
}

static void
big_endian_round_trips (void)
{
  guint8 bytes[8];

  he_write_be64 (bytes, G_GUINT64_CONSTANT (0x8123456789abcdef));
  g_assert_cmpuint (bytes[0], ==, 0x81);
  g_assert_cmpuint (bytes[7], ==, 0xef);
  g_assert_cmpuint (he_read_be64 (bytes), ==, G_GUINT64_CONSTANT (0x8123456789abcdef));
  g_assert_cmpuint (he_read_be32 (bytes), ==, 0x81234567);
  g_assert_cmpuint (he_read_be16 (bytes + 6), ==, 0xcdef);
}

/* The check value that catalogues give for CRC-32/MPEG-2. */
static void
crc_has_the_known_value (void)
{
  static const guint8 digits[]
      = { '1', '2', '3', '4', '5', '6', '7', '8', '9', 0x03, 0x76, 0xe6, 0xe7 };

  g_assert_cmphex (he_crc32_mpeg (digits, 9), ==, 0x0376e6e7);
  g_assert_cmphex (he_crc32_mpeg (digits, sizeof digits), ==, 0);
  g_assert_cmphex (he_crc32_mpeg (digits, 0), ==, 0xffffffff);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec/base64url/knows-rfc4648", base64url_knows_rfc4648);
  g_test_add_func ("/codec/base64url/refuses-other-spellings",
                   base64url_refuses_other_spellings);
  g_test_add_func ("/codec/base64url/stops-at-the-capacity",
                   base64url_stops_at_the_capacity);
  g_test_add_func ("/codec/base64url/returns-every-byte-value",
                   base64url_returns_every_byte_value);
  g_test_add_func ("/codec/hex/takes-exactly-the-length", hex_takes_exactly_the_length);
  g_test_add_func ("/codec/decimal/has-one-spelling", decimal_has_one_spelling);
  g_test_add_func ("/codec/decimal/round-trips", decimal_round_trips);
  g_test_add_func ("/codec/name/cannot-leave-a-path-component",
                   names_cannot_leave_a_path_component);
  g_test_add_func ("/codec/big-endian/round-trips", big_endian_round_trips);
  g_test_add_func ("/codec/crc/has-the-known-value", crc_has_the_known_value);
  return g_test_run ();
}
