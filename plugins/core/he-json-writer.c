/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-json-private.h"

struct _HeJsonWriter {
  GString *text;
  GString *open; /* the closing bracket of each open container, outermost first */
  gboolean needs_comma;
};

HeJsonWriter *
he_json_writer_new (void)
{
  HeJsonWriter *writer = g_new0 (HeJsonWriter, 1);

  writer->text = g_string_new (NULL);
  writer->open = g_string_new (NULL);
  return writer;
}

void
he_json_writer_free (HeJsonWriter *writer)
{
  if (writer == NULL)
    return;
  g_string_free (writer->text, TRUE);
  g_string_free (writer->open, TRUE);
  g_free (writer);
}

void
he_json_append_quoted (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (; *text != '\0'; text++) {
    guint8 c = (guint8)*text;

    if (g_str_has_prefix (text, HE_JSON_NUL)) {
      c = 0;
      text++;
    }
    if (c == '"' || c == '\\')
      g_string_append_c (out, '\\');
    if (c < 0x20 || c == 0x7f)
      g_string_append_printf (out, "\\u%04x", c);
    else
      g_string_append_c (out, (char)c);
  }
  g_string_append_c (out, '"');
}

static void
begin_value (HeJsonWriter *writer, const char *name)
{
  gboolean in_object
      = writer->open->len > 0 && writer->open->str[writer->open->len - 1] == '}';

  g_assert (in_object == (name != NULL));
  g_assert (writer->open->len > 0 || writer->text->len == 0); /* one document */
  if (writer->needs_comma)
    g_string_append_c (writer->text, ',');
  writer->needs_comma = TRUE;
  if (name != NULL) {
    he_json_append_quoted (writer->text, name);
    g_string_append_c (writer->text, ':');
  }
}

static void
open_container (HeJsonWriter *writer, const char *name, char bracket, char close)
{
  begin_value (writer, name);
  g_string_append_c (writer->text, bracket);
  g_string_append_c (writer->open, close);
  writer->needs_comma = FALSE;
}

void
he_json_writer_open_object (HeJsonWriter *writer, const char *name)
{
  open_container (writer, name, '{', '}');
}

void
he_json_writer_open_array (HeJsonWriter *writer, const char *name)
{
  open_container (writer, name, '[', ']');
}

void
he_json_writer_close (HeJsonWriter *writer)
{
  gsize last;

  g_assert (writer->open->len > 0);
  last = writer->open->len - 1;
  g_string_append_c (writer->text, writer->open->str[last]);
  g_string_truncate (writer->open, last);
  writer->needs_comma = TRUE;
}

void
he_json_writer_string (HeJsonWriter *writer, const char *name, const char *value)
{
  begin_value (writer, name);
  if (value == NULL) {
    g_string_append (writer->text, "null");
  } else {
    g_autofree char *valid = g_utf8_make_valid (value, -1);

    he_json_append_quoted (writer->text, valid);
  }
}

void
he_json_writer_uint64 (HeJsonWriter *writer, const char *name, guint64 value)
{
  begin_value (writer, name);
  g_string_append_printf (writer->text, "%" G_GUINT64_FORMAT, value);
}

void
he_json_writer_int64 (HeJsonWriter *writer, const char *name, gint64 value)
{
  begin_value (writer, name);
  g_string_append_printf (writer->text, "%" G_GINT64_FORMAT, value);
}

void
he_json_writer_number (HeJsonWriter *writer, const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  begin_value (writer, name);
  for (guint digits = 15; digits <= 17; digits++) {
    g_autofree char *format = g_strdup_printf ("%%.%ug", digits);

    g_ascii_formatd (text, sizeof text, format, value);
    if (g_ascii_strtod (text, NULL) == value)
      break;
  }
  g_string_append (writer->text, text);
}

void
he_json_writer_boolean (HeJsonWriter *writer, const char *name, gboolean value)
{
  begin_value (writer, name);
  g_string_append (writer->text, value ? "true" : "false");
}

void
he_json_writer_node (HeJsonWriter *writer, const char *name, const HeJson *node)
{
  gboolean is_object = he_json_type (node) == HE_JSON_OBJECT;

  switch (he_json_type (node)) {
    case HE_JSON_NULL:
      he_json_writer_string (writer, name, NULL);
      return;
    case HE_JSON_BOOLEAN:
      he_json_writer_boolean (writer, name, he_json_boolean (node));
      return;
    case HE_JSON_INTEGER:
      he_json_writer_int64 (writer, name, he_json_integer (node));
      return;
    case HE_JSON_NUMBER:
      he_json_writer_number (writer, name, he_json_number (node));
      return;
    case HE_JSON_STRING:
    case HE_JSON_NUL_STRING:
      begin_value (writer, name);
      he_json_append_quoted (writer->text, he_json_string (node));
      return;
    case HE_JSON_ARRAY:
    case HE_JSON_OBJECT:
      break;
  }
  if (is_object)
    he_json_writer_open_object (writer, name);
  else
    he_json_writer_open_array (writer, name);
  for (guint i = 0; i < he_json_length (node); i++)
    he_json_writer_node (writer, is_object ? he_json_member_name (node, i) : NULL,
                         he_json_element (node, i));
  he_json_writer_close (writer);
}

char *
he_json_writer_end (HeJsonWriter *writer)
{
  char *text;

  while (writer->open->len > 0)
    he_json_writer_close (writer);
  text = g_string_free (g_steal_pointer (&writer->text), FALSE);
  writer->text = g_string_new (NULL);
  he_json_writer_free (writer);
  return text;
}
