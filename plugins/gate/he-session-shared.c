/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-session-private.h"

void
he_sessions_share (HeSessions *sessions)
{
  sessions->shared = TRUE;
}

gboolean
he_sessions_is_shared (const HeSessions *sessions)
{
  return sessions->shared;
}

/* Heartbeats and leases are asked for later, in batches: only who is not known to hold a slot
 * and a lease has to wait. What was paused longer than a slot is kept goes on for the moment,
 * and is told so when the slot is taken. */
HeCode
he_sessions_touch_shared (HeSessions *sessions, const HeSessionRecord *contents,
                          HeTouch touch, gint64 now)
{
  HeSessionRecord *record = g_hash_table_lookup (sessions->by_id, contents->id);
  if (!record)
    return HE_CODE_UNAVAILABLE;
  HeCode code = he_sessions_check_known (sessions, record, contents, touch, now);
  if (code != HE_CODE_OK)
    return code;
  if (now >= record->lease_end
      || (touch == HE_TOUCH_ENTRY && !he_session_is_live (record, sessions->slot_ttl, now)))
    return HE_CODE_UNAVAILABLE;
  record->last_seen = MAX (record->last_seen, now);
  record->wants_lease |= touch != HE_TOUCH_MEDIA;
  g_hash_table_add (sessions->owed, record);
  return HE_CODE_OK;
}

static HeCode
settle_locked (HeSessions *sessions, const HeSessionRecord *contents,
               const HeSessionVerdict *verdict, gint64 now)
{
  HeSessionRecord *record = g_hash_table_lookup (sessions->by_id, contents->id);
  gboolean is_new = record == NULL;
  gboolean ended
      = verdict->code == HE_CODE_EVICTED || verdict->code == HE_CODE_REVOKED;
  if (!record && verdict->code != HE_CODE_OK && !ended)
    return verdict->code;
  if (!record) {
    if (!he_sessions_make_room (sessions, contents, now))
      return ended ? verdict->code : HE_CODE_TOO_MANY;
    record = he_session_record_copy (contents);
    record->ended = HE_CODE_NONE;
    record->last_seen = record->lease_end = 0;
    he_sessions_insert (sessions, record);
  }
  record->settled = now;
  if (verdict->code == HE_CODE_OK) {
    if (is_new)
      record->opened = verdict->opened;
    record->hard_end = verdict->hard_end;
    record->lease_end = verdict->lease_end;
    record->last_seen = MAX (record->last_seen, contents->settled ? 0 : now);
  } else if (ended) {
    record->ended = MAX (record->ended, verdict->code);
  } else if (verdict->code != HE_CODE_ADDRESS) {
    record->lease_end = 0; /* it has to ask again */
  }
  he_sessions_mark_dirty (sessions, record);
  return verdict->code;
}

HeCode
he_sessions_settle (HeSessions *sessions, const HeSessionRecord *contents,
                    const HeSessionVerdict *verdict, gint64 now)
{
  g_mutex_lock (&sessions->lock);
  HeCode code = settle_locked (sessions, contents, verdict, now);
  g_mutex_unlock (&sessions->lock);
  return code;
}

GPtrArray *
he_sessions_take_owed (HeSessions *sessions, gboolean everything, gint64 now)
{
  GPtrArray *owed
      = g_ptr_array_new_with_free_func ((GDestroyNotify)he_session_record_free);
  GHashTableIter iter;
  gpointer value;
  g_mutex_lock (&sessions->lock);
  g_hash_table_iter_init (&iter, everything ? sessions->by_id : sessions->owed);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    HeSessionRecord *record = value;
    gboolean due = everything ? he_session_is_live (record, sessions->slot_ttl, now)
                              : now >= record->settled + sessions->slot_ttl / 3;
    if (!due)
      continue;
    record->settled = now; /* asked, so that it is not again at once */
    g_ptr_array_add (owed, he_session_record_copy (record));
    record->wants_lease = FALSE;
    if (!everything)
      g_hash_table_iter_remove (&iter);
  }
  if (everything)
    g_hash_table_remove_all (sessions->owed);
  g_mutex_unlock (&sessions->lock);
  return owed;
}
