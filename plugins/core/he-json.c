/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-json-private.h"

#include <math.h>
#include <string.h>

typedef struct {
  const char *start, *end;
  const char *at;
  const char *line_start;
  guint line;
  guint depth, max_depth;
  GError **error;
} Reader;

static void
node_free (HeJson *node)
{
  if (node == NULL)
    return;
  if (node->type == HE_JSON_STRING || node->type == HE_JSON_NUL_STRING)
    g_free (node->string);
  if (node->type == HE_JSON_ARRAY || node->type == HE_JSON_OBJECT) {
    g_clear_pointer (&node->children, g_ptr_array_unref);
    g_clear_pointer (&node->sorted, g_ptr_array_unref);
  }
  g_free (node->name);
  g_free (node);
}

void
he_json_free (HeJson *root)
{
  node_free (root);
}

static guint
column_of (const Reader *r)
{
  return (guint)(r->at - r->line_start) + 1;
}

static gboolean
    G_GNUC_PRINTF (3, 4) fail (Reader *r, HeError code, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (r->error, HE_ERROR, code, "%u:%u: %s", r->line, column_of (r), text);
  return FALSE;
}

/* Says what stands at the reader, without passing control characters on. */
static gboolean
fail_unexpected (Reader *r, const char *expected)
{
  if (r->at >= r->end)
    return fail (r, HE_ERROR_INVALID, "the text ends; expected %s", expected);
  if (g_ascii_isprint (*r->at))
    return fail (r, HE_ERROR_INVALID, "unexpected '%c'; expected %s", *r->at, expected);
  return fail (r, HE_ERROR_INVALID, "unexpected byte 0x%02x; expected %s", (guint8)*r->at,
               expected);
}

static void
skip_space (Reader *r)
{
  for (; r->at < r->end; r->at++) {
    if (*r->at == '\n') {
      r->line++;
      r->line_start = r->at + 1;
    } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r') {
      return;
    }
  }
}

static gboolean
take_char (Reader *r, char c)
{
  if (r->at >= r->end || *r->at != c)
    return FALSE;
  r->at++;
  return TRUE;
}

static gboolean
take_hex4 (Reader *r, gunichar *ret_unit)
{
  gunichar unit = 0;

  for (guint i = 0; i < 4; i++, r->at++) {
    if (r->at >= r->end || !g_ascii_isxdigit (*r->at))
      return fail_unexpected (r, "four hexadecimal digits after \\u");
    unit = unit << 4 | (gunichar)g_ascii_xdigit_value (*r->at);
  }
  *ret_unit = unit;
  return TRUE;
}

/* Behind "\u": one code point, from two escapes where it takes a surrogate pair. */
static gboolean
read_unicode_escape (Reader *r, GString *out)
{
  gunichar high, low;

  if (!take_hex4 (r, &high))
    return FALSE;
  if (high >= 0xdc00 && high <= 0xdfff)
    return fail (r, HE_ERROR_INVALID, "low surrogate without a high one");
  if (high >= 0xd800 && high <= 0xdbff) {
    if (!take_char (r, '\\') || !take_char (r, 'u'))
      return fail (r, HE_ERROR_INVALID, "high surrogate without a low one");
    if (!take_hex4 (r, &low))
      return FALSE;
    if (low < 0xdc00 || low > 0xdfff)
      return fail (r, HE_ERROR_INVALID, "high surrogate without a low one");
    high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }
  if (high == 0)
    g_string_append (out, HE_JSON_NUL);
  else
    g_string_append_unichar (out, high);
  return TRUE;
}

static gboolean
read_escape (Reader *r, GString *out)
{
  static const char from[] = "\"\\/bfnrt";
  static const char to[] = "\"\\/\b\f\n\r\t";
  const char *which;

  if (take_char (r, 'u'))
    return read_unicode_escape (r, out);
  which = r->at < r->end && *r->at != '\0' ? strchr (from, *r->at) : NULL;
  if (which == NULL)
    return fail_unexpected (r, "one of \" \\ / b f n r t u after a backslash");
  g_string_append_c (out, to[which - from]);
  r->at++;
  return TRUE;
}

/* At the opening quote. */
static char *
read_string (Reader *r)
{
  g_autoptr (GString) out = g_string_new (NULL);

  r->at++;
  while (r->at < r->end && *r->at != '"') {
    const char *plain = r->at;

    while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (guint8)*r->at >= 0x20)
      r->at++;
    g_string_append_len (out, plain, r->at - plain);
    if (take_char (r, '\\')) {
      if (!read_escape (r, out))
        return NULL;
    } else if (r->at < r->end && (guint8)*r->at < 0x20) {
      fail_unexpected (r, "an escape for a control character in a string");
      return NULL;
    }
  }
  if (!take_char (r, '"')) {
    fail_unexpected (r, "the closing quote of a string");
    return NULL;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
skip_digits (Reader *r)
{
  const char *first = r->at;

  while (r->at < r->end && g_ascii_isdigit (*r->at))
    r->at++;
  return r->at > first || fail_unexpected (r, "a digit");
}

static gboolean
read_number (Reader *r, HeJson *node)
{
  const char *first = r->at;
  g_autofree char *token = NULL;
  gboolean whole = TRUE;

  take_char (r, '-');
  if (take_char (r, '0')) {
    if (r->at < r->end && g_ascii_isdigit (*r->at))
      return fail (r, HE_ERROR_INVALID, "a number has a leading zero");
  } else if (!skip_digits (r)) {
    return FALSE;
  }
  if (take_char (r, '.')) {
    whole = FALSE;
    if (!skip_digits (r))
      return FALSE;
  }
  if (take_char (r, 'e') || take_char (r, 'E')) {
    whole = FALSE;
    if (!take_char (r, '-'))
      take_char (r, '+');
    if (!skip_digits (r))
      return FALSE;
  }

  token = g_strndup (first, (gsize)(r->at - first));
  whole = whole
          && g_ascii_string_to_signed (token, 10, G_MININT64, G_MAXINT64, &node->integer,
                                       NULL);
  node->type = whole ? HE_JSON_INTEGER : HE_JSON_NUMBER;
  if (!whole) {
    node->number = g_ascii_strtod (token, NULL);
    if (!isfinite (node->number))
      return fail (r, HE_ERROR_INVALID, "a number is too large");
  }
  return TRUE;
}

static gboolean
read_word (Reader *r, HeJson *node)
{
  static const struct {
    const char *word;
    HeJsonType type;
    gboolean value;
  } words[] = {
    { "null", HE_JSON_NULL, FALSE },
    { "true", HE_JSON_BOOLEAN, TRUE },
    { "false", HE_JSON_BOOLEAN, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    gsize len = strlen (words[i].word);

    if ((gsize)(r->end - r->at) >= len && memcmp (r->at, words[i].word, len) == 0) {
      r->at += len;
      node->type = words[i].type;
      node->boolean = words[i].value;
      return TRUE;
    }
  }
  return fail_unexpected (r, "a value");
}

static gboolean read_value (Reader *r, HeJson *node);

static HeJson *
node_new (const Reader *r, HeJson *parent)
{
  HeJson *node = g_new0 (HeJson, 1);

  node->line = r->line;
  node->column = column_of (r);
  node->parent = parent;
  return node;
}

static void
adopt (HeJson *parent, HeJson *child)
{
  if (parent->children == NULL)
    parent->children = g_ptr_array_new_with_free_func ((GDestroyNotify)node_free);
  child->index = parent->children->len;
  g_ptr_array_add (parent->children, child);
}

static int
compare_members (gconstpointer a, gconstpointer b)
{
  const HeJson *left = *(const HeJson *const *)a;
  const HeJson *right = *(const HeJson *const *)b;
  int by_name = strcmp (left->name, right->name);

  return by_name != 0 ? by_name : (left->index < right->index ? -1 : 1);
}

/* Sorting finds duplicates in n log n whatever names an attacker picks. */
static gboolean
index_members (Reader *r, HeJson *object)
{
  if (object->children == NULL)
    return TRUE;
  object->sorted = g_ptr_array_sized_new (object->children->len);
  for (guint i = 0; i < object->children->len; i++)
    g_ptr_array_add (object->sorted, g_ptr_array_index (object->children, i));
  g_ptr_array_sort (object->sorted, compare_members);

  for (guint i = 1; i < object->sorted->len; i++) {
    const HeJson *first = g_ptr_array_index (object->sorted, i - 1);
    const HeJson *second = g_ptr_array_index (object->sorted, i);

    if (strcmp (first->name, second->name) == 0)
      return he_json_set_error (r->error, second,
                                "stands a second time; the first is at %u:%u",
                                first->line, first->column);
  }
  return TRUE;
}

static gboolean
read_element (Reader *r, HeJson *array)
{
  HeJson *node = node_new (r, array);

  adopt (array, node);
  return read_value (r, node);
}

static gboolean
read_member (Reader *r, HeJson *object)
{
  g_autofree char *name = NULL;
  HeJson *node;

  if (r->at >= r->end || *r->at != '"')
    return fail_unexpected (r, "a member's name in double quotes");
  name = read_string (r);
  if (name == NULL)
    return FALSE;
  skip_space (r);
  if (!take_char (r, ':'))
    return fail_unexpected (r, "':'");
  skip_space (r);
  node = node_new (r, object);
  node->name = g_steal_pointer (&name);
  adopt (object, node);
  return read_value (r, node);
}

/* At the opening bracket. */
static gboolean
read_container (Reader *r, HeJson *node)
{
  gboolean is_object = *r->at == '{';
  char close = is_object ? '}' : ']';

  if (r->depth >= r->max_depth)
    return fail (r, HE_ERROR_LIMIT, "nested deeper than %u", r->max_depth);
  node->type = is_object ? HE_JSON_OBJECT : HE_JSON_ARRAY;
  r->depth++;
  r->at++;
  skip_space (r);
  if (!take_char (r, close)) {
    for (;;) {
      if (!(is_object ? read_member (r, node) : read_element (r, node)))
        return FALSE;
      skip_space (r);
      if (take_char (r, close))
        break;
      if (!take_char (r, ','))
        return fail_unexpected (r, is_object ? "',' or '}'" : "',' or ']'");
      skip_space (r);
    }
  }
  r->depth--;
  return !is_object || index_members (r, node);
}

static gboolean
read_value (Reader *r, HeJson *node)
{
  char c = r->at < r->end ? *r->at : '\0';

  if (c == '{' || c == '[')
    return read_container (r, node);
  if (c == '"') {
    char *string = read_string (r);

    if (string == NULL)
      return FALSE;
    node->type = strstr (string, HE_JSON_NUL) ? HE_JSON_NUL_STRING : HE_JSON_STRING;
    node->string = string;
    return TRUE;
  }
  if (c == '-' || g_ascii_isdigit (c))
    return read_number (r, node);
  return read_word (r, node);
}

static gboolean
check_utf8 (Reader *r)
{
  const char *bad;

  if (g_utf8_validate_len (r->start, (gsize)(r->end - r->start), &bad))
    return TRUE;
  for (; r->at < bad; r->at++)
    if (*r->at == '\n') {
      r->line++;
      r->line_start = r->at + 1;
    }
  return fail (r, HE_ERROR_INVALID, "byte 0x%02x is not UTF-8 text", (guint8)*bad);
}

HeJson *
he_json_parse (const char *text, gssize len, gsize max_bytes, guint max_depth,
               GError **error)
{
  gsize size = len < 0 ? strnlen (text, max_bytes + 1) : (gsize)len;
  Reader r = { .start = text,
               .end = text + size,
               .at = text,
               .line_start = text,
               .line = 1,
               .max_depth = max_depth,
               .error = error };
  g_autoptr (HeJson) root = NULL;

  if (size > max_bytes) {
    fail (&r, HE_ERROR_LIMIT, "the text is longer than %" G_GSIZE_FORMAT " bytes",
          max_bytes);
    return NULL;
  }
  if (!check_utf8 (&r))
    return NULL;
  skip_space (&r);
  root = node_new (&r, NULL);
  if (!read_value (&r, root))
    return NULL;
  skip_space (&r);
  if (r.at < r.end) {
    fail_unexpected (&r, "the end of the text");
    return NULL;
  }
  return g_steal_pointer (&root);
}
