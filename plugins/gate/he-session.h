/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-token.h"

G_BEGIN_DECLS

/* Sessions and the slots of accounts, in memory, replicated to peers as JSON batches.
 * Bounded: past max_sessions new sessions are refused, and records end with their hard end.
 * All times are unix microseconds. Thread-safe. */
typedef struct _HeSessions HeSessions;

typedef enum { HE_SESSIONS_EVICT_OLDEST, HE_SESSIONS_REJECT_NEWEST } HeSessionPolicy;

typedef struct {
  guint8 id[16];
  char *account;
  char **rights;
  gboolean has_address;
  guint8 address_hash[16];
  guint max_sessions; /* of the account */
  gint64 opened, hard_end, lease_end, last_seen;
  HeCode ended; /* HE_CODE_NONE while it lives; else why it ended */
  gboolean wants_lease; /* shared: since the last settling */
  gint64 settled;
} HeSessionRecord;

void he_session_record_clear (HeSessionRecord *record);
HeSessionRecord *he_session_record_copy (const HeSessionRecord *record);
void he_session_record_free (HeSessionRecord *record);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HeSessionRecord, he_session_record_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSessionRecord, he_session_record_free)

/* Of the ids, for hash tables. */
guint he_session_id_hash (gconstpointer id);
gboolean he_session_id_equal (gconstpointer a, gconstpointer b);

HeSessions *he_sessions_new (HeSessionPolicy policy, gint64 lease, gint64 slot_ttl,
                             guint max_sessions);
void he_sessions_free (HeSessions *sessions); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSessions, he_sessions_free)

typedef enum {
  HE_TOUCH_ENTRY,    /* opens the session, or finds it open */
  HE_TOUCH_PLAYLIST, /* heartbeat; extends or revives the lease */
  HE_TOUCH_MEDIA,    /* heartbeat; needs a running lease */
  HE_TOUCH_REJOIN,   /* as PLAYLIST, of a known session whose lease runs, by a token that has
                        expired: else HE_CODE_EXPIRED */
} HeTouch;

/* The one way in: rebuilds the record from a credential's or token's contents when this gate
 * does not know it, takes or keeps a slot by the policy, moves lease and heartbeat. Returns
 * HE_CODE_OK or why not. *ret_changed is TRUE when peers should know before the answer (a
 * session was opened, evicted or ended). A session is opened from another address than the
 * account's last one so many times an hour, no oftener: HE_CODE_TOO_MANY. With m sessions that
 * the account may have at once, that is the lesser of 12 m and 48 + m. */
HeCode he_sessions_touch (HeSessions *sessions, const HeSessionRecord *contents,
                          HeTouch touch, gint64 now, gboolean *ret_changed);

/* Would touching with HE_TOUCH_ENTRY be refused whoever holds the account's slots? Returns
 * why, as the session ended, is at another address or there is no room; else HE_CODE_OK. */
HeCode he_sessions_may_enter (HeSessions *sessions, const HeSessionRecord *contents,
                              gint64 now);

/* --- Slots and leases that are given out elsewhere (he-redis.h) --------------------------- */

/* From now on this is a mirror. Touching grants what was settled: to sessions whose lease
 * runs, and an opening to one whose slot is held. For all else the code is
 * HE_CODE_UNAVAILABLE, and where the slots are must be asked; what is said there is settled,
 * and the same touch is then granted. Before the first touch. */
void he_sessions_share (HeSessions *sessions);
gboolean he_sessions_is_shared (const HeSessions *sessions);

typedef struct {
  HeCode code;
  gint64 opened, hard_end, lease_end; /* with HE_CODE_OK */
} HeSessionVerdict;
/* Returns the verdict's code, or why there is no room. That a session has ended is kept, so that
 * it is not asked for again. */
HeCode he_sessions_settle (HeSessions *sessions, const HeSessionRecord *contents,
                           const HeSessionVerdict *verdict, gint64 now);
/* Copies of those that were touched and not settled for a third of slot_ttl; or of all that
 * hold a slot. wants_lease: a lease is to be extended, not a heartbeat alone. */
GPtrArray *he_sessions_take_owed (HeSessions *sessions, gboolean everything, gint64 now);

/* A copy of what is known of a session. FALSE, and *ret_record untouched, when nothing is. */
gboolean he_sessions_lookup (HeSessions *sessions, const guint8 id[16],
                             HeSessionRecord *ret_record);

/* When its lease ends; 0 when nothing is known of the session. */
gint64 he_sessions_lease_end (HeSessions *sessions, const guint8 id[16]);

/* Ends a session. FALSE when it is not known. */
gboolean he_sessions_end (HeSessions *sessions, const guint8 id[16], HeCode why, gint64 now);

/* Ends those of an account that were opened by a moment. Returns how many it were. */
guint he_sessions_end_account (HeSessions *sessions, const char *account, gint64 opened_by,
                               HeCode why);

/* What changed since the last call with the same clear flag, or all: a JSON array for
 * /control/sessions; NULL when nothing changed. */
char *he_sessions_changes_to_json (HeSessions *sessions);
char *he_sessions_to_json (HeSessions *sessions);
/* Those whose id begins with a hex digit: a full table is more than one message holds. */
#define HE_SESSIONS_PARTS 16
char *he_sessions_part_to_json (HeSessions *sessions, guint digit);
/* One account's records, for replication before an answer. */
char *he_sessions_account_to_json (HeSessions *sessions, const char *account);
/* Merging is commutative and idempotent: ends win, later heartbeats and leases win, and of
 * two openings of one session the earlier one (then the lower address hash). Nothing is
 * merged when any record is malformed; len may be -1. */
#define HE_SESSIONS_JSON_MAX (32 * 1024 * 1024) /* bytes */
gboolean he_sessions_merge_json (HeSessions *sessions, const char *text, gssize len,
                                 gint64 now, GError **error);
/* The same. ret_known: what is then known of the account, where all records are of one; else
 * NULL. Who opened a session there learns by it who else did meanwhile. */
gboolean he_sessions_exchange_json (HeSessions *sessions, const char *text, gssize len,
                                    gint64 now, char **ret_known, GError **error);

guint he_sessions_count (HeSessions *sessions, gint64 now); /* with a live slot */

G_END_DECLS
