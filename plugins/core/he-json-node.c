/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-json-private.h"

#include <string.h>

HeJsonType
he_json_type (const HeJson *node)
{
  return node->type;
}

const char *
he_json_type_name (HeJsonType type)
{
  static const char *const names[] = {
    [HE_JSON_NULL] = "null",          [HE_JSON_BOOLEAN] = "a boolean",
    [HE_JSON_INTEGER] = "an integer", [HE_JSON_NUMBER] = "a number",
    [HE_JSON_STRING] = "a string",    [HE_JSON_NUL_STRING] = "a string with U+0000",
    [HE_JSON_ARRAY] = "an array",     [HE_JSON_OBJECT] = "an object",
  };

  g_assert ((guint)type < G_N_ELEMENTS (names));
  return names[type];
}

guint
he_json_line (const HeJson *node)
{
  return node->line;
}

guint
he_json_column (const HeJson *node)
{
  return node->column;
}

static gboolean
is_plain_name (const char *name)
{
  if (*name == '\0')
    return FALSE;
  for (; *name != '\0'; name++)
    if (!g_ascii_isalnum (*name) && *name != '-' && *name != '_' && *name != '$')
      return FALSE;
  return TRUE;
}

static void
append_path (GString *out, const HeJson *node)
{
  if (node->parent == NULL) {
    g_string_append_c (out, '$');
    return;
  }
  append_path (out, node->parent);
  if (node->name == NULL) {
    g_string_append_printf (out, "[%u]", node->index);
  } else if (is_plain_name (node->name)) {
    g_string_append_printf (out, ".%s", node->name);
  } else {
    g_string_append_c (out, '[');
    he_json_append_quoted (out, node->name);
    g_string_append_c (out, ']');
  }
}

char *
he_json_path (const HeJson *node)
{
  GString *out = g_string_new (NULL);

  append_path (out, node);
  return g_string_free (out, FALSE);
}

gboolean
he_json_boolean (const HeJson *node)
{
  g_assert (node->type == HE_JSON_BOOLEAN);
  return node->boolean;
}

gint64
he_json_integer (const HeJson *node)
{
  g_assert (node->type == HE_JSON_INTEGER);
  return node->integer;
}

double
he_json_number (const HeJson *node)
{
  g_assert (node->type == HE_JSON_INTEGER || node->type == HE_JSON_NUMBER);
  return node->type == HE_JSON_INTEGER ? (double)node->integer : node->number;
}

const char *
he_json_string (const HeJson *node)
{
  g_assert (node->type == HE_JSON_STRING || node->type == HE_JSON_NUL_STRING);
  return node->string;
}

guint
he_json_length (const HeJson *node)
{
  g_assert (node->type == HE_JSON_ARRAY || node->type == HE_JSON_OBJECT);
  return node->children != NULL ? node->children->len : 0;
}

const HeJson *
he_json_element (const HeJson *node, guint index)
{
  g_assert (index < he_json_length (node));
  return g_ptr_array_index (node->children, index);
}

const char *
he_json_member_name (const HeJson *node, guint index)
{
  g_assert (node->type == HE_JSON_OBJECT);
  return he_json_element (node, index)->name;
}

const HeJson *
he_json_member (const HeJson *object, const char *name)
{
  guint low = 0;
  guint high = he_json_length (object);

  g_assert (object->type == HE_JSON_OBJECT);
  while (low < high) {
    guint middle = low + (high - low) / 2;
    const HeJson *node = g_ptr_array_index (object->sorted, middle);
    int order = strcmp (name, node->name);

    if (order == 0)
      return node;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

gboolean
he_json_set_error (GError **error, const HeJson *node, const char *format, ...)
{
  g_autofree char *path = he_json_path (node);
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%u:%u %s: %s", node->line,
               node->column, path, text);
  return FALSE;
}

static gboolean
set_type_error (GError **error, const HeJson *node, HeJsonType wanted)
{
  return he_json_set_error (error, node, "must be %s, not %s", he_json_type_name (wanted),
                            he_json_type_name (node->type));
}

/* *ret_node is NULL for a member that is missing and may be. */
static gboolean
get_typed (const HeJson *object, const char *name, gboolean required, HeJsonType type,
           const HeJson **ret_node, GError **error)
{
  const HeJson *node;

  if (object->type != HE_JSON_OBJECT)
    return set_type_error (error, object, HE_JSON_OBJECT);
  node = he_json_member (object, name);
  if (node == NULL && required)
    return he_json_set_error (error, object, "has no member \"%s\"", name);
  if (node != NULL && node->type != type)
    return set_type_error (error, node, type);
  *ret_node = node;
  return TRUE;
}

gboolean
he_json_get_string (const HeJson *object, const char *name, gboolean required,
                    const char **ret_value, GError **error)
{
  const HeJson *node;

  if (!get_typed (object, name, required, HE_JSON_STRING, &node, error))
    return FALSE;
  if (node != NULL)
    *ret_value = node->string;
  return TRUE;
}

gboolean
he_json_get_uint64 (const HeJson *object, const char *name, gboolean required,
                    guint64 max, guint64 *ret_value, GError **error)
{
  const HeJson *node;

  if (!get_typed (object, name, required, HE_JSON_INTEGER, &node, error))
    return FALSE;
  if (node == NULL)
    return TRUE;
  if (node->integer < 0 || (guint64)node->integer > max)
    return he_json_set_error (
        error, node, "%" G_GINT64_FORMAT " is not within 0 and %" G_GUINT64_FORMAT,
        node->integer, max);
  *ret_value = (guint64)node->integer;
  return TRUE;
}

gboolean
he_json_get_boolean (const HeJson *object, const char *name, gboolean required,
                     gboolean *ret_value, GError **error)
{
  const HeJson *node;

  if (!get_typed (object, name, required, HE_JSON_BOOLEAN, &node, error))
    return FALSE;
  if (node != NULL)
    *ret_value = node->boolean;
  return TRUE;
}
