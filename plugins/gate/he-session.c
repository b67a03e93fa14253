/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-session-private.h"

#include <string.h>

#define SWEEP_INTERVAL (10 * G_USEC_PER_SEC)
/* A record outlives its session, or the token that opened it could open it again. */
#define RETAIN (10 * 60 * (gint64)G_USEC_PER_SEC)
/* Records of one account, ended ones included, beyond what its limit asks for: somebody
 * who has a token minted a second must not fill the table. */
#define ACCOUNT_RECORDS 64

void
he_session_record_clear (HeSessionRecord *record)
{
  g_clear_pointer (&record->account, g_free);
  g_clear_pointer (&record->rights, g_strfreev);
}

void
he_session_record_free (HeSessionRecord *record)
{
  if (!record)
    return;
  he_session_record_clear (record);
  g_free (record);
}

HeSessionRecord *
he_session_record_copy (const HeSessionRecord *from)
{
  HeSessionRecord *copy = g_memdup2 (from, sizeof *from);
  copy->account = g_strdup (from->account);
  copy->rights = g_strdupv (from->rights);
  return copy;
}

/* Ids are outputs of an HMAC: any four bytes of them are a hash. */
guint
he_session_id_hash (gconstpointer id)
{
  guint hash;
  memcpy (&hash, id, sizeof hash);
  return hash;
}

gboolean
he_session_id_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, 16) == 0;
}

HeSessions *
he_sessions_new (HeSessionPolicy policy, gint64 lease, gint64 slot_ttl,
                 guint max_sessions)
{
  HeSessions *sessions = g_new0 (HeSessions, 1);
  g_mutex_init (&sessions->lock);
  sessions->policy = policy;
  sessions->lease = lease;
  sessions->slot_ttl = slot_ttl;
  sessions->max_sessions = max_sessions;
  sessions->by_id = g_hash_table_new_full (he_session_id_hash, he_session_id_equal, NULL, (GDestroyNotify)he_session_record_free);
  sessions->by_account = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                (GDestroyNotify)g_ptr_array_unref);
  sessions->dirty = g_hash_table_new (NULL, NULL);
  sessions->owed = g_hash_table_new (NULL, NULL);
  return sessions;
}

void
he_sessions_free (HeSessions *sessions)
{
  if (!sessions)
    return;
  g_hash_table_unref (sessions->dirty);
  g_hash_table_unref (sessions->owed);
  g_hash_table_unref (sessions->by_account);
  g_hash_table_unref (sessions->by_id);
  g_mutex_clear (&sessions->lock);
  g_free (sessions);
}

/* Below, the lock is held. */

static void
remove_record (HeSessions *sessions, HeSessionRecord *record)
{
  GPtrArray *of_account = g_hash_table_lookup (sessions->by_account, record->account);
  g_ptr_array_remove_fast (of_account, record);
  if (of_account->len == 0)
    g_hash_table_remove (sessions->by_account, record->account);
  g_hash_table_remove (sessions->dirty, record);
  g_hash_table_remove (sessions->owed, record);
  g_hash_table_remove (sessions->by_id, record->id);
}

static void
sweep (HeSessions *sessions, gint64 now)
{
  GHashTableIter iter;
  gpointer value;
  g_autoptr (GPtrArray) stale = g_ptr_array_new ();
  g_hash_table_iter_init (&iter, sessions->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((HeSessionRecord *)value)->hard_end + RETAIN <= now)
      g_ptr_array_add (stale, value);
  for (guint i = 0; i < stale->len; i++)
    remove_record (sessions, stale->pdata[i]);
  sessions->next_sweep = now + SWEEP_INTERVAL;
}

/* Makes room for one more record of an account, giving up its oldest evicted ones: one
 * that comes back is evicted again by whoever holds the slot. */
gboolean
he_sessions_make_room (HeSessions *sessions, const HeSessionRecord *coming, gint64 now)
{
  if (g_hash_table_size (sessions->by_id) >= sessions->max_sessions) {
    if (now >= sessions->next_sweep - SWEEP_INTERVAL + G_USEC_PER_SEC)
      sweep (sessions, now);
    if (g_hash_table_size (sessions->by_id) >= sessions->max_sessions)
      return FALSE;
  }
  GPtrArray *of_account = g_hash_table_lookup (sessions->by_account, coming->account);
  if (!of_account || of_account->len < ACCOUNT_RECORDS + 2 * coming->max_sessions)
    return TRUE;
  HeSessionRecord *oldest = NULL;
  for (guint i = 0; i < of_account->len; i++) {
    HeSessionRecord *record = of_account->pdata[i];
    if (record->ended == HE_CODE_EVICTED
        && (!oldest || he_session_compare_opened (record, oldest) < 0))
      oldest = record;
  }
  if (!oldest)
    return FALSE;
  remove_record (sessions, oldest);
  return TRUE;
}

/* Takes ownership. There is room. */
void
he_sessions_insert (HeSessions *sessions, HeSessionRecord *record)
{
  GPtrArray *of_account = g_hash_table_lookup (sessions->by_account, record->account);
  if (!of_account) {
    of_account = g_ptr_array_new ();
    g_hash_table_insert (sessions->by_account, g_strdup (record->account), of_account);
  }
  g_ptr_array_add (of_account, record);
  g_hash_table_insert (sessions->by_id, record->id, record);
}

void
he_sessions_mark_dirty (HeSessions *sessions, HeSessionRecord *record)
{
  g_hash_table_add (sessions->dirty, record);
}

static int
compare_identity (const HeSessionRecord *a, const HeSessionRecord *b)
{
  if (a->opened != b->opened)
    return a->opened < b->opened ? -1 : 1;
  if (a->has_address != b->has_address)
    return a->has_address ? -1 : 1;
  return a->has_address ? memcmp (a->address_hash, b->address_hash, 16) : 0;
}

/* One token opened on two gates that did not see each other is one session: the earlier
 * opening holds, with its address. TRUE when *into changed. */
static gboolean
join_identity (HeSessionRecord *into, const HeSessionRecord *from)
{
  int order = compare_identity (from, into);
  if (order < 0) {
    into->opened = from->opened;
    into->hard_end = from->hard_end;
    into->max_sessions = from->max_sessions;
    into->has_address = from->has_address;
    memcpy (into->address_hash, from->address_hash, sizeof into->address_hash);
    g_strfreev (into->rights);
    into->rights = g_strdupv (from->rights);
    return TRUE;
  }
  if (order == 0
      && (from->hard_end < into->hard_end || from->max_sessions < into->max_sessions)) {
    into->hard_end = MIN (into->hard_end, from->hard_end);
    into->max_sessions = MIN (into->max_sessions, from->max_sessions);
    return TRUE;
  }
  return FALSE;
}

/* Who lost its slot to self is told to the peers, too. */
static HeCode
take_slot (HeSessions *sessions, HeSessionRecord *self, gint64 now, gboolean *ret_changed)
{
  g_autoptr (GPtrArray) losers = g_ptr_array_new ();
  GPtrArray *of_account = g_hash_table_lookup (sessions->by_account, self->account);
  HeCode code = he_session_take_slot (sessions->policy, sessions->slot_ttl, of_account,
                                      self, now, losers);
  for (guint i = 0; i < losers->len; i++)
    he_sessions_mark_dirty (sessions, losers->pdata[i]);
  *ret_changed = losers->len > 0 || code == HE_CODE_EVICTED;
  return code;
}

HeCode
he_sessions_check_known (HeSessions *sessions, HeSessionRecord *known,
             const HeSessionRecord *contents, HeTouch touch, gint64 now)
{
  if (strcmp (known->account, contents->account) != 0)
    return HE_CODE_CREDENTIAL;
  /* A token says when it is shown, not when the session was opened: only what we sealed
   * may take a session over. */
  if ((touch == HE_TOUCH_PLAYLIST || touch == HE_TOUCH_MEDIA)
      && join_identity (known, contents))
    he_sessions_mark_dirty (sessions, known);
  if (!he_session_same_address (known, contents))
    return HE_CODE_ADDRESS;
  if (known->ended != HE_CODE_NONE)
    return known->ended;
  if (now >= known->hard_end || (touch == HE_TOUCH_MEDIA && now >= known->lease_end))
    return HE_CODE_LEASE;
  if (touch == HE_TOUCH_REJOIN && now >= known->lease_end && !sessions->shared)
    return HE_CODE_EXPIRED;
  return HE_CODE_OK;
}

static gboolean
moves_too_often (HeSessions *sessions, const HeSessionRecord *contents, gint64 now)
{
  return he_session_moves_too_often (
      g_hash_table_lookup (sessions->by_account, contents->account), contents, now);
}

/* A session that this gate has not heard of, opened here or elsewhere. What its lease was
 * is not known then; the next playlist request would extend it anyway. */
static HeSessionRecord *
record_from_contents (const HeSessionRecord *contents, gint64 lease_end)
{
  HeSessionRecord *record = he_session_record_copy (contents);
  record->lease_end = MIN (lease_end, record->hard_end);
  record->last_seen = 0;
  record->ended = HE_CODE_NONE;
  return record;
}

static HeCode
touch_locked (HeSessions *sessions, const HeSessionRecord *contents, HeTouch touch,
              gint64 now, gboolean *ret_changed)
{
  HeSessionRecord *record = g_hash_table_lookup (sessions->by_id, contents->id);
  gboolean known = record != NULL;
  if (known) {
    HeCode code = he_sessions_check_known (sessions, record, contents, touch, now);
    if (code != HE_CODE_OK)
      return code;
  } else if (touch == HE_TOUCH_REJOIN) {
    return HE_CODE_EXPIRED;
  } else {
    if ((touch == HE_TOUCH_ENTRY && moves_too_often (sessions, contents, now))
        || !he_sessions_make_room (sessions, contents, now))
      return HE_CODE_TOO_MANY;
    record = record_from_contents (contents, now + sessions->lease);
  }
  HeCode code = take_slot (sessions, record, now, ret_changed);
  if (!known && code == HE_CODE_TOO_MANY) {
    he_session_record_free (record);
    return code;
  }
  if (!known)
    he_sessions_insert (sessions, record);
  if (code == HE_CODE_OK) {
    record->last_seen = MAX (record->last_seen, now);
    if (touch != HE_TOUCH_MEDIA)
      record->lease_end
          = MIN (MAX (record->lease_end, now + sessions->lease), record->hard_end);
    if (!known && touch == HE_TOUCH_ENTRY)
      *ret_changed = TRUE;
  }
  if (code != HE_CODE_TOO_MANY)
    he_sessions_mark_dirty (sessions, record);
  return code;
}

HeCode
he_sessions_touch (HeSessions *sessions, const HeSessionRecord *contents, HeTouch touch,
                   gint64 now, gboolean *ret_changed)
{
  *ret_changed = FALSE;
  if (now >= contents->hard_end)
    return HE_CODE_LEASE;
  g_mutex_lock (&sessions->lock);
  if (now >= sessions->next_sweep)
    sweep (sessions, now);
  HeCode code = sessions->shared
                    ? he_sessions_touch_shared (sessions, contents, touch, now)
                    : touch_locked (sessions, contents, touch, now, ret_changed);
  g_mutex_unlock (&sessions->lock);
  return code;
}

HeCode
he_sessions_may_enter (HeSessions *sessions, const HeSessionRecord *contents, gint64 now)
{
  g_mutex_lock (&sessions->lock);
  HeSessionRecord *known = g_hash_table_lookup (sessions->by_id, contents->id);
  HeCode code = HE_CODE_OK;
  if (known)
    code = he_sessions_check_known (sessions, known, contents, HE_TOUCH_ENTRY, now);
  else if (moves_too_often (sessions, contents, now)
           || !he_sessions_make_room (sessions, contents, now))
    code = HE_CODE_TOO_MANY;
  g_mutex_unlock (&sessions->lock);
  return code;
}

gboolean
he_sessions_lookup (HeSessions *sessions, const guint8 id[16],
                    HeSessionRecord *ret_record)
{
  g_mutex_lock (&sessions->lock);
  HeSessionRecord *record = g_hash_table_lookup (sessions->by_id, id);
  g_autofree HeSessionRecord *copy = record ? he_session_record_copy (record) : NULL;
  g_mutex_unlock (&sessions->lock);
  if (copy)
    *ret_record = *copy;
  return copy != NULL;
}

gint64
he_sessions_lease_end (HeSessions *sessions, const guint8 id[16])
{
  g_mutex_lock (&sessions->lock);
  HeSessionRecord *record = g_hash_table_lookup (sessions->by_id, id);
  gint64 end = record ? record->lease_end : 0;
  g_mutex_unlock (&sessions->lock);
  return end;
}

gboolean
he_sessions_end (HeSessions *sessions, const guint8 id[16], HeCode why, gint64 now)
{
  g_mutex_lock (&sessions->lock);
  HeSessionRecord *record = g_hash_table_lookup (sessions->by_id, id);
  if (record && why > record->ended) {
    record->ended = why;
    he_sessions_mark_dirty (sessions, record);
  }
  g_mutex_unlock (&sessions->lock);
  return record != NULL;
}

guint
he_sessions_end_account (HeSessions *sessions, const char *account, gint64 opened_by,
                         HeCode why)
{
  guint ended = 0;
  g_mutex_lock (&sessions->lock);
  GPtrArray *of_account = g_hash_table_lookup (sessions->by_account, account);
  for (guint i = 0; of_account && i < of_account->len; i++) {
    HeSessionRecord *record = of_account->pdata[i];
    if (record->opened > opened_by || why <= record->ended)
      continue;
    record->ended = why;
    he_sessions_mark_dirty (sessions, record);
    ended++;
  }
  g_mutex_unlock (&sessions->lock);
  return ended;
}

guint
he_sessions_count (HeSessions *sessions, gint64 now)
{
  GHashTableIter iter;
  gpointer value;
  guint count = 0;
  g_mutex_lock (&sessions->lock);
  g_hash_table_iter_init (&iter, sessions->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    count += he_session_is_live (value, sessions->slot_ttl, now) ? 1 : 0;
  g_mutex_unlock (&sessions->lock);
  return count;
}

char *
he_sessions_changes_to_json (HeSessions *sessions)
{
  GHashTableIter iter;
  gpointer record;
  g_mutex_lock (&sessions->lock);
  if (g_hash_table_size (sessions->dirty) == 0) {
    g_mutex_unlock (&sessions->lock);
    return NULL;
  }
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  g_hash_table_iter_init (&iter, sessions->dirty);
  while (g_hash_table_iter_next (&iter, &record, NULL))
    he_session_record_to_json (record, writer);
  g_hash_table_remove_all (sessions->dirty);
  g_mutex_unlock (&sessions->lock);
  return he_json_writer_end (writer);
}

static char *
some_to_json (HeSessions *sessions, guint from, guint to)
{
  GHashTableIter iter;
  gpointer value;
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  g_mutex_lock (&sessions->lock);
  g_hash_table_iter_init (&iter, sessions->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const HeSessionRecord *record = value;
    guint digit = record->id[0] >> 4;
    if (digit >= from && digit < to)
      he_session_record_to_json (record, writer);
  }
  g_mutex_unlock (&sessions->lock);
  return he_json_writer_end (writer);
}

char *
he_sessions_to_json (HeSessions *sessions)
{
  return some_to_json (sessions, 0, HE_SESSIONS_PARTS);
}

char *
he_sessions_part_to_json (HeSessions *sessions, guint digit)
{
  return some_to_json (sessions, digit, digit + 1);
}

char *
he_sessions_account_to_json (HeSessions *sessions, const char *account)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_array (writer, NULL);
  g_mutex_lock (&sessions->lock);
  GPtrArray *of_account = g_hash_table_lookup (sessions->by_account, account);
  for (guint i = 0; of_account && i < of_account->len; i++)
    he_session_record_to_json (of_account->pdata[i], writer);
  g_mutex_unlock (&sessions->lock);
  return he_json_writer_end (writer);
}

/* A join: any order and any repetition of batches leads to the same table. A peer's clock
 * that runs ahead must not keep slots and leases alive here. */
static void
merge_record (HeSessions *sessions, HeSessionRecord *from, gint64 now)
{
  from->last_seen = MIN (from->last_seen, now);
  from->lease_end = MIN (from->lease_end, now + sessions->lease);
  HeSessionRecord *into = g_hash_table_lookup (sessions->by_id, from->id);
  if (from->hard_end + RETAIN <= now)
    return;
  if (!into) {
    if (he_sessions_make_room (sessions, from, now))
      he_sessions_insert (sessions, he_session_record_copy (from));
    return;
  }
  if (strcmp (into->account, from->account) != 0)
    return;
  join_identity (into, from);
  into->last_seen = MAX (into->last_seen, from->last_seen);
  into->lease_end = MAX (into->lease_end, from->lease_end);
  into->ended = MAX (into->ended, from->ended);
}

/* The account that all records are of; or NULL. */
static const char *
only_account (const GPtrArray *batch)
{
  const char *account = NULL;
  for (guint i = 0; i < batch->len; i++) {
    const HeSessionRecord *record = batch->pdata[i];
    if (account && strcmp (account, record->account) != 0)
      return NULL;
    account = record->account;
  }
  return account;
}

gboolean
he_sessions_exchange_json (HeSessions *sessions, const char *text, gssize len, gint64 now,
                           char **ret_known, GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (text, len, HE_SESSIONS_JSON_MAX, 4, error);
  if (!root)
    return FALSE;
  if (he_json_type (root) != HE_JSON_ARRAY)
    return he_json_set_error (error, root, "a batch of sessions must be an array");
  g_autoptr (GPtrArray) batch = g_ptr_array_new_with_free_func ((GDestroyNotify)he_session_record_free);
  for (guint i = 0; i < he_json_length (root); i++) {
    HeSessionRecord record;
    if (!he_session_record_from_json (he_json_element (root, i), &record, error))
      return FALSE;
    g_ptr_array_add (batch, g_memdup2 (&record, sizeof record));
  }
  g_mutex_lock (&sessions->lock);
  if (now >= sessions->next_sweep)
    sweep (sessions, now);
  for (guint i = 0; i < batch->len; i++)
    merge_record (sessions, batch->pdata[i], now);
  g_mutex_unlock (&sessions->lock);
  const char *account = ret_known ? only_account (batch) : NULL;
  if (ret_known)
    *ret_known = account ? he_sessions_account_to_json (sessions, account) : NULL;
  return TRUE;
}

gboolean
he_sessions_merge_json (HeSessions *sessions, const char *text, gssize len, gint64 now,
                        GError **error)
{
  return he_sessions_exchange_json (sessions, text, len, now, NULL, error);
}
