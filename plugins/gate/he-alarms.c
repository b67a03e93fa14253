/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-alarms.h"

#include <string.h>

#define ADDRESSES_WITHIN (3600 * (gint64)G_USEC_PER_SEC)
#define ACCOUNTS_MAX 65536
#define SWEEP_EVERY (60 * (gint64)G_USEC_PER_SEC)

/* Fetches are counted in a table of fixed size: 1 MiB, and the least recent of a set goes
 * when another comes. */
#define SETS (1 << 15)
#define WAYS 4
#define TICK (4 * (gint64)G_USEC_PER_SEC)
#define REMEMBERED 150 /* ticks: ten minutes */

typedef struct {
  guint8 address[16];
  gint64 seen;
} Place;

/* An account. */
typedef struct {
  GArray *places; /* Place, one more than the limit at most */
  gint64 last, alarmed;
} Watched;

typedef struct {
  guint32 tag; /* 0: nothing */
  guint16 count, tick;
} Slot;

struct _HeAlarms {
  HeAlarmRules rules;
  guint64 seed;
  GMutex lock;          /* guards the rest */
  GHashTable *accounts; /* account -> Watched */
  gint64 swept;
  Slot (*slots)[WAYS];
};

static void
watched_free (gpointer data)
{
  Watched *watched = data;
  g_array_unref (watched->places);
  g_free (watched);
}

HeAlarms *
he_alarms_new (const HeAlarmRules *rules)
{
  HeAlarms *alarms = g_new0 (HeAlarms, 1);
  alarms->rules = *rules;
  alarms->seed = (guint64)g_random_int () << 32 | g_random_int ();
  g_mutex_init (&alarms->lock);
  alarms->accounts
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, watched_free);
  if (rules->fetches > 0)
    alarms->slots = g_malloc0_n (SETS, sizeof *alarms->slots);
  return alarms;
}

void
he_alarms_free (HeAlarms *alarms)
{
  if (!alarms)
    return;
  g_hash_table_unref (alarms->accounts);
  g_mutex_clear (&alarms->lock);
  g_free (alarms->slots);
  g_free (alarms);
}

/* --- One account at many addresses. The lock is held. ---------------------------------- */

static void
sweep (HeAlarms *alarms, gint64 now)
{
  GHashTableIter iter;
  gpointer watched;
  alarms->swept = now;
  g_hash_table_iter_init (&iter, alarms->accounts);
  while (g_hash_table_iter_next (&iter, NULL, &watched))
    if (((Watched *)watched)->last + ADDRESSES_WITHIN <= now)
      g_hash_table_iter_remove (&iter);
}

/* NULL: there is no room. */
static Watched *
watch (HeAlarms *alarms, const char *account, gint64 now)
{
  Watched *watched = g_hash_table_lookup (alarms->accounts, account);
  if (watched)
    return watched;
  if (g_hash_table_size (alarms->accounts) >= ACCOUNTS_MAX
      && now >= alarms->swept + SWEEP_EVERY)
    sweep (alarms, now);
  if (g_hash_table_size (alarms->accounts) >= ACCOUNTS_MAX)
    return NULL;
  watched = g_new0 (Watched, 1);
  watched->places = g_array_new (FALSE, FALSE, sizeof (Place));
  watched->alarmed = G_MININT64 / 2;
  g_hash_table_insert (alarms->accounts, g_strdup (account), watched);
  return watched;
}

/* Forgets what is past, and the least recent when there are more than it takes. */
static void
note_place (Watched *watched, const guint8 address[16], guint most, gint64 now)
{
  guint oldest = 0;
  for (guint i = watched->places->len; i-- > 0;) {
    const Place *place = &g_array_index (watched->places, Place, i);
    if (place->seen + ADDRESSES_WITHIN <= now || memcmp (place->address, address, 16) == 0)
      g_array_remove_index_fast (watched->places, i);
  }
  for (guint i = 1; i < watched->places->len; i++)
    if (g_array_index (watched->places, Place, i).seen
        < g_array_index (watched->places, Place, oldest).seen)
      oldest = i;
  if (watched->places->len >= most)
    g_array_remove_index_fast (watched->places, oldest);
  Place place = { .seen = now };
  memcpy (place.address, address, sizeof place.address);
  g_array_append_val (watched->places, place);
  watched->last = now;
}

guint
he_alarms_address (HeAlarms *alarms, const char *account, const guint8 address[16],
                   gint64 now)
{
  guint limit = alarms->rules.addresses;
  if (limit == 0)
    return 0;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&alarms->lock);
  Watched *watched = watch (alarms, account, now);
  if (!watched)
    return 0;
  note_place (watched, address, limit + 1, now);
  if (watched->places->len <= limit || now < watched->alarmed + ADDRESSES_WITHIN)
    return 0;
  watched->alarmed = now;
  return watched->places->len;
}

/* --- One segment over and over
 * ----------------------------------------------------------- */

static guint64
mix (guint64 hash, gconstpointer data, gsize len)
{
  const guint8 *p = data;
  for (gsize i = 0; i < len; i++)
    hash = (hash ^ p[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* FNV-1a, whose high bits depend on all of it. */
static guint64
hash_of (const HeAlarms *alarms, const char *session, const HeSegment *segment)
{
  guint64 hash = mix (alarms->seed ^ G_GUINT64_CONSTANT (0xcbf29ce484222325), session,
                      strlen (session) + 1);
  if (segment) {
    hash = mix (hash, segment->channel, strlen (segment->channel) + 1);
    hash = mix (hash, segment->rendition, strlen (segment->rendition) + 1);
    hash = mix (hash, &segment->msn, sizeof segment->msn);
  }
  return hash;
}

/* How often it came, this time included. The lock is held. */
static guint
count (HeAlarms *alarms, guint64 hash, gint64 now)
{
  Slot *set = alarms->slots[hash >> 40 & (SETS - 1)], *slot = &set[0];
  guint32 tag = (guint32)hash | 1;
  guint16 tick = (guint16)(now / TICK);
  for (guint i = 0; i < WAYS; i++) {
    if (set[i].tag == tag) {
      slot = &set[i];
      break;
    }
    if (set[i].tag == 0
        || (slot->tag != 0 && (guint16)(tick - set[i].tick) > (guint16)(tick - slot->tick)))
      slot = &set[i];
  }
  if (slot->tag != tag || (guint16)(tick - slot->tick) >= REMEMBERED)
    *slot = (Slot) { .tag = tag, .tick = tick };
  slot->count += slot->count < G_MAXUINT16;
  return slot->count;
}

guint
he_alarms_fetch (HeAlarms *alarms, const char *session, const HeSegment *segment,
                 gint64 now)
{
  guint fetches, limit = alarms->rules.fetches;
  if (limit == 0)
    return 0;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&alarms->lock);
  fetches = count (alarms, hash_of (alarms, session, segment), now);
  /* The first alarm of a session is one, the others are the same. */
  return fetches > limit && count (alarms, hash_of (alarms, session, NULL), now) == 1
             ? fetches
             : 0;
}
