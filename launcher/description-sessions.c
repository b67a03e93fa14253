/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

/* What a viewer may hold, and where that is kept. */

static const char *const policy_names[] = { "evict-oldest", "reject-newest" };

static gboolean
is_server (const char *text)
{
  return g_regex_match_simple ("^(unix:/[^\\s]{1,100}|rediss?://([A-Za-z0-9.-]{1,255}|"
                               "\\[[0-9A-Fa-f:.]{2,45}\\]):[1-9][0-9]{0,4}(/[0-9]{1,3})?)\\z",
                               text, 0, 0);
}

static gboolean
read_servers (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  static const HeadendKey one = {
    .noun = "a server",
    .expected = "unix:/PATH, redis://HOST:PORT[/DB] or rediss://HOST:PORT[/DB]; user and "
                "password stand in the file of credentials",
    .unquoted = TRUE, /* somebody may have put a password into it */
  };
  return headend_read_texts (reader, key, value, field, is_server, &one, error);
}

/* As Redis has it: a dot more than names of ours. */
static gboolean
read_master (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
             gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING
      || !g_regex_match_simple ("^[A-Za-z0-9._-]{1,64}\\z", he_json_string (value), 0, 0))
    return headend_read_refuse (reader, key, value, error);
  return headend_read_text (reader, key, value, field, error);
}

static const HeadendKey login_keys[] = {
  { "file", headend_read_path, G_STRUCT_OFFSET (HeadendSessions, redis_credentials), TRUE,
    "a file", "a path" },
  { NULL },
};

static const HeadendKey redis_keys[] = {
  { "servers", read_servers, G_STRUCT_OFFSET (HeadendSessions, redis), TRUE,
    "a list of servers", "an array of 1..8 of unix:/PATH or redis[s]://HOST:PORT[/DB]", 1, 8 },
  { "credentials", headend_read_part, 0, FALSE, "an object", "file", .data = login_keys },
  { "sentinel", read_master, G_STRUCT_OFFSET (HeadendSessions, redis_master), FALSE,
    "a name", "the name of a master that Sentinels watch: 1..64 of A-Z a-z 0-9 . _ -", 1,
    64 },
  { "authorities", headend_read_path, G_STRUCT_OFFSET (HeadendSessions, redis_authorities),
    FALSE, "a file", "a path" },
  { "certificate", headend_read_path, G_STRUCT_OFFSET (HeadendSessions, redis_certificate),
    FALSE, "a file", "a path" },
  { NULL },
};

const HeadendKey headend_session_keys[] = {
  { "per-account", headend_read_uint, G_STRUCT_OFFSET (HeadendSessions, per_account),
    FALSE, "a number of sessions", "an integer 1..100", 1, 100 },
  { "policy", headend_read_choice, G_STRUCT_OFFSET (HeadendSessions, reject_newest),
    FALSE, "a policy", "\"evict-oldest\" or \"reject-newest\"", .data = policy_names },
  { "lease", headend_read_uint, G_STRUCT_OFFSET (HeadendSessions, lease), FALSE,
    "a lease", "an integer 10..3600, in seconds", 10, 3600 },
  { "length", headend_read_uint, G_STRUCT_OFFSET (HeadendSessions, length), FALSE,
    "a length of a session", "an integer 60..2592000, in seconds", 60, 2592000 },
  { "redis", headend_read_part, 0, FALSE, "an object", "servers, credentials, sentinel, authorities, certificate",
    .data = redis_keys },
  { NULL },
};
