/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-session-private.h"

#include <string.h>
#include "he-codec.h"

#define MAX_ACCOUNT 128
#define MAX_RIGHTS 64
#define MAX_TIME G_GUINT64_CONSTANT (0x3fffffffffffffff)

void
he_session_record_to_json (const HeSessionRecord *record, HeJsonWriter *writer)
{
  g_autofree char *id = he_hex_encode (record->id, sizeof record->id);
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "id", id);
  he_json_writer_string (writer, "account", record->account);
  he_json_writer_open_array (writer, "rights");
  for (guint i = 0; record->rights && record->rights[i]; i++)
    he_json_writer_string (writer, NULL, record->rights[i]);
  he_json_writer_close (writer);
  if (record->has_address) {
    g_autofree char *address
        = he_hex_encode (record->address_hash, sizeof record->address_hash);
    he_json_writer_string (writer, "address", address);
  }
  he_json_writer_uint64 (writer, "max-sessions", record->max_sessions);
  he_json_writer_int64 (writer, "opened", record->opened);
  he_json_writer_int64 (writer, "hard-end", record->hard_end);
  he_json_writer_int64 (writer, "lease-end", record->lease_end);
  he_json_writer_int64 (writer, "last-seen", record->last_seen);
  he_json_writer_int64 (writer, "ended", record->ended);
  he_json_writer_close (writer);
}

static gboolean
read_time (const HeJson *node, const char *name, gint64 *ret_time, GError **error)
{
  guint64 value = 0;
  if (!he_json_get_uint64 (node, name, TRUE, MAX_TIME, &value, error))
    return FALSE;
  *ret_time = (gint64)value;
  return TRUE;
}

static gboolean
read_hex16 (const HeJson *node, const char *name, gboolean required, guint8 ret_out[16],
            gboolean *ret_present, GError **error)
{
  const char *text = NULL;
  if (!he_json_get_string (node, name, required, &text, error))
    return FALSE;
  *ret_present = text != NULL;
  if (text && !he_hex_decode (text, strlen (text), ret_out, 16))
    return he_json_set_error (error, node, "\"%s\" is not 32 hex digits", name);
  return TRUE;
}

static gboolean
read_rights (const HeJson *node, char ***ret_rights, GError **error)
{
  const HeJson *list = he_json_member (node, "rights");
  if (!list || he_json_type (list) != HE_JSON_ARRAY || he_json_length (list) > MAX_RIGHTS)
    return he_json_set_error (
        error, node, "\"rights\" must be an array of at most %d names", MAX_RIGHTS);
  g_auto (GStrv) rights = g_new0 (char *, he_json_length (list) + 1);
  for (guint i = 0; i < he_json_length (list); i++) {
    const HeJson *element = he_json_element (list, i);
    if (he_json_type (element) != HE_JSON_STRING)
      return he_json_set_error (error, element, "a right is a channel's name");
    rights[i] = g_strdup (he_json_string (element));
  }
  *ret_rights = g_steal_pointer (&rights);
  return TRUE;
}

static gboolean
read_record (const HeJson *node, HeSessionRecord *record, GError **error)
{
  const char *account = NULL;
  guint64 max_sessions = 0, ended = 0;
  gboolean has_id;
  if (he_json_type (node) != HE_JSON_OBJECT)
    return he_json_set_error (error, node, "a session must be an object");
  if (!read_hex16 (node, "id", TRUE, record->id, &has_id, error)
      || !read_hex16 (node, "address", FALSE, record->address_hash, &record->has_address,
                      error)
      || !he_json_get_string (node, "account", TRUE, &account, error)
      || !he_json_get_uint64 (node, "max-sessions", TRUE, G_MAXINT32, &max_sessions,
                              error)
      || !he_json_get_uint64 (node, "ended", TRUE, 999, &ended, error)
      || !read_time (node, "opened", &record->opened, error)
      || !read_time (node, "hard-end", &record->hard_end, error)
      || !read_time (node, "lease-end", &record->lease_end, error)
      || !read_time (node, "last-seen", &record->last_seen, error)
      || !read_rights (node, &record->rights, error))
    return FALSE;
  if (!*account || strlen (account) > MAX_ACCOUNT)
    return he_json_set_error (error, node, "\"account\" must have 1 to %d bytes",
                              MAX_ACCOUNT);
  record->account = g_strdup (account);
  record->max_sessions = (guint)max_sessions;
  record->ended = (HeCode)ended;
  return TRUE;
}

gboolean
he_session_record_from_json (const HeJson *node, HeSessionRecord *ret_record,
                             GError **error)
{
  HeSessionRecord record = { 0 };
  if (!read_record (node, &record, error)) {
    he_session_record_clear (&record);
    return FALSE;
  }
  *ret_record = record;
  return TRUE;
}
