/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-viewer.h"

#include <string.h>

#define SHELF_MAX 64
#define BEHIND 3 /* segments from the end: where players begin */
#define PAUSE_US 250000
#define RETURN_US G_USEC_PER_SEC /* who was turned away comes again */
#define ATTEMPTS 12              /* for one segment */

struct _HeadendShelf {
  GHashTable *listings; /* text (GBytes) -> HeadendListing, a reference */
};

static void
listing_clear (gpointer data)
{
  headend_playlist_free (((HeadendListing *)data)->playlist);
}

static void
listing_unref (gpointer data)
{
  g_rc_box_release_full (data, listing_clear);
}

HeadendShelf *
headend_shelf_new (void)
{
  HeadendShelf *shelf = g_new0 (HeadendShelf, 1);
  shelf->listings = g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                           (GDestroyNotify)g_bytes_unref, listing_unref);
  return shelf;
}

void
headend_shelf_free (HeadendShelf *shelf)
{
  if (!shelf)
    return;
  g_hash_table_unref (shelf->listings);
  g_free (shelf);
}

/* A reference, or NULL when that is no playlist with segments. */
static HeadendListing *
shelf_read (HeadendShelf *shelf, const GByteArray *body)
{
  g_autoptr (GBytes) text = g_bytes_new_static (body->data, body->len);
  HeadendListing *listing = g_hash_table_lookup (shelf->listings, text);
  if (listing)
    return g_rc_box_acquire (listing);
  HeadendPlaylist *playlist
      = headend_playlist_parse ((const char *)body->data, body->len, NULL);
  if (!playlist || playlist->segments->len == 0) {
    headend_playlist_free (playlist);
    return NULL;
  }
  listing = g_rc_box_new0 (HeadendListing);
  listing->playlist = playlist;
  if (g_hash_table_size (shelf->listings) >= SHELF_MAX)
    g_hash_table_remove_all (shelf->listings);
  g_hash_table_insert (shelf->listings, g_bytes_new (body->data, body->len),
                       g_rc_box_acquire (listing));
  return listing;
}

void
headend_load_viewer_init (HeadendLoadViewer *viewer, const char *channel,
                          HeadendShelf *shelf, HeadendLoadTally *tally)
{
  *viewer = (HeadendLoadViewer) { .channel = channel, .shelf = shelf, .tally = tally };
}

/* Out again: with what is known of nothing but what it has seen. */
static void
leave (HeadendLoadViewer *viewer)
{
  for (guint i = 0; i < G_N_ELEMENTS (viewer->tracks); i++) {
    g_clear_pointer (&viewer->tracks[i].path, g_free);
    g_clear_pointer (&viewer->tracks[i].key, g_free);
    g_clear_pointer (&viewer->tracks[i].known, listing_unref);
    viewer->tracks[i].reload_at = 0;
  }
  g_clear_pointer (&viewer->entry, g_free);
  g_clear_pointer (&viewer->cookie, g_free);
  viewer->inside = FALSE;
}

void
headend_load_viewer_clear (HeadendLoadViewer *viewer)
{
  leave (viewer);
  g_clear_pointer (&viewer->path, g_free);
}

/* Whatever its name is: viewers ask one server alone. */
#define EDGE "http://edge"

/* The next segment where it is listed; what is not listed any more is lost. */
static const HeadendListed *
find_next (HeadendLoadViewer *viewer, HeadendLoadTrack *track)
{
  if (!track->known)
    return NULL;
  const GPtrArray *segments = track->known->playlist->segments;
  for (guint i = 0; i < segments->len; i++) {
    const HeadendListed *listed = segments->pdata[i];
    if (listed->msn < track->next)
      continue;
    viewer->tally->lost += listed->msn - track->next;
    track->next = listed->msn;
    return listed;
  }
  return NULL;
}

static gboolean
ask (HeadendLoadViewer *viewer, HeadendAskKind kind, guint track, char *path, gint64 now)
{
  g_free (viewer->path);
  viewer->path = path;
  viewer->kind = kind;
  viewer->track = track;
  viewer->asked_at = now;
  return TRUE;
}

static gboolean
ask_segment (HeadendLoadViewer *viewer, guint index, gint64 now)
{
  HeadendLoadTrack *track = &viewer->tracks[index];
  const HeadendListed *listed = track->path ? find_next (viewer, track) : NULL;
  if (!listed)
    return FALSE;
  g_autofree char *key
      = listed->key ? headend_playlist_resolve (EDGE, track->path, listed->key) : NULL;
  if (key && g_strcmp0 (key, track->key) != 0)
    return ask (viewer, HEADEND_ASK_KEY, index, g_steal_pointer (&key), now);
  char *path = headend_playlist_resolve (EDGE, track->path, listed->uri);
  return path && ask (viewer, HEADEND_ASK_SEGMENT, index, path, now);
}

static gboolean
ask_inside (HeadendLoadViewer *viewer, gint64 now, gint64 *ret_wake)
{
  HeadendLoadTrack *tracks = viewer->tracks;
  guint behind = tracks[1].path && tracks[1].next < tracks[0].next;
  guint due = tracks[1].path && tracks[1].reload_at < tracks[0].reload_at;
  /* All begin before any goes on. */
  if (tracks[due].begun
      && (ask_segment (viewer, behind, now) || ask_segment (viewer, !behind, now)))
    return TRUE;
  if (tracks[due].reload_at <= now)
    return ask (viewer, HEADEND_ASK_PLAYLIST, due, g_strdup (tracks[due].path), now);
  *ret_wake = tracks[due].reload_at;
  return FALSE;
}

gboolean
headend_load_viewer_next (HeadendLoadViewer *viewer, gint64 now, gint64 *ret_wake)
{
  if (now < viewer->quiet_until) {
    *ret_wake = viewer->quiet_until;
    return FALSE;
  }
  if (viewer->entering_at == 0)
    viewer->entering_at = now;
  if (viewer->inside)
    return ask_inside (viewer, now, ret_wake);
  return ask (viewer, HEADEND_ASK_ENTRY, 0, g_strdup (viewer->entry), now);
}

gboolean
headend_load_viewer_reads (const HeadendLoadViewer *viewer)
{
  return viewer->kind == HEADEND_ASK_ENTRY || viewer->kind == HEADEND_ASK_PLAYLIST;
}

void
headend_load_viewer_settle (HeadendLoadViewer *viewer, gint64 now)
{
  if (!viewer->playing || now <= viewer->settled_at)
    return;
  gint64 shown = CLAMP (viewer->plays_to, viewer->settled_at, now);
  viewer->tally->played += (guint64)(shown - viewer->settled_at);
  viewer->tally->stalled += (guint64)(now - shown);
  viewer->settled_at = now;
}

gint64
headend_load_viewer_buffer (const HeadendLoadViewer *viewer, gint64 now)
{
  return viewer->playing ? MAX (viewer->plays_to - now, 0) : 0;
}

/* More of all tracks may be there now. */
static void
play (HeadendLoadViewer *viewer, gint64 now)
{
  const HeadendLoadTrack *tracks = viewer->tracks;
  if (!tracks[0].begun || (tracks[1].path && !tracks[1].begun))
    return;
  guint64 has = tracks[1].path ? MIN (tracks[0].next, tracks[1].next) : tracks[0].next;
  if (has <= viewer->had)
    return;
  gint64 more = (gint64)(has - viewer->had) * viewer->duration;
  headend_load_viewer_settle (viewer, now);
  if (!viewer->playing) {
    viewer->playing = TRUE;
    viewer->settled_at = viewer->plays_to = now;
    headend_times_add (&viewer->tally->starts, now - viewer->entering_at);
  } else if (viewer->plays_to < now) {
    viewer->tally->stalls++;
    viewer->plays_to = now;
  }
  viewer->plays_to += more;
  viewer->had = has;
}

static void
entered (HeadendLoadViewer *viewer, const HeadendAnswer *answer)
{
  g_autofree char *video = NULL, *audio = NULL;
  g_autofree char *path = viewer->path
                              ? g_strdup (viewer->path)
                              : g_strdup_printf ("/live/%s/main.m3u8", viewer->channel);
  if (headend_playlist_choose ((const char *)answer->body->data, answer->body->len,
                               &video, &audio, NULL)) {
    viewer->tracks[0].path = headend_playlist_resolve (EDGE, path, video);
    viewer->tracks[1].path = audio ? headend_playlist_resolve (EDGE, path, audio) : NULL;
  }
  viewer->inside = viewer->tracks[0].path != NULL;
  viewer->tally->errors[HEADEND_LOAD_SENSELESS] += !viewer->inside;
}

/* Where play begins: the same segment of all tracks. */
static void
begin (HeadendLoadViewer *viewer, HeadendLoadTrack *track)
{
  const GPtrArray *segments = track->known->playlist->segments;
  const HeadendListed *first = segments->pdata[0];
  const HeadendListed *start
      = segments->pdata[segments->len > BEHIND ? segments->len - BEHIND : 0];
  HeadendLoadTrack *other = &viewer->tracks[track == viewer->tracks];
  track->next = other->begun ? MAX (other->next, first->msn) : start->msn;
  track->begun = TRUE;
  if (viewer->had == 0)
    viewer->had = track->next;
  viewer->duration = start->duration_us;
}

static void
reloaded (HeadendLoadViewer *viewer, HeadendLoadTrack *track, const HeadendAnswer *answer)
{
  HeadendListing *listing = shelf_read (viewer->shelf, answer->body);
  gboolean news = listing != NULL && listing != track->known;
  if (!listing) {
    viewer->tally->errors[HEADEND_LOAD_SENSELESS]++;
    track->reload_at = viewer->asked_at + PAUSE_US;
    return;
  }
  g_clear_pointer (&track->known, listing_unref);
  track->known = listing;
  if (!track->begun)
    begin (viewer, track);
  track->reload_at
      = viewer->asked_at
        + (gint64)listing->playlist->target * G_USEC_PER_SEC / (news ? 1 : 2);
}

static void
succeeded (HeadendLoadViewer *viewer, const HeadendAnswer *answer, gint64 now)
{
  HeadendLoadTrack *track = &viewer->tracks[viewer->track];
  switch (viewer->kind) {
    case HEADEND_ASK_ENTRY:
      entered (viewer, answer);
      break;
    case HEADEND_ASK_PLAYLIST:
      headend_times_add (&viewer->tally->playlists, now - viewer->asked_at);
      reloaded (viewer, track, answer);
      break;
    case HEADEND_ASK_KEY:
      g_free (track->key);
      track->key = g_steal_pointer (&viewer->path);
      break;
    case HEADEND_ASK_SEGMENT:
      headend_times_add (&viewer->tally->segments, now - viewer->asked_at);
      track->next++;
      track->failures = 0;
      play (viewer, now);
      break;
  }
}

/* It tries again, but not for ever. */
static void
disappointed (HeadendLoadViewer *viewer, gint64 now)
{
  HeadendLoadTrack *track = &viewer->tracks[viewer->track];
  viewer->quiet_until = now + PAUSE_US;
  if (viewer->kind != HEADEND_ASK_SEGMENT || ++track->failures < ATTEMPTS)
    return;
  track->failures = 0;
  track->next++;
  viewer->tally->lost++;
}

void
headend_load_viewer_failed (HeadendLoadViewer *viewer, guint reason, gint64 now)
{
  viewer->tally->requests++;
  viewer->tally->errors[reason]++;
  disappointed (viewer, now);
}

void
headend_load_viewer_answered (HeadendLoadViewer *viewer, const HeadendAnswer *answer,
                              gint64 now)
{
  viewer->tally->requests++;
  viewer->tally->bytes += answer->bytes;
  if (answer->cookie) {
    g_free (viewer->cookie);
    viewer->cookie = g_strdup (answer->cookie);
  }
  if (answer->status == 200) {
    succeeded (viewer, answer, now);
    return;
  }
  if (answer->status == 302 && viewer->kind == HEADEND_ASK_ENTRY && !viewer->path
      && answer->location) {
    viewer->entry = headend_playlist_resolve (EDGE, "/", answer->location);
    if (viewer->entry)
      return;
    viewer->tally->errors[HEADEND_LOAD_SENSELESS]++; /* it leads elsewhere */
    disappointed (viewer, now);
    return;
  }
  viewer->tally->errors[MIN (answer->status, HEADEND_LOAD_STATUSES - 1)]++;
  disappointed (viewer, now);
  if (answer->status == 401 || answer->status == 403) {
    leave (viewer);
    viewer->quiet_until = now + RETURN_US;
  }
}
