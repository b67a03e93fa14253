/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which sessions the operator's authorizer is to be asked about, while playlist requests
 * extend their leases, and what follows when it does not answer. Pure: whoever asks is
 * elsewhere (he-authorizer.h). A session is asked about when half a lease has passed, and
 * then whenever what was allowed is over. After HE_RENEWALS_FAILURES failures in a row the
 * breaker opens: for five seconds, longer with each time, up to a minute, nothing is asked,
 * then one question goes to see. Times are unix microseconds. Thread-safe. */
typedef struct _HeRenewals HeRenewals;

#define HE_RENEWALS_FAILURES 5
#define HE_RENEWALS_QUEUE 4096 /* that wait to be asked about; what is more comes later */
#define HE_RENEWALS_AT_ONCE 8
#define HE_RENEWALS_SESSIONS                                                             \
  200000 /* twice what there is of sessions: some have just ended */

/* ends: a lease runs out that nobody allowed for as long as it is; else it goes on. */
HeRenewals *he_renewals_new (gint64 lease, gboolean ends);
void he_renewals_free (HeRenewals *renewals); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeRenewals, he_renewals_free)

typedef enum {
  HE_RENEWAL_GOES_ON,
  HE_RENEWAL_DUE,    /* there is something to take */
  HE_RENEWAL_LAPSED, /* nobody allowed it in time: its lease is to end */
} HeRenewalStep;

/* A playlist request of the session was granted. */
HeRenewalStep
he_renewals_note (HeRenewals *renewals, const guint8 session[16], gint64 now);

/* The next session to ask about, if there is one and it may be asked now. It counts as being
 * asked about until it is answered. */
gboolean he_renewals_take (HeRenewals *renewals, guint8 ret_session[16]);

typedef enum { HE_RENEWAL_FAILED, HE_RENEWAL_ALLOWED, HE_RENEWAL_REFUSED } HeRenewalAnswer;

/* seconds: how long it is allowed for, 0: for half a lease; a lease at most. TRUE: the breaker
 * has opened or closed. */
gboolean he_renewals_answer (HeRenewals *renewals, const guint8 session[16],
                             HeRenewalAnswer answer, guint seconds, gint64 now);
/* Nobody need be asked about what was taken: the session is over. */
void he_renewals_drop (HeRenewals *renewals, const guint8 session[16]);
gboolean he_renewals_is_broken (HeRenewals *renewals);

G_END_DECLS
