/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-symbols.h"

#include <math.h>
#include <string.h>
#include "he-codec.h"
#include "he-error.h"
#include "he-json.h"

#define MAX_DURATION90 G_GUINT64_CONSTANT (2700000)
#define MAX_DEPTH 4
#define MAX_Z 1000.0 /* nothing is said more clearly than by this */

struct _HeSymbolsReader {
  HeSymbols *symbols; /* NULL until the head has come */
  guint line;
};

void
he_symbols_free (HeSymbols *symbols)
{
  if (symbols == NULL)
    return;
  g_free (symbols->channel);
  g_array_unref (symbols->symbols);
  g_free (symbols);
}

HeSymbolsReader *
he_symbols_reader_new (void)
{
  return g_new0 (HeSymbolsReader, 1);
}

void
he_symbols_reader_free (HeSymbolsReader *reader)
{
  if (reader == NULL)
    return;
  he_symbols_free (reader->symbols);
  g_free (reader);
}

static HeSymbols *
read_head (const HeJson *object, GError **error)
{
  const char *channel;
  guint64 key_version, duration90;

  if (!he_json_get_string (object, "channel", TRUE, &channel, error)
      || !he_json_get_uint64 (object, "key-version", TRUE, G_MAXUINT32, &key_version,
                              error)
      || !he_json_get_uint64 (object, "segment-duration", TRUE, MAX_DURATION90,
                              &duration90, error))
    return NULL;
  if (!he_name_is_valid (channel) || duration90 == 0) {
    he_json_set_error (error, object,
                       "expected the name of a channel, and a duration above 0");
    return NULL;
  }
  HeSymbols *symbols = g_new0 (HeSymbols, 1);
  symbols->channel = g_strdup (channel);
  symbols->key_version = (guint)key_version;
  symbols->duration90 = duration90;
  symbols->symbols = g_array_new (FALSE, FALSE, sizeof (HeSymbol));
  return symbols;
}

static gboolean
read_symbol (const HeJson *object, HeSymbol *ret_symbol, GError **error)
{
  const HeJson *z = he_json_member (object, "z");
  HeJsonType type = z != NULL ? he_json_type (z) : HE_JSON_NULL;

  if (!he_json_get_uint64 (object, "msn", TRUE, G_MAXINT64, &ret_symbol->msn, error))
    return FALSE;
  ret_symbol->z = NAN;
  if (type == HE_JSON_INTEGER || type == HE_JSON_NUMBER)
    ret_symbol->z = CLAMP (he_json_number (z), -MAX_Z, MAX_Z);
  else if (type != HE_JSON_NULL)
    return he_json_set_error (error, z, "expected a number, or null for an erasure");
  return TRUE;
}

static gboolean
add_line (HeSymbolsReader *reader, const char *line, gssize len, GError **error)
{
  g_autoptr (HeJson) root
      = he_json_parse (line, len, HE_SYMBOLS_LINE_MAX, MAX_DEPTH, error);
  HeSymbol symbol;

  if (root == NULL)
    return FALSE;
  if (he_json_type (root) != HE_JSON_OBJECT)
    return he_json_set_error (error, root, "expected an object");
  if (reader->symbols == NULL) {
    reader->symbols = read_head (root, error);
    return reader->symbols != NULL;
  }
  if (!read_symbol (root, &symbol, error))
    return FALSE;
  if (reader->symbols->symbols->len >= HE_SYMBOLS_MAX) {
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                 "more than %d symbols; a part of the copy is enough", HE_SYMBOLS_MAX);
    return FALSE;
  }
  g_array_append_val (reader->symbols->symbols, symbol);
  return TRUE;
}

gboolean
he_symbols_reader_add (HeSymbolsReader *reader, const char *line, gssize len,
                       GError **error)
{
  gsize length = len < 0 ? strlen (line) : (gsize)len;

  reader->line++;
  while (length > 0 && g_ascii_isspace (line[length - 1]))
    length--;
  if (length == 0 || add_line (reader, line, (gssize)length, error))
    return TRUE;
  g_prefix_error (error, "line %u: ", reader->line);
  return FALSE;
}

static int
compare_msn (gconstpointer a, gconstpointer b)
{
  guint64 first = ((const HeSymbol *)a)->msn, second = ((const HeSymbol *)b)->msn;

  return first < second ? -1 : first > second;
}

HeSymbols *
he_symbols_reader_end (HeSymbolsReader *reader, GError **error)
{
  if (reader->symbols == NULL) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "there are no symbols: expected lines as headend detect writes them");
    return NULL;
  }
  GArray *list = reader->symbols->symbols;
  g_array_sort (list, compare_msn);
  for (guint i = 1; i < list->len; i++) {
    const HeSymbol *pair = &g_array_index (list, HeSymbol, i - 1);

    if (pair[0].msn == pair[1].msn) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "segment %" G_GUINT64_FORMAT
                   " stands there twice; a copy has one symbol for each",
                   pair[0].msn);
      return NULL;
    }
  }
  return g_steal_pointer (&reader->symbols);
}
