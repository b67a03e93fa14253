/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "twins.h"

#include <string.h>

#define PACKET 188
#define SYNC_BYTE 0x47
#define N_PIDS 8192
#define PID_NULL 0x1fff
#define UNKNOWN 0xff

/* The last continuity counter of each PID. */
typedef struct {
  guint8 of[N_PIDS];
} Counters;

struct _HeadendTwins {
  Counters taken;
  Counters behind; /* the same behind the datagram that is held */
  gboolean holds;

  struct {
    guint64 digest;
    gint64 at;
  } ring[HEADEND_TWINS_MAX];
  guint oldest, n;
  GHashTable *known; /* digests in the ring */
};

HeadendTwins *
headend_twins_new (void)
{
  HeadendTwins *twins = g_new0 (HeadendTwins, 1);
  twins->known = g_hash_table_new (g_int64_hash, g_int64_equal);
  headend_twins_forget (twins);
  return twins;
}

void
headend_twins_free (HeadendTwins *twins)
{
  if (!twins)
    return;
  g_hash_table_unref (twins->known);
  g_free (twins);
}

void
headend_twins_forget (HeadendTwins *twins)
{
  memset (&twins->taken, UNKNOWN, sizeof twins->taken);
  twins->holds = FALSE;
  twins->n = 0;
  g_hash_table_remove_all (twins->known);
}

/* FNV-1a. Two that differ and have the same digest do no harm unless counters fail too.
 */
static guint64
digest_of (const guint8 *data, gsize len)
{
  guint64 digest = G_GUINT64_CONSTANT (0xcbf29ce484222325);
  for (gsize i = 0; i < len; i++)
    digest = (digest ^ data[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return digest;
}

static void
forget_oldest (HeadendTwins *twins)
{
  g_hash_table_remove (twins->known, &twins->ring[twins->oldest].digest);
  twins->oldest = (twins->oldest + 1) % HEADEND_TWINS_MAX;
  twins->n--;
}

/* Whether it was there. A copy does not make it younger: of a sender that repeats itself
 * for ever something is new again and again. */
static gboolean
was_there (HeadendTwins *twins, guint64 digest, gint64 now)
{
  while (twins->n > 0 && now - twins->ring[twins->oldest].at > HEADEND_TWINS_AGE)
    forget_oldest (twins);
  if (g_hash_table_contains (twins->known, &digest))
    return TRUE;
  if (twins->n == HEADEND_TWINS_MAX)
    forget_oldest (twins);
  guint newest = (twins->oldest + twins->n++) % HEADEND_TWINS_MAX;
  twins->ring[newest].digest = digest;
  twins->ring[newest].at = now;
  g_hash_table_add (twins->known, &twins->ring[newest].digest);
  return FALSE;
}

/* The PID of a packet that a counter counts, or PID_NULL. */
static guint
counted_pid (const guint8 *packet)
{
  gboolean good = packet[0] == SYNC_BYTE && !(packet[1] & 0x80) && (packet[3] & 0x10);
  return good ? (packet[1] & 0x1fu) << 8 | packet[2] : PID_NULL;
}

static gboolean
counts (const guint8 *data, gsize len)
{
  for (gsize at = 0; at + PACKET <= len; at += PACKET)
    if (counted_pid (data + at) != PID_NULL)
      return TRUE;
  return FALSE;
}

static void
count (Counters *counters, const guint8 *data, gsize len)
{
  for (gsize at = 0; at + PACKET <= len; at += PACKET)
    counters->of[counted_pid (data + at)] = data[at + 3] & 0x0f;
}

static gboolean
is_first_of_its_pid (const guint8 *data, gsize at, guint pid)
{
  for (gsize before = 0; before < at; before += PACKET)
    if (counted_pid (data + before) == pid)
      return FALSE;
  return TRUE;
}

static gboolean
goes_on (const Counters *counters, const guint8 *data, gsize len)
{
  for (gsize at = 0; at + PACKET <= len; at += PACKET) {
    guint pid = counted_pid (data + at);
    guint8 last = counters->of[pid];
    if (pid != PID_NULL && last != UNKNOWN && is_first_of_its_pid (data, at, pid)
        && (data[at + 3] & 0x0f) != ((last + 1) & 0x0f))
      return FALSE;
  }
  return TRUE;
}

HeadendTwinsVerdict
headend_twins_look (HeadendTwins *twins, const guint8 *data, gsize len, gint64 now,
                    HeadendTwinsVerdict *ret_held)
{
  *ret_held = HEADEND_TWINS_HOLD;
  if (!counts (data, len))
    return HEADEND_TWINS_TAKE;
  gboolean known = was_there (twins, digest_of (data, len), now);
  gboolean without = goes_on (&twins->taken, data, len);
  gboolean with = twins->holds && goes_on (&twins->behind, data, len);
  if (known && !without && !with)
    return HEADEND_TWINS_DROP;
  /* What has nothing to do with the one that is held says nothing about it. */
  gboolean apart = without && with && !known;
  if (twins->holds && !apart) {
    *ret_held = without && !with ? HEADEND_TWINS_DROP : HEADEND_TWINS_TAKE;
    if (*ret_held == HEADEND_TWINS_TAKE)
      twins->taken = twins->behind;
  }
  if (known)
    twins->behind = twins->taken;
  twins->holds = known || apart;
  if (twins->holds)
    count (&twins->behind, data, len);
  if (!known)
    count (&twins->taken, data, len);
  return known ? HEADEND_TWINS_HOLD : HEADEND_TWINS_TAKE;
}
