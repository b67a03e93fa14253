/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-renewals.h"

#include <string.h>

#include "he-session.h"

#define BREAK_MIN (5 * (gint64)G_USEC_PER_SEC)
#define BREAK_MAX (60 * (gint64)G_USEC_PER_SEC)
#define AGAIN (5 * (gint64)G_USEC_PER_SEC) /* after a failure */

typedef struct {
  GList link; /* in idle or queue, or in neither while it is asked about */
  guint8 session[16];
  gint64 due, until, seen;
  gboolean waiting; /* in the queue, or being asked about */
  gboolean failed;  /* since it was allowed */
} Entry;

struct _HeRenewals {
  gint64 lease;
  gboolean ends;
  GMutex lock;       /* guards the rest */
  GHashTable *table; /* session -> Entry */
  GQueue idle;       /* Entry, the one seen longest ago first */
  GQueue queue;      /* Entry, to be asked about */
  guint asking;
  guint failures; /* in a row */
  gboolean broken;
  gboolean probing; /* the one question of a broken one is under way */
  gint64 retry_at, pause; /* of the breaker */
};

HeRenewals *
he_renewals_new (gint64 lease, gboolean ends)
{
  HeRenewals *renewals = g_new0 (HeRenewals, 1);
  renewals->lease = lease;
  renewals->ends = ends;
  renewals->pause = BREAK_MIN;
  g_mutex_init (&renewals->lock);
  g_queue_init (&renewals->idle);
  g_queue_init (&renewals->queue);
  renewals->table = g_hash_table_new_full (he_session_id_hash, he_session_id_equal, NULL, g_free);
  return renewals;
}

void
he_renewals_free (HeRenewals *renewals)
{
  if (!renewals)
    return;
  g_hash_table_unref (renewals->table);
  g_mutex_clear (&renewals->lock);
  g_free (renewals);
}

/* Below, the lock is held. */

static void
forget (HeRenewals *renewals, Entry *entry)
{
  if (!entry->waiting)
    g_queue_unlink (&renewals->idle, &entry->link);
  g_hash_table_remove (renewals->table, entry->session);
}

static void
set_idle (HeRenewals *renewals, Entry *entry)
{
  entry->waiting = FALSE;
  g_queue_push_tail_link (&renewals->idle, &entry->link);
}

static gboolean
is_over (HeRenewals *renewals, const Entry *entry, gint64 now)
{
  return !entry->waiting && entry->seen + renewals->lease < now;
}

/* Of those whose leases are over more go than come. Where there are too many, the one goes
 * that was seen longest ago, whatever is known of it: as a node has no more than half as many
 * sessions, it has ended, or paused while all others came. */
static void
make_room (HeRenewals *renewals, gint64 now)
{
  Entry *entry;
  for (guint i = 0; i < 2 && (entry = g_queue_peek_head (&renewals->idle)); i++)
    if (is_over (renewals, entry, now)
        || g_hash_table_size (renewals->table) >= HE_RENEWALS_SESSIONS)
      forget (renewals, entry);
}

/* Whose place another takes is asked about as soon as it comes again: nobody goes on
 * unasked because there are many. Nor does who comes less often than once a lease. */
static Entry *
entry_of (HeRenewals *renewals, const guint8 session[16], gint64 now)
{
  Entry *entry = g_hash_table_lookup (renewals->table, session);
  if (entry && is_over (renewals, entry, now)) {
    entry->failed = FALSE;
    entry->due = now;
    entry->until = now + renewals->lease;
  }
  if (entry)
    return entry;
  gboolean full = g_hash_table_size (renewals->table) >= HE_RENEWALS_SESSIONS;
  make_room (renewals, now);
  entry = g_new0 (Entry, 1);
  entry->link.data = entry;
  memcpy (entry->session, session, sizeof entry->session);
  entry->due = full ? now : now + renewals->lease / 2;
  entry->until = now + renewals->lease;
  g_hash_table_insert (renewals->table, entry->session, entry);
  set_idle (renewals, entry);
  return entry;
}

/* A question that fails needs another playlist request to be put again. */
static void
give_up_queue (HeRenewals *renewals)
{
  GList *link;
  while ((link = g_queue_pop_head_link (&renewals->queue)))
    set_idle (renewals, link->data);
}

static gboolean
may_queue (const HeRenewals *renewals, gint64 now)
{
  if (renewals->broken)
    return now >= renewals->retry_at && renewals->asking == 0
           && renewals->queue.length == 0;
  return renewals->queue.length < HE_RENEWALS_QUEUE;
}

/* Whether a lease is over that nobody allowed. Who paused was not asked about meanwhile. */
static gboolean
has_lapsed (HeRenewals *renewals, Entry *entry, gint64 now)
{
  if (!renewals->ends || now < entry->until || entry->waiting)
    return FALSE;
  if (entry->failed || renewals->broken)
    return TRUE;
  entry->until = now + renewals->lease / 2;
  return FALSE;
}

static HeRenewalStep
note (HeRenewals *renewals, const guint8 session[16], gint64 now)
{
  Entry *entry = entry_of (renewals, session, now);
  entry->seen = now;
  if (has_lapsed (renewals, entry, now)) {
    forget (renewals, entry);
    return HE_RENEWAL_LAPSED;
  }
  if (entry->waiting)
    return HE_RENEWAL_GOES_ON;
  g_queue_unlink (&renewals->idle, &entry->link);
  if (now < entry->due || !may_queue (renewals, now)) {
    set_idle (renewals, entry);
    return HE_RENEWAL_GOES_ON;
  }
  entry->waiting = TRUE;
  renewals->probing = renewals->broken;
  g_queue_push_tail_link (&renewals->queue, &entry->link);
  return HE_RENEWAL_DUE;
}

/* What was under way as the breaker opened says nothing new. */
static void
failed (HeRenewals *renewals, gint64 now)
{
  if (renewals->broken ? !renewals->probing
                       : ++renewals->failures < HE_RENEWALS_FAILURES)
    return;
  renewals->pause
      = renewals->broken ? MIN (renewals->pause * 2, BREAK_MAX) : BREAK_MIN;
  renewals->broken = TRUE;
  renewals->probing = FALSE;
  renewals->retry_at = now + renewals->pause;
  give_up_queue (renewals);
}

static void
answered (HeRenewals *renewals, Entry *entry, HeRenewalAnswer answer, gint64 seconds,
          gint64 now)
{
  gint64 held = seconds ? MIN (seconds * (gint64)G_USEC_PER_SEC, renewals->lease)
                        : renewals->lease / 2;
  if (answer == HE_RENEWAL_REFUSED) {
    forget (renewals, entry);
    return;
  }
  set_idle (renewals, entry);
  if (answer == HE_RENEWAL_ALLOWED) {
    entry->failed = FALSE;
    entry->due = now + held;
    entry->until = entry->due + renewals->lease / 2;
  } else {
    entry->failed = TRUE;
    entry->due = now + AGAIN;
  }
}

/* With the lock. */

HeRenewalStep
he_renewals_note (HeRenewals *renewals, const guint8 session[16], gint64 now)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&renewals->lock);
  return note (renewals, session, now);
}

gboolean
he_renewals_take (HeRenewals *renewals, guint8 ret_session[16])
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&renewals->lock);
  GList *link = renewals->asking < HE_RENEWALS_AT_ONCE
                    ? g_queue_pop_head_link (&renewals->queue)
                    : NULL;
  if (!link)
    return FALSE;
  const Entry *entry = link->data;
  renewals->asking++;
  memcpy (ret_session, entry->session, sizeof entry->session);
  return TRUE;
}

gboolean
he_renewals_answer (HeRenewals *renewals, const guint8 session[16],
                    HeRenewalAnswer answer, guint seconds, gint64 now)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&renewals->lock);
  gboolean was_broken = renewals->broken;
  Entry *entry = g_hash_table_lookup (renewals->table, session);
  renewals->asking--;
  if (answer == HE_RENEWAL_FAILED) {
    failed (renewals, now);
  } else {
    renewals->failures = 0;
    renewals->broken = renewals->probing = FALSE;
  }
  if (entry)
    answered (renewals, entry, answer, seconds, now);
  return renewals->broken != was_broken;
}

void
he_renewals_drop (HeRenewals *renewals, const guint8 session[16])
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&renewals->lock);
  renewals->asking--;
  renewals->probing = FALSE;
  g_hash_table_remove (renewals->table, session);
}

gboolean
he_renewals_is_broken (HeRenewals *renewals)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&renewals->lock);
  return renewals->broken;
}
