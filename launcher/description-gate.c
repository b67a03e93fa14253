/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

#include <string.h>
#include "he-alarms.h"
#include "he-cors.h"

/* What stands below "gate". */

static gboolean
read_origins (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  static const HeadendKey one = { .noun = "an origin",
                                  .expected = "\"https://HOST\", \"https://HOST:PORT\" "
                                              "(or http, or an application's scheme) or "
                                              "\"null\" as browsers write it: in lower "
                                              "case, without a path" };
  return headend_read_texts (reader, key, value, field, he_cors_origin_is_valid, &one, error);
}

static gboolean
read_renewal_uri (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                  gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING
      || strlen (he_json_string (value)) > (gsize)key->max
      || !g_regex_match_simple ("^https?://[^/?#\"@\\s]+/[^?#\"\\s]*\\z",
                                he_json_string (value), 0, 0))
    return headend_read_refuse (reader, key, value, error);
  g_free (*(char **)field);
  *(char **)field = g_strdup (he_json_string (value));
  return TRUE;
}

static const HeadendKey login_keys[] = {
  { "file", headend_read_path, G_STRUCT_OFFSET (HeadendGate, renewal_credentials), TRUE,
    "a file", "a path" },
  { NULL },
};

static const char *const failure_names[] = { "keep", "end" };

static const HeadendKey renewal_keys[] = {
  { "uri", read_renewal_uri, G_STRUCT_OFFSET (HeadendGate, renewal_uri), TRUE, "a URI",
    "http(s)://HOST/PATH of at most 1024 bytes; user and password stand in the file of "
    "credentials",
    0, 1024, .unquoted = TRUE },
  { "credentials", headend_read_part, 0, FALSE, "an object", "file", .data = login_keys },
  { "timeout", headend_read_uint, G_STRUCT_OFFSET (HeadendGate, renewal_timeout), FALSE,
    "a time to wait", "an integer 100..30000, in milliseconds", 100, 30000 },
  { "on-failure", headend_read_choice, G_STRUCT_OFFSET (HeadendGate, renewal_ends), FALSE,
    "what happens then", "\"keep\" or \"end\"", .data = failure_names },
  { NULL },
};

static const HeadendKey alarm_keys[] = {
  { "addresses", headend_read_uint, G_STRUCT_OFFSET (HeadendGate, alarm_addresses), FALSE,
    "a number of addresses", "an integer 0..64, 0 for no such alarm", 0,
    HE_ALARMS_ADDRESSES_MAX },
  { "fetches", headend_read_uint, G_STRUCT_OFFSET (HeadendGate, alarm_fetches), FALSE,
    "a number of fetches", "an integer 0..1000, 0 for no such alarm", 0,
    HE_ALARMS_FETCHES_MAX },
  { NULL },
};

const HeadendKey headend_gate_keys[] = {
  { "allowed-origins", read_origins, G_STRUCT_OFFSET (HeadendGate, allowed_origins),
    FALSE, "a list of origins", "an array of at most 64 origins", 0, 64 },
  { "renewal", headend_read_part, 0, FALSE, "an object", "uri, credentials, timeout, on-failure",
    .data = renewal_keys },
  { "alarms", headend_read_part, 0, FALSE, "an object", "addresses, fetches", .data = alarm_keys },
  { NULL },
};
