/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include "he-error.h"
#include "he-symbols.h"

#define HEAD                                                                             \
  "{\"channel\":\"demo\",\"key-version\":2,\"segment-duration\":180000,\"more\":[]}"

static HeSymbols *
parse (const char *text, GError **error)
{
  g_autoptr (HeSymbolsReader) reader = he_symbols_reader_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", 0);

  for (char **line = lines; *line != NULL; line++)
    if (!he_symbols_reader_add (reader, *line, -1, error))
      return NULL;
  return he_symbols_reader_end (reader, error);
}

static void
are_read_and_sorted (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeSymbols) symbols
      = parse (HEAD "\r\n{\"msn\":12,\"z\":-3.5}\n\n{\"msn\":10,\"z\":7,\"scale\":1.5}\n"
                    "{\"msn\":11,\"z\":null}\n{\"msn\":13}\n{\"msn\":14,\"z\":1e300}",
               &error);

  g_assert_no_error (error);
  g_assert_cmpstr (symbols->channel, ==, "demo");
  g_assert_cmpuint (symbols->key_version, ==, 2);
  g_assert_cmpuint (symbols->duration90, ==, 180000);
  g_assert_cmpuint (symbols->symbols->len, ==, 5);
  for (guint i = 0; i < 5; i++)
    g_assert_cmpuint (g_array_index (symbols->symbols, HeSymbol, i).msn, ==, 10 + i);
  g_assert_cmpfloat (g_array_index (symbols->symbols, HeSymbol, 0).z, ==, 7);
  g_assert_true (isnan (g_array_index (symbols->symbols, HeSymbol, 1).z));
  g_assert_cmpfloat (g_array_index (symbols->symbols, HeSymbol, 2).z, ==, -3.5);
  g_assert_true (isnan (g_array_index (symbols->symbols, HeSymbol, 3).z));
  g_assert_cmpfloat (g_array_index (symbols->symbols, HeSymbol, 4).z, ==, 1000);
}

static void
wrong_ones_are_refused (void)
{
  static const struct {
    const char *text, *message;
  } cases[] = {
    { "", "there are no symbols" },
    { "nonsense", "line 1: 1:1: " },
    { "[]", "line 1: 1:1 $: expected an object" },
    { "{\"msn\":1,\"z\":2}", "\"channel\"" },
    { "{\"channel\":\"a/b\",\"key-version\":1,\"segment-duration\":180000}",
      "name of a channel" },
    { "{\"channel\":\"demo\",\"key-version\":1,\"segment-duration\":0}", "above 0" },
    { "{\"channel\":\"demo\",\"key-version\":1}", "segment-duration" },
    { HEAD "\n{\"z\":2}", "line 2: " },
    { HEAD "\n{\"msn\":-1,\"z\":2}", "msn" },
    { HEAD "\n{\"msn\":1,\"z\":\"b\"}", "expected a number, or null for an erasure" },
    { HEAD "\n{\"msn\":7,\"z\":2}\n{\"msn\":7,\"z\":2}", "segment 7 stands there twice" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (parse (cases[i].text, &error));
    g_assert_nonnull (error);
    if (strstr (error->message, cases[i].message) == NULL)
      g_error ("expected \"%s\" in \"%s\"", cases[i].message, error->message);
  }
}

/* Given as many symbols as can be scored, then one more is refused, before it would be
 * too many for the sums. */
static void
too_many_are_refused (void)
{
  g_autoptr (HeSymbolsReader) reader = he_symbols_reader_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (he_symbols_reader_add (reader, HEAD, -1, &error));
  for (guint i = 0; i <= HE_SYMBOLS_MAX; i++) {
    g_autofree char *line = g_strdup_printf ("{\"msn\":%u,\"z\":2}", i);

    g_assert_cmpint (he_symbols_reader_add (reader, line, -1, &error), ==,
                     i < HE_SYMBOLS_MAX);
  }
  g_assert_error (error, HE_ERROR, HE_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/symbols/are-read-and-sorted", are_read_and_sorted);
  g_test_add_func ("/symbols/wrong-ones-are-refused", wrong_ones_are_refused);
  g_test_add_func ("/symbols/too-many-are-refused", too_many_are_refused);
  return g_test_run ();
}
