/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-session-private.h"

#include <string.h>

#define MOVES_WITHIN (3600 * (gint64)G_USEC_PER_SEC)

gboolean
he_session_is_live (const HeSessionRecord *record, gint64 slot_ttl, gint64 now)
{
  return record->ended == HE_CODE_NONE && now < record->hard_end
         && now < record->last_seen + slot_ttl;
}

int
he_session_compare_opened (const HeSessionRecord *a, const HeSessionRecord *b)
{
  if (a->opened != b->opened)
    return a->opened < b->opened ? -1 : 1;
  return memcmp (a->id, b->id, sizeof a->id);
}

static int
compare_pointers (gconstpointer a, gconstpointer b)
{
  return he_session_compare_opened (*(const HeSessionRecord *const *)a,
                                    *(const HeSessionRecord *const *)b);
}

static gboolean
is_alone (const GPtrArray *of_account, const HeSessionRecord *self, gint64 slot_ttl,
          gint64 now)
{
  for (guint i = 0; of_account && i < of_account->len; i++)
    if (of_account->pdata[i] != self
        && he_session_is_live (of_account->pdata[i], slot_ttl, now))
      return FALSE;
  return TRUE;
}

/* The sessions that hold or claim a slot, self among them, the earliest opened first. */
static GPtrArray *
claimants (const GPtrArray *of_account, HeSessionRecord *self, gint64 slot_ttl,
           gint64 now)
{
  GPtrArray *live = g_ptr_array_new ();
  for (guint i = 0; of_account && i < of_account->len; i++) {
    HeSessionRecord *record = of_account->pdata[i];
    if (record != self && he_session_is_live (record, slot_ttl, now))
      g_ptr_array_add (live, record);
  }
  g_ptr_array_add (live, self);
  g_ptr_array_sort (live, compare_pointers);
  return live;
}

/* The lowest limit that any of an account's tokens named. */
static guint
account_limit (const GPtrArray *live)
{
  guint limit = G_MAXUINT;
  for (guint i = 0; i < live->len; i++)
    limit = MIN (limit, ((const HeSessionRecord *)live->pdata[i])->max_sessions);
  return MAX (limit, 1);
}

/* The latest opened hold the slots. Being evicted is for good, or two players would take
 * the slot from each other for ever. */
static HeCode
evict_oldest (const GPtrArray *live, guint limit, HeSessionRecord *self,
              GPtrArray *losers)
{
  for (guint i = 0; i + limit < live->len; i++) {
    HeSessionRecord *loser = live->pdata[i];
    loser->ended = HE_CODE_EVICTED;
    if (loser != self)
      g_ptr_array_add (losers, loser);
  }
  return self->ended == HE_CODE_NONE ? HE_CODE_OK : HE_CODE_EVICTED;
}

/* Who holds a slot keeps it while it is heard of. When gates that could not see each
 * other gave out too many, the earliest opened keep theirs. */
static HeCode
reject_newest (GPtrArray *live, guint limit, const HeSessionRecord *self, gboolean holds)
{
  guint rank = 0;
  if (live->len <= limit)
    return HE_CODE_OK;
  g_ptr_array_find (live, self, &rank);
  return holds && rank < limit ? HE_CODE_OK : HE_CODE_TOO_MANY;
}

HeCode
he_session_take_slot (HeSessionPolicy policy, gint64 slot_ttl,
                      const GPtrArray *of_account, HeSessionRecord *self, gint64 now,
                      GPtrArray *losers)
{
  gboolean holds = he_session_is_live (self, slot_ttl, now);
  if (self->ended == HE_CODE_NONE && is_alone (of_account, self, slot_ttl, now))
    return HE_CODE_OK;
  g_autoptr (GPtrArray) live = claimants (of_account, self, slot_ttl, now);
  guint limit = account_limit (live);
  return policy == HE_SESSIONS_EVICT_OLDEST ? evict_oldest (live, limit, self, losers)
                                            : reject_newest (live, limit, self, holds);
}

gboolean
he_session_same_address (const HeSessionRecord *a, const HeSessionRecord *b)
{
  return a->has_address == b->has_address
         && (!a->has_address
             || memcmp (a->address_hash, b->address_hash, sizeof a->address_hash) == 0);
}

static guint
count_moves (GPtrArray *sessions, gint64 now)
{
  guint moves = 0;
  g_ptr_array_sort (sessions, compare_pointers);
  for (guint i = 1; i < sessions->len; i++) {
    const HeSessionRecord *record = sessions->pdata[i];
    moves += record->opened > now - MOVES_WITHIN
             && !he_session_same_address (record, sessions->pdata[i - 1]);
  }
  return moves;
}

gboolean
he_session_moves_too_often (const GPtrArray *of_account, const HeSessionRecord *coming,
                            gint64 now)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  for (guint i = 0; of_account && i < of_account->len; i++)
    g_ptr_array_add (all, of_account->pdata[i]);
  guint before = count_moves (all, now);
  /* Not always the last: of many at once one that was opened later may have come first.
   */
  g_ptr_array_add (all, (gpointer)coming);
  guint after = count_moves (all, now);
  return after > before && after > HE_SESSION_MOVES (coming->max_sessions);
}
