/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-log.h"

G_BEGIN_DECLS

/* Who watched which channel when, on disk: what tracing asks for candidates. Append-only lines in
 * FOLDER/current, each with a checksum:
 *
 *   1a2b3c4d {"event":"open","session":HEX,"account":TEXT,"address":HEX,"channel":NAME,
 *             "from":T,"to":T}
 *
 * Times are unix microseconds. Of a session's stay with one channel there is an "open" line, a
 * "renew" line every ten minutes, and an "end" line three minutes after its last request, or an
 * "evict" line; each says all. So a node that dies takes at most ten minutes off the end of a
 * stay, and nothing off its beginning.
 *
 * Lines are written by a thread of the ledger's own, in groups, and synced to the disk within a
 * second; requests wait for none of it. What cannot be written waits and is tried again every
 * second, up to a bound; what exceeds it is lost, counted once for a stay until one of its lines is
 * taken, and said in the log. A line that a crash tore is cut off at the next start, and a file
 * that cannot be read is set aside. When current reaches its size it becomes FOLDER/N, N
 * growing; the oldest of too many is removed, which the log says. Thread-safe. */
typedef struct _HeLedger HeLedger;

typedef struct {
  gsize file_bytes; /* 64 MiB */
  guint files;      /* 64, current not counted */
  guint waiting;    /* 65536 lines */
  guint sessions;   /* 200000 at a time */
} HeLedgerLimits;

/* Makes the folder. HE_ERROR_CONFLICT when another process writes there. limits and log may be
 * NULL; the log outlives the ledger. */
HeLedger *he_ledger_new (const char *folder, const HeLedgerLimits *limits, HeLog *log,
                         GError **error);
/* Writes what waits, and where each stay had got. Takes NULL. */
void he_ledger_free (HeLedger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeLedger, he_ledger_free)

/* A session was given something of a channel. session: 32 hex digits. */
void he_ledger_note (HeLedger *ledger, const char *session, const char *account,
                     const guint8 address_hash[16], const char *channel, gint64 now);
/* The session was evicted or revoked. */
void he_ledger_evict (HeLedger *ledger, const char *session, gint64 now);
/* Every few seconds: ends stays that are silent. */
void he_ledger_tick (HeLedger *ledger, gint64 now);

typedef struct {
  guint64 written, lost; /* lines */
  guint waiting;         /* lines */
  gboolean failing;      /* the last attempt to write failed */
} HeLedgerStats;
void he_ledger_get_stats (HeLedger *ledger, HeLedgerStats *ret_stats);

/* --- Reading, also while it is written ------------------------------------------------------ */

typedef struct {
  const char *event, *session, *account, *channel;
  gint64 from, to; /* unix microseconds */
} HeLedgerRecord;

typedef void (*HeLedgerFunc) (const HeLedgerRecord *record, gpointer user_data);

/* All lines of a folder, the oldest first. Those that are torn or changed are passed over and
 * counted. */
gboolean he_ledger_read (const char *folder, HeLedgerFunc func, gpointer user_data,
                         guint64 *ret_damaged, GError **error);

/* How much longer a stay may have been than its lines say. */
#define HE_LEDGER_RENEW (10 * 60 * (gint64)G_USEC_PER_SEC)
#define HE_LEDGER_SILENCE (3 * 60 * (gint64)G_USEC_PER_SEC)

G_END_DECLS
