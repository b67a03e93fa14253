/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"
#include "he-state.h"

G_BEGIN_DECLS

/* What no longer opens or keeps a session, though its signature is good:
 *
 *   a session, or the token that opens it (which is the same:
 * he_credential_session_id()); an account, up to a moment: sessions that were opened and
 * tokens that were issued by then. A token that is issued later opens again.
 *
 * Each is remembered until a moment of its own, which whoever revokes puts behind the end
 * of the token. Kept in a file of the state folder, and told to the other origins as
 * JSON:
 *
 *   [{"session": 32 hex digits | "account": TEXT, "at": T, "until": T}, …]
 *
 * with unix microseconds. Merging is commutative and idempotent. Thread-safe. */
typedef struct _HeRevocations HeRevocations;

#define HE_REVOKE_PATH "/control/revocations" /* of an origin's internal listener */
#define HE_REVOCATIONS_MAX 65536
/* Refusals of an authorizer leave the rest to the operator. */
#define HE_REVOCATIONS_REFUSED_MAX (HE_REVOCATIONS_MAX / 2)
#define HE_REVOCATIONS_JSON_MAX (32 * 1024 * 1024) /* bytes */
#define HE_REVOCATIONS_FILE "revocations.json"
/* How long one is remembered when nothing is said, and at most. */
#define HE_REVOCATION_KEEP (30 * 86400)           /* seconds */
#define HE_REVOCATION_KEEP_MAX (10 * 365 * 86400) /* seconds */

typedef struct {
  char *account; /* NULL: a session */
  guint8 session[16];
  gint64 at, until; /* unix microseconds */
} HeRevocation;

/* credential: the key that sessions' ids are made with. folder, which exists, may be
 * NULL: then nothing is kept. At most max are held. A file that cannot be understood is
 * renamed; *ret_aside: its new path, or NULL. */
HeRevocations *
he_revocations_new (const HeSecret *credential, const char *folder, guint max, gint64 now,
                    char **ret_aside, GError **error);
void he_revocations_free (HeRevocations *revocations); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeRevocations, he_revocations_free)

/* since: when the session was opened, or its token issued. Takes no lock while there are
 * none. */
gboolean he_revocations_match (HeRevocations *revocations, const guint8 session[16],
                               const char *account, gint64 since, gint64 now);

/* Merges such a list, all of it or nothing. Beside what stands above, an element may name
 * a "token" by its id (headend_tid), leave out "at" (now), and have "keep" (seconds)
 * instead of "until". Returns what is new as HeRevocation, maybe nothing; NULL with
 * HE_ERROR_INVALID, or with HE_ERROR_LIMIT when there is no room. len may be -1. */
GPtrArray *he_revocations_merge (HeRevocations *revocations, const char *text, gssize len,
                                 gint64 now, GError **error);

char *he_revocations_list_to_json (const GPtrArray *list);
char *he_revocations_to_json (HeRevocations *revocations);
/* Has the file written, whole, and does not wait for that. One thread at a time. Returns
 * a number to ask for it with; 0 without a folder. */
guint64 he_revocations_save (HeRevocations *revocations);
/* See he_state_writer_wait(). */
HeStateResult he_revocations_saved (HeRevocations *revocations, guint64 number,
                                    gint64 patience, GError **error);

typedef struct {
  guint sessions, accounts;
} HeRevocationsCount;
/* Of those that are not over. */
HeRevocationsCount he_revocations_count (HeRevocations *revocations, gint64 now);

G_END_DECLS
