/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-alarms.h"

#include <string.h>

#define WITHIN_SECONDS 3600
#define ADDRESSES_WITHIN (WITHIN_SECONDS * (gint64)G_USEC_PER_SEC)
#define SWEEP_EVERY (60 * (gint64)G_USEC_PER_SEC)

/* 20 MiB of accounts with the longest names, and 13 MiB of their addresses. */
#define ACCOUNTS_MAX 65536
#define PLACES_MAX (1 << 20)
#define STEP 4 /* places by which an account's room grows */

/* Fetches are counted in a table of fixed size: 1 MiB, and the least recent of a set goes
 * when another comes. */
#define SETS (1 << 15)
#define WAYS 4
#define TICK (4 * (gint64)G_USEC_PER_SEC)
#define REMEMBERED 150 /* ticks: ten minutes */

/* So are the newest segments of each rendition that a session plays: 5 MiB. One player
 * fetches some of them again as its viewer seeks, several players fetch each of them. */
#define RECENT 16
#define IN_A_ROW HE_ALARMS_IN_A_ROW
#define MISSED 4 /* what one that was not fetched so often takes off */

/* Half of an address' hash, which is keyed, tells it from an account's others. */
typedef struct {
  guint32 address[2];
  guint32 seen; /* seconds */
} Place;

/* An account. */
typedef struct {
  Place *places; /* one more than the limit at most */
  guint len, room;
  gint64 last, alarmed;
} Watched;

/* What an entry of a table begins with. */
typedef struct {
  guint32 tag; /* 0: nothing */
  guint16 tick;
} Entry;

typedef struct {
  Entry entry;
  guint16 count;
} Slot;

/* A rendition that a session plays. */
typedef struct {
  Entry entry;
  guint8 row;            /* segments that were fetched so often */
  guint8 counts[RECENT]; /* of those up to the newest, by MSN modulo their number */
  guint64 newest;
} Track;

struct _HeAlarms {
  HeAlarmRules rules;
  guint64 seed;
  GMutex lock;          /* guards the rest */
  GHashTable *accounts; /* account -> Watched */
  guint places;         /* room of all */
  gint64 swept;
  Slot (*slots)[WAYS];
  Track (*tracks)[WAYS];
};

static void
watched_free (gpointer data)
{
  Watched *watched = data;
  g_free (watched->places);
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
  if (rules->fetches > 0) {
    alarms->slots = g_malloc0_n (SETS, sizeof *alarms->slots);
    alarms->tracks = g_malloc0_n (SETS, sizeof *alarms->tracks);
  }
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
  g_free (alarms->tracks);
  g_free (alarms);
}

/* --- One account at many addresses. The lock is held. ---------------------------------- */

static void
set_room (HeAlarms *alarms, Watched *watched, guint room)
{
  alarms->places += room - watched->room;
  watched->places = g_renew (Place, watched->places, room);
  watched->room = room;
}

static void
sweep (HeAlarms *alarms, gint64 now)
{
  GHashTableIter iter;
  gpointer value;
  alarms->swept = now;
  g_hash_table_iter_init (&iter, alarms->accounts);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Watched *watched = value;
    if (watched->last + ADDRESSES_WITHIN > now)
      continue;
    alarms->places -= watched->room;
    g_hash_table_iter_remove (&iter);
  }
}

/* NULL: there is no room. */
static Watched *
watch (HeAlarms *alarms, const char *account, gint64 now)
{
  Watched *watched = g_hash_table_lookup (alarms->accounts, account);
  gboolean full = g_hash_table_size (alarms->accounts) >= ACCOUNTS_MAX;
  if (watched)
    return watched;
  if ((full || alarms->places + STEP > PLACES_MAX)
      && now >= alarms->swept + SWEEP_EVERY) {
    sweep (alarms, now);
    full = g_hash_table_size (alarms->accounts) >= ACCOUNTS_MAX;
  }
  if (full || alarms->places + STEP > PLACES_MAX)
    return NULL;
  watched = g_new0 (Watched, 1);
  watched->alarmed = G_MININT64 / 2;
  g_hash_table_insert (alarms->accounts, g_strdup (account), watched);
  return watched;
}

static void
forget (Watched *watched, guint i)
{
  watched->places[i] = watched->places[--watched->len];
}

static void
forget_oldest (Watched *watched)
{
  guint oldest = 0;
  for (guint i = 1; i < watched->len; i++)
    if (watched->places[i].seen < watched->places[oldest].seen)
      oldest = i;
  forget (watched, oldest);
}

/* Forgets what is past, and the least recent when there are more than it takes. An
 * account that is watched has room for one. */
static void
note_place (HeAlarms *alarms, Watched *watched, const guint8 address[16], guint most,
            gint64 now)
{
  Place place = { .seen = (guint32)(now / G_USEC_PER_SEC) };
  memcpy (place.address, address, sizeof place.address);
  for (guint i = watched->len; i-- > 0;)
    if (watched->places[i].seen + WITHIN_SECONDS <= place.seen
        || memcmp (watched->places[i].address, place.address, sizeof place.address) == 0)
      forget (watched, i);
  if (watched->len >= most)
    forget_oldest (watched);
  if (watched->room >= watched->len + 2 * STEP) /* most of them are past */
    set_room (alarms, watched, watched->len + STEP);
  if (watched->len == watched->room) {
    if (alarms->places + STEP <= PLACES_MAX)
      set_room (alarms, watched, watched->room + STEP);
    else
      forget_oldest (watched);
  }
  watched->places[watched->len++] = place;
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
  note_place (alarms, watched, address, limit + 1, now);
  if (watched->len <= limit || now < watched->alarmed + ADDRESSES_WITHIN)
    return 0;
  watched->alarmed = now;
  return watched->len;
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

/* FNV-1a, whose high bits depend on all of it. rendition, msn: NULL for all of them. */
static guint64
hash_of (const HeAlarms *alarms, const char *session, const HeSegment *rendition,
         const guint64 *msn)
{
  guint64 hash = mix (alarms->seed ^ G_GUINT64_CONSTANT (0xcbf29ce484222325), session,
                      strlen (session) + 1);
  if (rendition) {
    hash = mix (hash, rendition->channel, strlen (rendition->channel) + 1);
    hash = mix (hash, rendition->rendition, strlen (rendition->rendition) + 1);
  }
  return msn ? mix (hash, msn, sizeof *msn) : hash;
}

/* Of that hash in a table of sets, whose entries have that size; of zeros when it is new,
 * or was begun long ago. The lock is held. */
static gpointer
entry_of (gpointer table, gsize size, guint64 hash, gint64 now)
{
  char *set = (char *)table + (hash >> 40 & (SETS - 1)) * WAYS * size;
  Entry *entry = (Entry *)set;
  guint32 tag = (guint32)hash | 1;
  guint16 tick = (guint16)(now / TICK);
  for (guint i = 0; i < WAYS; i++) {
    Entry *other = (Entry *)(set + i * size);
    if (other->tag == tag) {
      entry = other;
      break;
    }
    if (other->tag == 0
        || (entry->tag != 0
            && (guint16)(tick - other->tick) > (guint16)(tick - entry->tick)))
      entry = other;
  }
  if (entry->tag != tag || (guint16)(tick - entry->tick) >= REMEMBERED) {
    memset (entry, 0, size);
    *entry = (Entry) { tag, tick };
  }
  return entry;
}

/* How often it came, this time included. The lock is held. */
static guint
count (HeAlarms *alarms, guint64 hash, gint64 now)
{
  Slot *slot = entry_of (alarms->slots, sizeof *slot, hash, now);
  slot->count += slot->count < G_MAXUINT16;
  return slot->count;
}

/* Whether enough in a row were fetched oftener than limit: judged when they are past. */
static gboolean
note_fetch (Track *track, guint64 msn, guint limit)
{
  guint64 past = msn > track->newest ? MIN (msn - track->newest, 2 * RECENT) : 0;
  for (guint64 i = 1; i <= past; i++) {
    guint8 *fetches = &track->counts[(track->newest + i) % RECENT];
    if (*fetches > limit)
      track->row = MIN (track->row + 1, IN_A_ROW);
    else
      track->row = track->row > MISSED ? track->row - MISSED : 0;
    *fetches = 0;
  }
  track->newest = MAX (track->newest, msn);
  if (track->newest - msn < RECENT && track->counts[msn % RECENT] < G_MAXUINT8)
    track->counts[msn % RECENT]++;
  return track->row >= IN_A_ROW;
}

guint
he_alarms_fetch (HeAlarms *alarms, const char *session, const HeSegment *segment,
                 gint64 now, gboolean *ret_each)
{
  guint limit = alarms->rules.fetches, each = MAX (limit / 4, HE_ALARMS_EACH_MIN);
  if (limit == 0)
    return 0;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&alarms->lock);
  guint fetches = count (alarms, hash_of (alarms, session, segment, &segment->msn), now);
  Track *track = entry_of (alarms->tracks, sizeof *track,
                           hash_of (alarms, session, segment, NULL), now);
  track->entry.tick = (guint16)(now / TICK);
  *ret_each = note_fetch (track, segment->msn, each);
  if (*ret_each)
    fetches = each + 1;
  else if (fetches <= limit)
    return 0;
  /* The first alarm of a session is one, the others are the same. */
  return count (alarms, hash_of (alarms, session, NULL, NULL), now) == 1 ? fetches : 0;
}
