/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-error.h"
#include "he-json.h"

#include <math.h>
#include <string.h>

#define MAX_BYTES 4096
#define MAX_DEPTH 8

static HeJson *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  HeJson *root = he_json_parse (text, -1, MAX_BYTES, MAX_DEPTH, &error);

  g_assert_no_error (error);
  g_assert_nonnull (root);
  return root;
}

static void
assert_refused (const char *text, gssize len, HeError code, const char *begins)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (he_json_parse (text, len, MAX_BYTES, MAX_DEPTH, &error));
  g_assert_error (error, HE_ERROR, (int)code);
  if (!g_str_has_prefix (error->message, begins))
    g_error ("\"%s\" gave \"%s\", not \"%s…\"", text, error->message, begins);
}

static void
every_type_is_read (void)
{
  g_autoptr (HeJson) root
      = parse (" {\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"d\":2.5e1,"
               "\"s\":\"x\",\"a\":[1,[]],\"o\":{}}\r\n\t");
  const HeJson *array = he_json_member (root, "a");

  g_assert_cmpint (he_json_type (root), ==, HE_JSON_OBJECT);
  g_assert_cmpuint (he_json_length (root), ==, 8);
  g_assert_cmpint (he_json_type (he_json_member (root, "n")), ==, HE_JSON_NULL);
  g_assert_true (he_json_boolean (he_json_member (root, "t")));
  g_assert_false (he_json_boolean (he_json_member (root, "f")));
  g_assert_cmpint (he_json_integer (he_json_member (root, "i")), ==, -12);
  g_assert_cmpfloat (he_json_number (he_json_member (root, "i")), ==, -12.0);
  g_assert_cmpint (he_json_type (he_json_member (root, "d")), ==, HE_JSON_NUMBER);
  g_assert_cmpfloat (he_json_number (he_json_member (root, "d")), ==, 25.0);
  g_assert_cmpstr (he_json_string (he_json_member (root, "s")), ==, "x");
  g_assert_cmpuint (he_json_length (array), ==, 2);
  g_assert_cmpint (he_json_integer (he_json_element (array, 0)), ==, 1);
  g_assert_cmpuint (he_json_length (he_json_element (array, 1)), ==, 0);
  g_assert_null (he_json_member (he_json_member (root, "o"), "x"));
  g_assert_null (he_json_member (root, "missing"));
  g_assert_cmpstr (he_json_member_name (root, 3), ==, "i");
}

static void
a_document_may_be_a_scalar (void)
{
  g_autoptr (HeJson) number = parse ("7");
  g_autoptr (HeJson) string = parse ("\"\"");

  g_assert_cmpint (he_json_integer (number), ==, 7);
  g_assert_cmpstr (he_json_string (string), ==, "");
}

static void
strings_are_decoded (void)
{
  g_autoptr (HeJson) root = parse (
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9\\u20AC\\ud83d\\ude00 \xc3\xa9\x7f\"");

  g_assert_cmpstr (he_json_string (root), ==,
                   "\"\\/\b\f\n\r\t \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa9\x7f");
}

static void
what_others_let_through_is_refused (void)
{
  static const struct {
    const char *text, *begins;
  } cases[] = {
    { "", "1:1: the text ends" },
    { " \n ", "2:2: the text ends" },
    { "{\"a\":1,\"a\":2}", "1:12 $.a: stands a second time" },
    { "{\"b\":1,\n\"a\":2,\"c\":0,\"a\":3}",
      "2:17 $.a: stands a second time; the first is at 2:5" },
    { "{\"\\u0061\":1,\"a\":2}", "1:17 $.a: stands" },
    { "1 2", "1:3: unexpected '2'; expected the end" },
    { "{}{}", "1:3: unexpected" },
    { "{} // x", "1:4: unexpected" },
    { "/* x */ {}", "1:1: unexpected" },
    { "[1,]", "1:4: unexpected ']'" },
    { "{\"a\":1,}", "1:8: unexpected '}'" },
    { "[,1]", "1:2: unexpected" },
    { "[1 2]", "1:4: unexpected '2'; expected ',' or ']'" },
    { "[1", "1:3: the text ends" },
    { "[1}", "1:3: unexpected '}'" },
    { "{\"a\"}", "1:5: unexpected '}'; expected ':'" },
    { "{'a':1}", "1:2: unexpected '''" },
    { "{a:1}", "1:2: unexpected" },
    { "{1:1}", "1:2: unexpected" },
    { "var x = 1", "1:1: unexpected" },
    { "'a'", "1:1: unexpected" },
    { "01", "1:2: a number has a leading zero" },
    { "-01", "1:3: a number has a leading zero" },
    { "0x10", "1:2: unexpected 'x'" },
    { "+1", "1:1: unexpected" },
    { ".5", "1:1: unexpected" },
    { "5.", "1:3: the text ends; expected a digit" },
    { "1e", "1:3: the text ends; expected a digit" },
    { "1e+", "1:4: the text ends; expected a digit" },
    { "-", "1:2: the text ends; expected a digit" },
    { "NaN", "1:1: unexpected" },
    { "-Infinity", "1:2: unexpected" },
    { "1e999", "1:6: a number is too large" },
    { "True", "1:1: unexpected" },
    { "tru", "1:1: unexpected" },
    { "truex", "1:5: unexpected 'x'" },
    { "\"abc", "1:5: the text ends" },
    { "\"a\\", "1:4: the text ends" },
    { "\"a\nb\"", "1:3: unexpected byte 0x0a" },
    { "\"a\tb\"", "1:3: unexpected byte 0x09" },
    { "\"\\x41\"", "1:3: unexpected 'x'" },
    { "\"\\'\"", "1:3: unexpected" },
    { "\"\\u12g4\"", "1:6: unexpected 'g'" },
    { "\"\\ud800\"", "1:8: high surrogate" },
    { "\"\\ud800\\n\"", "1:9: high surrogate" },
    { "\"\\ud800\\u0041\"", "1:14: high surrogate" },
    { "\"\\udc00\"", "1:8: low surrogate" },
    { "\"\xff\"", "1:2: byte 0xff is not UTF-8" },
    { "\n\"\xc0\xaf\"", "2:2: byte 0xc0 is not UTF-8" },
    { "\"\xed\xa0\x80\"", "1:2: byte 0xed is not UTF-8" },
    { "\xef\xbb\xbf{}", "1:1: unexpected byte 0xef" },
    { "\f{}", "1:1: unexpected byte 0x0c" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_refused (cases[i].text, -1, HE_ERROR_INVALID, cases[i].begins);
}

static void
a_nul_byte_is_no_end (void)
{
  assert_refused ("{}\0{}", 5, HE_ERROR_INVALID, "1:3: byte 0x00");
  assert_refused ("\"a\0b\"", 5, HE_ERROR_INVALID, "1:3: byte 0x00");
}

static void
bytes_past_the_length_are_not_read (void)
{
  g_autoptr (HeJson) root = he_json_parse ("12345", 2, MAX_BYTES, MAX_DEPTH, NULL);

  g_assert_nonnull (root);
  g_assert_cmpint (he_json_integer (root), ==, 12);
  assert_refused ("true", 3, HE_ERROR_INVALID, "1:1: unexpected");
  assert_refused ("\"a\"", 2, HE_ERROR_INVALID, "1:3: the text ends");
}

static void
size_and_depth_are_bounded (void)
{
  g_autofree char *long_text = g_strnfill (MAX_BYTES, ' ');
  g_autofree char *deep = g_strnfill (2000, '[');
  g_autoptr (HeJson) root = parse ("[[[[[[[[1]]]]]]]]");

  g_assert_nonnull (root);
  g_clear_pointer (&root, he_json_free);
  root = parse ("[[],[],{},[],[],{},[],[],[],[]]"); /* many, but not deep */
  assert_refused ("[[[[[[[[[1]]]]]]]]]", -1, HE_ERROR_LIMIT, "1:9: nested deeper than 8");
  assert_refused ("[[[[[[[[{}]]]]]]]]", -1, HE_ERROR_LIMIT, "1:9: nested deeper");
  assert_refused (deep, -1, HE_ERROR_LIMIT, "1:9: nested deeper");
  long_text[0] = '7';
  g_clear_pointer (&root, he_json_free);
  root = parse (long_text);
  g_assert_nonnull (root);
  assert_refused (long_text, MAX_BYTES + 1, HE_ERROR_LIMIT, "1:1: the text is longer");
}

static void
integers_keep_all_bits (void)
{
  g_autoptr (HeJson) root = parse ("[9223372036854775807,-9223372036854775808,-0,0,1e2]");

  g_assert_cmpint (he_json_integer (he_json_element (root, 0)), ==, G_MAXINT64);
  g_assert_cmpint (he_json_integer (he_json_element (root, 1)), ==, G_MININT64);
  g_assert_cmpint (he_json_integer (he_json_element (root, 2)), ==, 0);
  g_assert_cmpint (he_json_integer (he_json_element (root, 3)), ==, 0);
  g_assert_cmpint (he_json_type (he_json_element (root, 4)), ==, HE_JSON_NUMBER);
}

/* JSONTestSuite i_number_too_big_pos_int and its like: legal, and no integer of ours. */
static void
an_integer_of_more_bits_is_a_number (void)
{
  g_autoptr (HeJson) root = parse ("[9223372036854775808,-9223372036854775809]");
  g_autofree char *long_text = g_strnfill (400, '9');

  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (he_json_type (he_json_element (root, i)), ==, HE_JSON_NUMBER);
  g_assert_cmpfloat (he_json_number (he_json_element (root, 0)), ==, 9223372036854775808.);
  assert_refused (long_text, -1, HE_ERROR_INVALID, "1:401: a number is too large");
}

/* JSONTestSuite y_string_null_escape and y_object_escaped_null_in_key: legal, but neither
 * a string that ends there nor the same name as one that does. */
static void
an_escaped_nul_is_no_end_of_a_string (void)
{
  g_autoptr (HeJson) root
      = parse ("{\"kid\":1,\"kid\\u0000x\":\"a\\u0000b\",\"kid\\u0000\":2}");
  HeJsonWriter *writer = he_json_writer_new ();
  g_autoptr (GError) error = NULL;
  const char *string = NULL;

  g_assert_cmpint (he_json_integer (he_json_member (root, "kid")), ==, 1);
  g_assert_cmpint (he_json_type (he_json_element (root, 1)), ==, HE_JSON_NUL_STRING);
  g_assert_false (he_json_get_string (root, he_json_member_name (root, 1), TRUE, &string,
                                      &error));
  g_assert_cmpstr (error->message, ==,
                   "1:23 $[\"kid\\u0000x\"]: must be a string, not a string with U+0000");
  he_json_writer_node (writer, NULL, root);
  g_autofree char *text = he_json_writer_end (writer);
  g_assert_cmpstr (
      text, ==, "{\"kid\":1,\"kid\\u0000x\":\"a\\u0000b\",\"kid\\u0000\":2}");
  assert_refused ("{\"\\u0000\":1,\"\\u0000\":2}", -1, HE_ERROR_INVALID,
                  "1:22 $[\"\\u0000\"]: stands a second time");
}

static void
nodes_know_where_they_stood (void)
{
  g_autoptr (HeJson) root = parse ("{\n  \"channels\": [\n    {\"video\": [1, "
                                   "{\"width\": 640}], \"a b\": [0]}\n  ]\n}");
  const HeJson *channel = he_json_element (he_json_member (root, "channels"), 0);
  const HeJson *width
      = he_json_member (he_json_element (he_json_member (channel, "video"), 1), "width");
  g_autofree char *path = he_json_path (width);
  g_autofree char *odd
      = he_json_path (he_json_element (he_json_member (channel, "a b"), 0));
  g_autofree char *top = he_json_path (root);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (path, ==, "$.channels[0].video[1].width");
  g_assert_cmpstr (odd, ==, "$.channels[0][\"a b\"][0]");
  g_assert_cmpstr (top, ==, "$");
  g_assert_cmpuint (he_json_line (width), ==, 3);
  g_assert_cmpuint (he_json_column (width), ==, 29);
  g_assert_false (he_json_set_error (&error, width, "%d is odd", 641));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "3:29 $.channels[0].video[1].width: 641 is odd");
}

static void
errors_pass_no_control_characters_on (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (he_json_parse ("{\"a\\u001b\\n\":1,\"a\\u001b\\n\":2}", -1, MAX_BYTES,
                                MAX_DEPTH, &error));
  for (const char *p = error->message; *p != '\0'; p++)
    g_assert_false (g_ascii_iscntrl (*p));
}

static void
many_members_are_found_and_kept_in_order (void)
{
  g_autoptr (GString) text = g_string_new ("{");
  g_autoptr (HeJson) root = NULL;

  for (guint i = 0; i < 200; i++)
    g_string_append_printf (text, "%s\"m%u\":%u", i > 0 ? "," : "", i * 37 % 200, i);
  g_string_append_c (text, '}');
  root = parse (text->str);
  for (guint i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf ("m%u", i * 37 % 200);

    g_assert_cmpint (he_json_integer (he_json_member (root, name)), ==, i);
    g_assert_cmpstr (he_json_member_name (root, i), ==, name);
  }
}

static void
typed_lookups_check_presence_type_and_range (void)
{
  g_autoptr (HeJson) root = parse ("{\"s\":\"x\",\"u\":5,\"n\":-1,\"b\":true,\"d\":1.0}");
  const char *string = "before";
  guint64 number = 42;
  gboolean boolean = FALSE;
  GError *error = NULL;

  g_assert_true (he_json_get_string (root, "gone", FALSE, &string, &error));
  g_assert_true (he_json_get_uint64 (root, "gone", FALSE, 9, &number, &error));
  g_assert_true (he_json_get_boolean (root, "gone", FALSE, &boolean, &error));
  g_assert_cmpstr (string, ==, "before");
  g_assert_cmpuint (number, ==, 42);
  g_assert_false (boolean);

  g_assert_false (he_json_get_string (root, "gone", TRUE, &string, &error));
  g_assert_cmpstr (error->message, ==, "1:1 $: has no member \"gone\"");
  g_clear_error (&error);
  g_assert_false (he_json_get_string (root, "u", FALSE, &string, &error));
  g_assert_cmpstr (error->message, ==, "1:14 $.u: must be a string, not an integer");
  g_clear_error (&error);
  g_assert_false (he_json_get_uint64 (root, "n", TRUE, 9, &number, &error));
  g_assert_cmpstr (error->message, ==, "1:20 $.n: -1 is not within 0 and 9");
  g_clear_error (&error);
  g_assert_false (he_json_get_uint64 (root, "n", TRUE, G_MAXUINT64, &number, &error));
  g_clear_error (&error);
  g_assert_false (he_json_get_uint64 (root, "u", TRUE, 4, &number, &error));
  g_clear_error (&error);
  g_assert_false (he_json_get_uint64 (root, "d", TRUE, 4, &number, &error));
  g_clear_error (&error);
  g_assert_false (he_json_get_uint64 (root, "b", TRUE, 4, &number, &error));
  g_clear_error (&error);
  g_assert_false (he_json_get_boolean (root, "u", TRUE, &boolean, &error));
  g_clear_error (&error);
  g_assert_false (
      he_json_get_boolean (he_json_member (root, "u"), "x", FALSE, &boolean, &error));
  g_clear_error (&error);
  g_assert_cmpuint (number, ==, 42);

  g_assert_true (he_json_get_string (root, "s", TRUE, &string, &error));
  g_assert_true (he_json_get_uint64 (root, "u", TRUE, 5, &number, &error));
  g_assert_true (he_json_get_boolean (root, "b", TRUE, &boolean, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (string, ==, "x");
  g_assert_cmpuint (number, ==, 5);
  g_assert_true (boolean);
}

static void
writer_places_commas_and_closes_what_is_open (void)
{
  HeJsonWriter *writer = he_json_writer_new ();
  g_autofree char *text = NULL;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "s", "a\"b\\c\n\x1f");
  he_json_writer_open_array (writer, "list");
  he_json_writer_uint64 (writer, NULL, G_MAXUINT64);
  he_json_writer_int64 (writer, NULL, G_MININT64);
  he_json_writer_open_object (writer, NULL);
  he_json_writer_close (writer);
  he_json_writer_close (writer);
  he_json_writer_boolean (writer, "b", FALSE);
  he_json_writer_number (writer, "n", 1.1);
  he_json_writer_number (writer, "third", 1.0 / 3);
  he_json_writer_string (writer, "none", NULL);
  he_json_writer_open_object (writer, "o");
  he_json_writer_open_array (writer, "deep");
  text = he_json_writer_end (writer);
  g_assert_cmpstr (
      text, ==,
      "{\"s\":\"a\\\"b\\\\c\\u000a\\u001f\",\"list\":[18446744073709551615,"
      "-9223372036854775808,{}],\"b\":false,\"n\":1.1,\"third\":0.3333333333333333,\"none\":null,\"o\":{\"deep\":[]}}");
}

static void
what_the_writer_writes_the_reader_reads (void)
{
  HeJsonWriter *writer = he_json_writer_new ();
  g_autofree char *text = NULL;
  g_autoptr (HeJson) root = NULL;
  char every[127];

  for (guint i = 0; i < 126; i++)
    every[i] = (char)(i + 1);
  every[126] = '\0';
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, every, every);
  he_json_writer_string (writer, "bad", "x\xff\xfey");
  text = he_json_writer_end (writer);
  root = parse (text);
  g_assert_cmpstr (he_json_string (he_json_member (root, every)), ==, every);
  g_assert_cmpstr (he_json_string (he_json_member (root, "bad")), ==,
                   "x\xef\xbf\xbd\xef\xbf\xbdy");
}

static void
an_unfinished_writer_can_be_freed (void)
{
  HeJsonWriter *writer = he_json_writer_new ();

  he_json_writer_open_object (writer, NULL);
  he_json_writer_free (writer);
  he_json_writer_free (NULL);
  he_json_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/reader/every-type-is-read", every_type_is_read);
  g_test_add_func ("/json/reader/a-document-may-be-a-scalar", a_document_may_be_a_scalar);
  g_test_add_func ("/json/reader/strings-are-decoded", strings_are_decoded);
  g_test_add_func ("/json/reader/what-others-let-through-is-refused",
                   what_others_let_through_is_refused);
  g_test_add_func ("/json/reader/a-nul-byte-is-no-end", a_nul_byte_is_no_end);
  g_test_add_func ("/json/reader/bytes-past-the-length-are-not-read",
                   bytes_past_the_length_are_not_read);
  g_test_add_func ("/json/reader/size-and-depth-are-bounded", size_and_depth_are_bounded);
  g_test_add_func ("/json/reader/integers-keep-all-bits", integers_keep_all_bits);
  g_test_add_func ("/json/reader/an-integer-of-more-bits-is-a-number",
                   an_integer_of_more_bits_is_a_number);
  g_test_add_func ("/json/reader/an-escaped-nul-is-no-end-of-a-string",
                   an_escaped_nul_is_no_end_of_a_string);
  g_test_add_func ("/json/node/knows-where-it-stood", nodes_know_where_they_stood);
  g_test_add_func ("/json/node/errors-pass-no-control-characters-on",
                   errors_pass_no_control_characters_on);
  g_test_add_func ("/json/node/many-members-are-found-and-kept-in-order",
                   many_members_are_found_and_kept_in_order);
  g_test_add_func ("/json/node/typed-lookups-check-presence-type-and-range",
                   typed_lookups_check_presence_type_and_range);
  g_test_add_func ("/json/writer/places-commas-and-closes-what-is-open",
                   writer_places_commas_and_closes_what_is_open);
  g_test_add_func ("/json/writer/what-it-writes-the-reader-reads",
                   what_the_writer_writes_the_reader_reads);
  g_test_add_func ("/json/writer/an-unfinished-one-can-be-freed",
                   an_unfinished_writer_can_be_freed);
  return g_test_run ();
}
