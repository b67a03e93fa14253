/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "he-session.h"

G_BEGIN_DECLS

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

G_END_DECLS
