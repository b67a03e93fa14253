/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "he-session.h"

G_BEGIN_DECLS

struct _HeSessions {
  GMutex lock; /* guards all below */
  HeSessionPolicy policy;
  gint64 lease, slot_ttl;
  guint max_sessions;
  GHashTable *by_id;      /* id -> HeSessionRecord, owned */
  GHashTable *by_account; /* account -> GPtrArray of borrowed HeSessionRecord */
  GHashTable *dirty;      /* set of borrowed HeSessionRecord that peers have not seen */
  GHashTable *owed;       /* set of borrowed HeSessionRecord that are to be settled */
  gboolean shared;
  gint64 next_sweep;
};

/* Of he-session.c; the lock is held. */
gboolean he_sessions_make_room (HeSessions *sessions, const HeSessionRecord *coming,
                                gint64 now);
void he_sessions_insert (HeSessions *sessions, HeSessionRecord *record);
void he_sessions_mark_dirty (HeSessions *sessions, HeSessionRecord *record);
HeCode he_sessions_check_known (HeSessions *sessions, HeSessionRecord *known,
                                const HeSessionRecord *contents, HeTouch touch, gint64 now);
HeCode he_sessions_touch_shared (HeSessions *sessions, const HeSessionRecord *contents,
                                 HeTouch touch, gint64 now);

/* One record of a batch. */
void he_session_record_to_json (const HeSessionRecord *record, HeJsonWriter *writer);
gboolean he_session_record_from_json (const HeJson *node, HeSessionRecord *ret_record,
                                      GError **error);

/* Has it been heard of within slot_ttl, and may it go on? */
gboolean he_session_is_live (const HeSessionRecord *record, gint64 slot_ttl, gint64 now);

/* Which was opened earlier; ids settle a tie alike on every gate. */
int he_session_compare_opened (const HeSessionRecord *a, const HeSessionRecord *b);

/* Gives self a slot of its account, or says why not. of_account holds the account's
 * records and may be NULL. Evicting marks records as ended, self or others; the others
 * are appended to losers. */
HeCode he_session_take_slot (HeSessionPolicy policy, gint64 slot_ttl,
                             const GPtrArray *of_account, HeSessionRecord *self,
                             gint64 now, GPtrArray *losers);

gboolean he_session_same_address (const HeSessionRecord *a, const HeSessionRecord *b);

/* How often in an hour the account's next session may be opened from another address than
 * the one before, by what each session may be; fewer than the records that are kept of an
 * account. he-redis.lua has the same. */
#define HE_SESSION_MOVES(max_sessions) MIN (12 * (max_sessions), 48 + (max_sessions))
gboolean he_session_moves_too_often (const GPtrArray *of_account,
                                     const HeSessionRecord *coming, gint64 now);

G_END_DECLS
