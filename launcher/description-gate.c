/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

#include "he-cors.h"

/* What stands below "gate". */

static gboolean
read_origins (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  static const HeadendKey one = { .noun = "an origin",
                                  .expected = "\"https://HOST\" or \"https://HOST:PORT\" "
                                              "(or http) as browsers write it: in lower "
                                              "case, without a path" };
  if (he_json_type (value) != HE_JSON_ARRAY || he_json_length (value) < key->min
      || he_json_length (value) > key->max)
    return headend_read_refuse (reader, key, value, error);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  for (guint i = 0; i < he_json_length (value); i++) {
    const HeJson *item = he_json_element (value, i);
    if (he_json_type (item) != HE_JSON_STRING
        || !he_cors_origin_is_valid (he_json_string (item)))
      return headend_read_refuse (reader, &one, item, error);
    g_strv_builder_add (list, he_json_string (item));
  }
  g_strfreev (*(char ***)field);
  *(char ***)field = g_strv_builder_end (list);
  return TRUE;
}

const HeadendKey headend_gate_keys[] = {
  { "allowed-origins", read_origins, G_STRUCT_OFFSET (HeadendGate, allowed_origins),
    FALSE, "a list of origins", "an array of at most 64 origins", 0, 64 },
  { NULL },
};
