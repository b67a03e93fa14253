/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

#include <string.h>

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

/* The value is never quoted: somebody may have put a password into it. */
static gboolean
read_renewal_uri (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                  gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING
      || strlen (he_json_string (value)) > (gsize)key->max
      || !g_regex_match_simple ("^https?://[^/?#\"@\\s]+/[^?#\"\\s]*\\z",
                                he_json_string (value), 0, 0))
    return headend_read_error (reader, value, error, "is not %s; expected %s; user and "
                               "password stand in the file of credentials",
                               key->noun, key->expected);
  g_free (*(char **)field);
  *(char **)field = g_strdup (he_json_string (value));
  return TRUE;
}

static const HeadendKey login_keys[] = {
  { "file", headend_read_path, G_STRUCT_OFFSET (HeadendGate, renewal_credentials), TRUE,
    "a file", "a path" },
  { NULL },
};

/* A table in key->data, of the same struct. */
static gboolean
read_part (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
           gpointer field, GError **error)
{
  return headend_read_object (reader, key->data, value, field, error);
}

static const char *const failure_names[] = { "keep", "end" };

static const HeadendKey renewal_keys[] = {
  { "uri", read_renewal_uri, G_STRUCT_OFFSET (HeadendGate, renewal_uri), TRUE, "a URI",
    "http(s)://HOST/PATH of at most 1024 bytes", 0, 1024 },
  { "credentials", read_part, 0, FALSE, "an object", "file", .data = login_keys },
  { "timeout", headend_read_uint, G_STRUCT_OFFSET (HeadendGate, renewal_timeout), FALSE,
    "a time to wait", "an integer 100..30000, in milliseconds", 100, 30000 },
  { "on-failure", headend_read_choice, G_STRUCT_OFFSET (HeadendGate, renewal_ends), FALSE,
    "what happens then", "\"keep\" or \"end\"", .data = failure_names },
  { NULL },
};

static const HeadendKey alarm_keys[] = {
  { "addresses", headend_read_uint, G_STRUCT_OFFSET (HeadendGate, alarm_addresses), FALSE,
    "a number of addresses", "an integer 0..64, 0 for no such alarm", 0, 64 },
  { "fetches", headend_read_uint, G_STRUCT_OFFSET (HeadendGate, alarm_fetches), FALSE,
    "a number of fetches", "an integer 0..1000, 0 for no such alarm", 0, 1000 },
  { NULL },
};

const HeadendKey headend_gate_keys[] = {
  { "allowed-origins", read_origins, G_STRUCT_OFFSET (HeadendGate, allowed_origins),
    FALSE, "a list of origins", "an array of at most 64 origins", 0, 64 },
  { "renewal", read_part, 0, FALSE, "an object", "uri, credentials, timeout, on-failure",
    .data = renewal_keys },
  { "alarms", read_part, 0, FALSE, "an object", "addresses, fetches", .data = alarm_keys },
  { NULL },
};
