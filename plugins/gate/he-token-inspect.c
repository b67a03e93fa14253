/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token.h"

#include <string.h>
#include "he-codec.h"
#include "he-error.h"
#include "he-json.h"

#define MAX_DEPTH 8

static void print_node (GString *out, const HeJson *node, guint indent);

static void
print_children (GString *out, const HeJson *node, guint indent)
{
  gboolean is_object = he_json_type (node) == HE_JSON_OBJECT;
  guint count = he_json_length (node);
  g_string_append_c (out, is_object ? '{' : '[');
  for (guint i = 0; i < count; i++) {
    g_string_append_printf (out, "%s\n%*s", i ? "," : "", (int)indent + 2, "");
    if (is_object) {
      he_json_append_quoted (out, he_json_member_name (node, i));
      g_string_append (out, ": ");
    }
    print_node (out, he_json_element (node, i), indent + 2);
  }
  if (count)
    g_string_append_printf (out, "\n%*s", (int)indent, "");
  g_string_append_c (out, is_object ? '}' : ']');
}

static void
print_node (GString *out, const HeJson *node, guint indent)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  switch (he_json_type (node)) {
    case HE_JSON_NULL:
      g_string_append (out, "null");
      break;
    case HE_JSON_BOOLEAN:
      g_string_append (out, he_json_boolean (node) ? "true" : "false");
      break;
    case HE_JSON_INTEGER:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, he_json_integer (node));
      break;
    case HE_JSON_NUMBER:
      g_string_append (out,
                       g_ascii_dtostr (number, sizeof number, he_json_number (node)));
      break;
    case HE_JSON_STRING:
    case HE_JSON_NUL_STRING:
      he_json_append_quoted (out, he_json_string (node));
      break;
    case HE_JSON_ARRAY:
    case HE_JSON_OBJECT:
      print_children (out, node, indent);
      break;
  }
}

static gboolean
print_part (GString *out, const char *what, const char *text, gsize len, GError **error)
{
  guint8 bytes[HE_TOKEN_MAX_BYTES];
  gsize bytes_len = 0;
  if (!he_base64url_decode (text, len, bytes, sizeof bytes, &bytes_len)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the token's %s is not base64url without padding", what);
    return FALSE;
  }
  g_autoptr (HeJson) root
      = he_json_parse ((const char *)bytes, bytes_len, sizeof bytes, MAX_DEPTH, error);
  if (!root) {
    g_prefix_error (error, "the token's %s: ", what);
    return FALSE;
  }
  g_string_append_printf (out, "  \"%s\": ", what);
  print_node (out, root, 2);
  return TRUE;
}

char *
he_token_inspect (const char *text, GError **error)
{
  gsize len = strlen (text);
  const char *first = strchr (text, '.');
  const char *second = first ? strchr (first + 1, '.') : NULL;
  if (len > HE_TOKEN_MAX_BYTES || !second || strchr (second + 1, '.')) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "a token has three parts with dots between them and at most %d bytes",
                 HE_TOKEN_MAX_BYTES);
    return NULL;
  }
  g_autoptr (GString) out = g_string_new ("{\n");
  if (!print_part (out, "header", text, first - text, error))
    return NULL;
  g_string_append (out, ",\n");
  if (!print_part (out, "claims", first + 1, second - first - 1, error))
    return NULL;
  g_string_append (out, "\n}\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}
