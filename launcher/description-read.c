/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

#include <string.h>
#include "he-codec.h"
#include "he-error.h"

gboolean
headend_read_error (HeadendReader *reader, const HeJson *node, GError **error,
                    const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *path = he_json_path (node);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s:%u:%u: %s: %s", reader->file,
               he_json_line (node), he_json_column (node), path, message);
  return FALSE;
}

/* The value as a message may show it: scalars themselves, the rest by its kind. */
static char *
show (const HeJson *value)
{
  switch (he_json_type (value)) {
    case HE_JSON_BOOLEAN:
      return g_strdup (he_json_boolean (value) ? "true" : "false");
    case HE_JSON_INTEGER:
      return g_strdup_printf ("%" G_GINT64_FORMAT, he_json_integer (value));
    case HE_JSON_NUMBER: {
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      return g_strdup (
          g_ascii_formatd (number, sizeof number, "%.10g", he_json_number (value)));
    }
    case HE_JSON_STRING: {
      g_autofree char *shown
          = g_utf8_substring (he_json_string (value), 0,
                              MIN (g_utf8_strlen (he_json_string (value), -1), 60));
      g_autofree char *plain = g_strescape (shown, NULL);
      return g_strdup_printf ("\"%s\"", plain);
    }
    default:
      return g_strdup (he_json_type_name (he_json_type (value)));
  }
}

gboolean
headend_read_refuse (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                     GError **error)
{
  g_autofree char *shown = key->unquoted ? NULL : show (value);
  return headend_read_error (reader, value, error, "%s%sis not %s; expected %s",
                             shown ? shown : "", shown ? " " : "", key->noun,
                             key->expected);
}

/* Levenshtein's distance, for names: 0 .. the longer length. */
static guint
distance (const char *a, const char *b)
{
  gsize m = strlen (b);
  g_autofree guint *row = g_new (guint, m + 1);
  for (gsize j = 0; j <= m; j++)
    row[j] = j;
  for (gsize i = 1; a[i - 1]; i++) {
    guint diagonal = row[0];
    row[0] = i;
    for (gsize j = 1; j <= m; j++) {
      guint replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = MIN (replaced, MIN (row[j], row[j - 1]) + 1);
    }
  }
  return row[m];
}

const char *
headend_nearest (const char *text, const char *const *names)
{
  const char *best = NULL;
  guint best_distance = G_MAXUINT;
  if (strlen (text) > 64)
    return NULL;
  g_autofree char *folded = g_ascii_strdown (text, -1);
  g_strdelimit (folded, "_", '-');
  for (guint i = 0; names[i]; i++) {
    guint d = distance (folded, names[i]);
    if (d < best_distance) {
      best_distance = d;
      best = names[i];
    }
  }
  return best && best_distance <= MAX (1, strlen (best) / 3) ? best : NULL;
}

static gboolean
unknown_key (HeadendReader *reader, const HeadendKey *keys, const HeJson *value,
             const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const HeadendKey *key = keys; key->name; key++)
    g_ptr_array_add (names, (gpointer)key->name);
  g_ptr_array_add (names, NULL);

  const char *near = headend_nearest (name, (const char *const *)names->pdata);
  if (near)
    return headend_read_error (reader, value, error, "unknown key; did you mean \"%s\"?",
                               near);
  g_autofree char *all = g_strjoinv (", ", (char **)names->pdata);
  return headend_read_error (reader, value, error, "unknown key; known here: %s", all);
}

gboolean
headend_read_object (HeadendReader *reader, const HeadendKey *keys, const HeJson *object,
                     gpointer target, GError **error)
{
  if (he_json_type (object) != HE_JSON_OBJECT)
    return headend_read_error (reader, object, error, "expected an object, not %s",
                               he_json_type_name (he_json_type (object)));
  for (guint i = 0; i < he_json_length (object); i++) {
    const HeJson *value = he_json_element (object, i);
    const char *name = he_json_member_name (object, i);
    const HeadendKey *key = keys;
    while (key->name && strcmp (key->name, name) != 0)
      key++;
    if (!key->name)
      return unknown_key (reader, keys, value, name, error);
    if (!key->read (reader, key, value, (guint8 *)target + key->offset, error))
      return FALSE;
  }
  for (const HeadendKey *key = keys; key->name; key++)
    if (key->required && !he_json_member (object, key->name))
      return headend_read_error (reader, object, error,
                                 "\"%s\" is missing; expected %s: %s", key->name,
                                 key->noun, key->expected);
  return TRUE;
}

gboolean
headend_read_ignored (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                      gpointer field, GError **error)
{
  return he_json_type (value) == HE_JSON_STRING
         || headend_read_refuse (reader, key, value, error);
}

gboolean
headend_read_uint (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                   gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_INTEGER || he_json_integer (value) < key->min
      || he_json_integer (value) > key->max)
    return headend_read_refuse (reader, key, value, error);
  *(guint *)field = (guint)he_json_integer (value);
  return TRUE;
}

gboolean
headend_read_boolean (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                      gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_BOOLEAN)
    return headend_read_refuse (reader, key, value, error);
  *(gboolean *)field = he_json_boolean (value);
  return TRUE;
}

gboolean
headend_read_choice (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                     gpointer field, GError **error)
{
  const char *const *names = key->data;
  if (he_json_type (value) == HE_JSON_STRING)
    for (guint i = 0; i < 2; i++)
      if (strcmp (he_json_string (value), names[i]) == 0) {
        *(gboolean *)field = i == 1;
        return TRUE;
      }
  return headend_read_refuse (reader, key, value, error);
}

static void
set_string (gpointer field, char *text)
{
  g_free (*(char **)field);
  *(char **)field = text;
}

gboolean
headend_read_text (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                   gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING)
    return headend_read_refuse (reader, key, value, error);
  const char *text = he_json_string (value);
  gint64 len = (gint64)strlen (text);
  if (len < MAX (key->min, 1) || len > (key->max ? key->max : 1024))
    return headend_read_refuse (reader, key, value, error);
  for (const char *p = text; *p; p++)
    if (g_ascii_iscntrl (*p))
      return headend_read_refuse (reader, key, value, error);
  set_string (field, g_strdup (text));
  return TRUE;
}

gboolean
headend_read_name (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                   gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING
      || !he_name_is_valid (he_json_string (value)))
    return headend_read_refuse (reader, key, value, error);
  set_string (field, g_strdup (he_json_string (value)));
  return TRUE;
}

gboolean
headend_read_one_of (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                     gpointer field, GError **error)
{
  const char *const *names = key->data;
  if (he_json_type (value) != HE_JSON_STRING)
    return headend_read_refuse (reader, key, value, error);
  if (!g_strv_contains (names, he_json_string (value))) {
    const char *near = headend_nearest (he_json_string (value), names);
    if (!near)
      return headend_read_refuse (reader, key, value, error);
    g_autofree char *shown = show (value);
    return headend_read_error (reader, value, error, "%s is not %s; did you mean \"%s\"?",
                               shown, key->noun, near);
  }
  set_string (field, g_strdup (he_json_string (value)));
  return TRUE;
}

static gboolean
read_path_below (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                 const char *folder, gpointer field, GError **error)
{
  g_autofree char *path = NULL;
  if (!headend_read_text (reader, key, value, &path, error))
    return FALSE;
  set_string (field, g_canonicalize_filename (path, folder));
  return TRUE;
}

gboolean
headend_read_path (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                   gpointer field, GError **error)
{
  return read_path_below (reader, key, value, reader->model->folder, field, error);
}

gboolean
headend_read_state (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                    gpointer field, GError **error)
{
  return read_path_below (reader, key, value, reader->model->states, field, error);
}

gboolean
headend_read_part (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                   gpointer field, GError **error)
{
  return headend_read_object (reader, key->data, value, field, error);
}

static gboolean
is_list (const HeadendKey *key, const HeJson *value)
{
  return he_json_type (value) == HE_JSON_ARRAY && he_json_length (value) >= key->min
         && he_json_length (value) <= key->max;
}

gboolean
headend_read_list (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                   gpointer field, GError **error)
{
  const HeadendList *list = key->data;
  GPtrArray *items = *(GPtrArray **)field;
  if (!is_list (key, value))
    return headend_read_refuse (reader, key, value, error);
  for (guint i = 0; i < he_json_length (value); i++) {
    gpointer item = list->make ();
    g_ptr_array_add (items, item);
    if (!headend_read_object (reader, list->keys, he_json_element (value, i), item,
                              error))
      return FALSE;
  }
  return TRUE;
}

gboolean
headend_read_texts (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                    gpointer field, gboolean (*is_valid) (const char *text),
                    const HeadendKey *one, GError **error)
{
  if (!is_list (key, value))
    return headend_read_refuse (reader, key, value, error);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  for (guint i = 0; i < he_json_length (value); i++) {
    const HeJson *item = he_json_element (value, i);
    if (he_json_type (item) != HE_JSON_STRING || !is_valid (he_json_string (item)))
      return headend_read_refuse (reader, one, item, error);
    g_strv_builder_add (list, he_json_string (item));
  }
  g_strfreev (*(char ***)field);
  *(char ***)field = g_strv_builder_end (list);
  return TRUE;
}
