/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-revocations.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "he-codec.h"
#include "he-credential.h"
#include "he-error.h"
#include "he-json.h"
#include "he-state.h"
#include "he-token-private.h"

#define MAX_TIME G_GUINT64_CONSTANT (0x3fffffffffffffff)

struct _HeRevocations {
  HeSecret *credential;
  char *folder;
  HeStateWriter *writer; /* NULL without a folder */
  guint max;
  GRWLock lock;         /* guards both tables */
  GHashTable *sessions; /* id -> HeRevocation */
  GHashTable *accounts; /* account -> HeRevocation */
  int count;            /* of both; atomic */
};

static void
revocation_free (gpointer data)
{
  HeRevocation *revocation = data;
  g_free (revocation->account);
  g_free (revocation);
}

/* --- Reading
 * ---------------------------------------------------------------------------- */

static gboolean
read_who (HeRevocations *revocations, const HeJson *node, HeRevocation *revocation,
          GError **error)
{
  const char *session = NULL, *account = NULL, *token = NULL;
  guint8 id[16];
  gsize len = 0;
  if (he_json_type (node) != HE_JSON_OBJECT)
    return he_json_set_error (error, node, "a revocation must be an object");
  if (!he_json_get_string (node, "session", FALSE, &session, error)
      || !he_json_get_string (node, "account", FALSE, &account, error)
      || !he_json_get_string (node, "token", FALSE, &token, error))
    return FALSE;
  if (!session + !account + !token != 2)
    return he_json_set_error (error, node,
                              "name one of \"session\", \"account\" and \"token\"");
  if (session && !he_hex_decode (session, strlen (session), revocation->session, 16))
    return he_json_set_error (error, node, "\"session\" is not 32 hex digits");
  if (account && !he_account_is_valid (account))
    return he_json_set_error (error, node, "\"account\" must have 1 to %d bytes",
                              HE_ACCOUNT_MAX);
  if (token
      && (!he_base64url_decode (token, strlen (token), id, sizeof id, &len) || len != 16))
    return he_json_set_error (error, node,
                              "\"token\" is not the id of one (headend_tid)");
  if (token)
    he_credential_session_id (revocations->credential, id, revocation->session);
  revocation->account = g_strdup (account);
  return TRUE;
}

/* A clock that runs ahead must not bar who comes later. */
static gboolean
read_times (const HeJson *node, gint64 now, HeRevocation *revocation, GError **error)
{
  guint64 at = (guint64)now, keep = HE_REVOCATION_KEEP, until = 0;
  if (!he_json_get_uint64 (node, "at", FALSE, MAX_TIME, &at, error)
      || !he_json_get_uint64 (node, "keep", FALSE, HE_REVOCATION_KEEP_MAX, &keep, error)
      || !he_json_get_uint64 (node, "until", FALSE, MAX_TIME, &until, error))
    return FALSE;
  gint64 latest = now + (gint64)HE_REVOCATION_KEEP_MAX * G_USEC_PER_SEC;
  revocation->at = MIN ((gint64)at, now);
  revocation->until = until ? (gint64)until : now + (gint64)keep * G_USEC_PER_SEC;
  revocation->until = MIN (revocation->until, latest);
  return TRUE;
}

static GPtrArray *
read_list (HeRevocations *revocations, const char *text, gssize len, gint64 now,
           GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (text, len, HE_REVOCATIONS_JSON_MAX, 3, error);
  if (!root)
    return NULL;
  if (he_json_type (root) != HE_JSON_ARRAY) {
    he_json_set_error (error, root, "revocations must be an array");
    return NULL;
  }
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (revocation_free);
  for (guint i = 0; i < he_json_length (root); i++) {
    const HeJson *node = he_json_element (root, i);
    HeRevocation *revocation = g_new0 (HeRevocation, 1);
    g_ptr_array_add (list, revocation);
    if (!read_who (revocations, node, revocation, error)
        || !read_times (node, now, revocation, error))
      return NULL;
  }
  return g_steal_pointer (&list);
}

/* --- The tables; below, they are locked for writing
 * ------------------------------------- */

static void
count_up (HeRevocations *revocations)
{
  g_atomic_int_set (&revocations->count,
                    (int)(g_hash_table_size (revocations->sessions)
                          + g_hash_table_size (revocations->accounts)));
}

static gboolean
is_over (gpointer key, gpointer value, gpointer now)
{
  return ((const HeRevocation *)value)->until <= *(gint64 *)now;
}

static void
sweep (HeRevocations *revocations, gint64 now)
{
  g_hash_table_foreach_remove (revocations->sessions, is_over, &now);
  g_hash_table_foreach_remove (revocations->accounts, is_over, &now);
  count_up (revocations);
}

static HeRevocation *
find (HeRevocations *revocations, const HeRevocation *like)
{
  return like->account ? g_hash_table_lookup (revocations->accounts, like->account)
                       : g_hash_table_lookup (revocations->sessions, like->session);
}

/* TRUE when that says more than what was known. */
static gboolean
merge_one (HeRevocations *revocations, const HeRevocation *from)
{
  HeRevocation *into = find (revocations, from);
  if (!into) {
    into = g_memdup2 (from, sizeof *from);
    into->account = g_strdup (from->account);
    if (into->account)
      g_hash_table_insert (revocations->accounts, into->account, into);
    else
      g_hash_table_insert (revocations->sessions, into->session, into);
    return TRUE;
  }
  gboolean later = from->at > into->at || from->until > into->until;
  into->at = MAX (into->at, from->at);
  into->until = MAX (into->until, from->until);
  return later;
}

static gboolean
has_room (HeRevocations *revocations, const GPtrArray *list, GError **error)
{
  guint held = (guint)g_atomic_int_get (&revocations->count), coming = 0;
  for (guint i = 0; i < list->len; i++)
    coming += find (revocations, list->pdata[i]) ? 0 : 1;
  if (held + coming <= revocations->max)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
               "%u revocations are held and %u come, which is more than %u: revoke whole "
               "accounts, or keep them for a shorter time",
               held, coming, revocations->max);
  return FALSE;
}

/* --- What others call
 * ------------------------------------------------------------------- */

/* A name for what cannot be understood, so that it is neither lost nor in the way. */
static gboolean
set_aside (const char *path, char **ret_aside, GError **error)
{
  g_autofree char *aside = g_strconcat (path, ".bad", NULL);
  if (g_rename (path, aside) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot rename: %s", path,
                 g_strerror (errno));
    return FALSE;
  }
  *ret_aside = g_steal_pointer (&aside);
  return TRUE;
}

static gboolean
load (HeRevocations *revocations, gint64 now, char **ret_aside, GError **error)
{
  g_autofree char *path
      = g_build_filename (revocations->folder, HE_REVOCATIONS_FILE, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) failed = NULL;
  gsize len = 0;
  if (!g_file_get_contents (path, &text, &len, &failed)) {
    if (g_error_matches (failed, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      return TRUE;
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, failed->message);
    return FALSE;
  }
  g_autoptr (GPtrArray) list
      = he_revocations_merge (revocations, text, (gssize)len, now, NULL);
  return list || set_aside (path, ret_aside, error);
}

HeRevocations *
he_revocations_new (const HeSecret *credential, const char *folder, guint max, gint64 now,
                    char **ret_aside, GError **error)
{
  g_autoptr (HeRevocations) revocations = g_new0 (HeRevocations, 1);
  *ret_aside = NULL;
  g_rw_lock_init (&revocations->lock);
  revocations->credential = he_secret_ref ((HeSecret *)credential);
  revocations->folder = g_strdup (folder);
  revocations->max = max;
  revocations->sessions
      = g_hash_table_new_full (he_session_id_hash, he_session_id_equal, NULL, revocation_free);
  revocations->accounts
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, revocation_free);
  if (folder && !load (revocations, now, ret_aside, error))
    return NULL;
  if (folder)
    revocations->writer = he_state_writer_new (folder);
  return g_steal_pointer (&revocations);
}

void
he_revocations_free (HeRevocations *revocations)
{
  if (!revocations)
    return;
  he_state_writer_free (revocations->writer, HE_STATE_END);
  g_hash_table_unref (revocations->sessions);
  g_hash_table_unref (revocations->accounts);
  g_rw_lock_clear (&revocations->lock);
  he_secret_unref (revocations->credential);
  g_free (revocations->folder);
  g_free (revocations);
}

gboolean
he_revocations_match (HeRevocations *revocations, const guint8 session[16],
                      const char *account, gint64 since, gint64 now)
{
  if (g_atomic_int_get (&revocations->count) == 0)
    return FALSE;
  g_rw_lock_reader_lock (&revocations->lock);
  const HeRevocation *of_session = g_hash_table_lookup (revocations->sessions, session);
  const HeRevocation *of_account = g_hash_table_lookup (revocations->accounts, account);
  gboolean match = (of_session && now < of_session->until)
                   || (of_account && now < of_account->until && since <= of_account->at);
  g_rw_lock_reader_unlock (&revocations->lock);
  return match;
}

GPtrArray *
he_revocations_merge (HeRevocations *revocations, const char *text, gssize len,
                      gint64 now, GError **error)
{
  g_autoptr (GPtrArray) list = read_list (revocations, text, len, now, error);
  if (!list)
    return NULL;
  for (guint i = list->len; i-- > 0;)
    if (is_over (NULL, list->pdata[i], &now))
      g_ptr_array_remove_index (list, i);
  g_rw_lock_writer_lock (&revocations->lock);
  sweep (revocations, now);
  gboolean fits = has_room (revocations, list, error);
  for (guint i = list->len; fits && i-- > 0;)
    if (!merge_one (revocations, list->pdata[i]))
      g_ptr_array_remove_index (list, i);
  count_up (revocations);
  g_rw_lock_writer_unlock (&revocations->lock);
  return fits ? g_steal_pointer (&list) : NULL;
}

static void
write_one (HeJsonWriter *writer, const HeRevocation *revocation)
{
  he_json_writer_open_object (writer, NULL);
  if (revocation->account) {
    he_json_writer_string (writer, "account", revocation->account);
  } else {
    g_autofree char *id = he_hex_encode (revocation->session, sizeof revocation->session);
    he_json_writer_string (writer, "session", id);
  }
  he_json_writer_int64 (writer, "at", revocation->at);
  he_json_writer_int64 (writer, "until", revocation->until);
  he_json_writer_close (writer);
}

char *
he_revocations_list_to_json (const GPtrArray *list)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  for (guint i = 0; i < list->len; i++)
    write_one (writer, list->pdata[i]);
  return he_json_writer_end (writer);
}

char *
he_revocations_to_json (HeRevocations *revocations)
{
  GHashTable *tables[] = { revocations->sessions, revocations->accounts };
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  g_rw_lock_reader_lock (&revocations->lock);
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++) {
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init (&iter, tables[i]);
    while (g_hash_table_iter_next (&iter, NULL, &value))
      write_one (writer, value);
  }
  g_rw_lock_reader_unlock (&revocations->lock);
  return he_json_writer_end (writer);
}

guint64
he_revocations_save (HeRevocations *revocations)
{
  if (!revocations->writer)
    return 0;
  return he_state_writer_put (revocations->writer, HE_REVOCATIONS_FILE,
                              he_revocations_to_json (revocations));
}

HeStateResult
he_revocations_saved (HeRevocations *revocations, guint64 number, gint64 patience,
                      GError **error)
{
  return number == 0 ? HE_STATE_WRITTEN
                     : he_state_writer_wait (revocations->writer, HE_REVOCATIONS_FILE,
                                             number, patience, error);
}

HeRevocationsCount
he_revocations_count (HeRevocations *revocations, gint64 now)
{
  g_rw_lock_writer_lock (&revocations->lock);
  sweep (revocations, now);
  HeRevocationsCount count = { g_hash_table_size (revocations->sessions),
                               g_hash_table_size (revocations->accounts) };
  g_rw_lock_writer_unlock (&revocations->lock);
  return count;
}
