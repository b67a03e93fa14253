/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

/* What a viewer may hold, and where that is kept. */

static const char *const policy_names[] = { "evict-oldest", "reject-newest" };

/* The value is never quoted: somebody may have put a password into it. */
static gboolean
read_servers (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_ARRAY || he_json_length (value) < key->min
      || he_json_length (value) > key->max)
    return headend_read_refuse (reader, key, value, error);
  g_autoptr (GStrvBuilder) servers = g_strv_builder_new ();
  for (guint i = 0; i < he_json_length (value); i++) {
    const HeJson *node = he_json_element (value, i);
    if (he_json_type (node) != HE_JSON_STRING
        || !g_regex_match_simple ("^(unix:/[^\\s]{1,100}|redis://([A-Za-z0-9.-]{1,255}|"
                                  "\\[[0-9A-Fa-f:.]{2,45}\\]):[1-9][0-9]{0,4}(/[0-9]{1,3})?)\\z",
                                  he_json_string (node), 0, 0))
      return headend_read_error (reader, node, error,
                                 "is no server; expected unix:/PATH or redis://HOST:PORT[/DB]; "
                                 "user and password stand in the file of credentials");
    g_strv_builder_add (servers, he_json_string (node));
  }
  g_strfreev (*(char ***)field);
  *(char ***)field = g_strv_builder_end (servers);
  return TRUE;
}

static const HeadendKey login_keys[] = {
  { "file", headend_read_path, G_STRUCT_OFFSET (HeadendSessions, redis_credentials), TRUE,
    "a file", "a path" },
  { NULL },
};

static gboolean
read_login (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
            gpointer field, GError **error)
{
  return headend_read_object (reader, login_keys, value, field, error);
}

static const HeadendKey redis_keys[] = {
  { "servers", read_servers, G_STRUCT_OFFSET (HeadendSessions, redis), TRUE,
    "a list of servers", "an array of 1..8 of unix:/PATH or redis://HOST:PORT[/DB]", 1, 8 },
  { "credentials", read_login, 0, FALSE, "an object", "file" },
  { NULL },
};

static gboolean
read_redis (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
            gpointer field, GError **error)
{
  return headend_read_object (reader, redis_keys, value, field, error);
}

const HeadendKey headend_session_keys[] = {
  { "per-account", headend_read_uint, G_STRUCT_OFFSET (HeadendSessions, per_account),
    FALSE, "a number of sessions", "an integer 1..100", 1, 100 },
  { "policy", headend_read_choice, G_STRUCT_OFFSET (HeadendSessions, reject_newest),
    FALSE, "a policy", "\"evict-oldest\" or \"reject-newest\"", .data = policy_names },
  { "lease", headend_read_uint, G_STRUCT_OFFSET (HeadendSessions, lease), FALSE,
    "a lease", "an integer 10..3600, in seconds", 10, 3600 },
  { "length", headend_read_uint, G_STRUCT_OFFSET (HeadendSessions, length), FALSE,
    "a length of a session", "an integer 60..2592000, in seconds", 60, 2592000 },
  { "redis", read_redis, 0, FALSE, "an object", "servers, credentials" },
  { NULL },
};
