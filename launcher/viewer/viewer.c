/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewer.h"

#include <libsoup/soup.h>
#include <string.h>
#include "he-crypto.h"
#include "he-psi.h"
#include "viewer-decoder.h"
#include "viewer-picture.h"
#include "viewer-playlist.h"
#include "viewer-streams.h"

/* Seconds of silence: an edge has other nodes to ask meanwhile; we ask them ourselves. */
#define TIMEOUT_EDGE 5
#define TIMEOUT_NODE 1
#define LEFT_OUT_US                                                                      \
  (5 * G_USEC_PER_SEC) /* who did not answer is asked last for so long */
#define PAUSE_US 250000
#define SEGMENT_ATTEMPTS 12
#define MAX_BODY (128 * 1024 * 1024)
#define MAX_NOTES 100
#define MAX_BASES 16

typedef struct {
  HeadendTrack track;
  char *path; /* of the media playlist; NULL: no such track */
  HeadendStreams *streams;
  gboolean begun;
  guint64 next;     /* MSN */
  gint64 reload_at; /* monotonic microseconds */
  char *key_path;   /* of the key below */
  guint8 key[16];
} Track;

struct _HeadendViewer {
  char **bases;
  gint64 left_out[MAX_BASES]; /* until then (us) */
  guint n_bases, turn;
  char *channel, *token;
  gboolean decode;
  GThread *thread;
  gint stop; /* atomic */
  GMutex lock;
  HeadendLedger ledger; /* by lock */
  GPtrArray *notes;     /* by lock */
  /* Of the thread: */
  SoupSession *session;
  HeadendDecoder *decoder;
  Track tracks[HEADEND_TRACKS];
};

static gboolean
stopped (HeadendViewer *viewer)
{
  return g_atomic_int_get (&viewer->stop);
}

static void note (HeadendViewer *viewer, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
note (HeadendViewer *viewer, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_mutex_lock (&viewer->lock);
  if (viewer->notes->len < MAX_NOTES)
    g_ptr_array_add (viewer->notes, g_steal_pointer (&text));
  g_mutex_unlock (&viewer->lock);
}

/* One request; NULL: no answer, or another one than 200, which *ret_why tells. */
static GBytes *
ask (HeadendViewer *viewer, const char *base, const char *path, gboolean *ret_answered,
     char **ret_why)
{
  g_autofree char *url = g_strconcat (base, path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GError) error = NULL;
  if (!message) {
    *ret_why = g_strdup ("not a URL");
    return NULL;
  }
  g_autoptr (GBytes) body
      = soup_session_send_and_read (viewer->session, message, NULL, &error);
  guint status = soup_message_get_status (message);
  *ret_answered = body != NULL;
  if (body && status == 200 && g_bytes_get_size (body) <= MAX_BODY)
    return g_steal_pointer (&body);
  *ret_why = error ? g_strdup (error->message) : g_strdup_printf ("answer %u", status);
  return NULL;
}

/* Of each base in turn, those first that did not fail of late. */
static GBytes *
ask_around (HeadendViewer *viewer, const char *path, char **ret_why)
{
  gint64 now = g_get_monotonic_time ();
  for (guint late = 0; late < 2; late++)
    for (guint j = 0; j < viewer->n_bases; j++) {
      guint base = (viewer->turn + j) % viewer->n_bases;
      if ((viewer->left_out[base] > now) != late)
        continue;
      g_clear_pointer (ret_why, g_free);
      gboolean answered = FALSE;
      GBytes *body = ask (viewer, viewer->bases[base], path, &answered, ret_why);
      if (body)
        return body;
      if (!answered)
        viewer->left_out[base] = g_get_monotonic_time () + LEFT_OUT_US;
    }
  return NULL;
}

/* Again and again until one base has it or attempts are used up. A round in which none
 * had it is a retry. */
static GBytes *
fetch (HeadendViewer *viewer, const char *path, guint attempts)
{
  for (guint i = 0; i < attempts && !stopped (viewer); i++) {
    g_autofree char *why = NULL;
    GBytes *body = ask_around (viewer, path, &why);
    if (body)
      return body;
    const char *query = strchr (path, '?'); /* a token is for no eyes */
    note (viewer, "%.*s: %s", (int)(query ? query - path : (gssize)strlen (path)), path,
          why);
    g_mutex_lock (&viewer->lock);
    viewer->ledger.tally.retries++;
    g_mutex_unlock (&viewer->lock);
    g_usleep (PAUSE_US);
  }
  return NULL;
}

/* The path that a URI in the document at path means; NULL when it leads elsewhere. */
static char *
resolve (HeadendViewer *viewer, const char *path, const char *uri)
{
  char *meant = headend_playlist_resolve (viewer->bases[0], path, uri);
  if (!meant)
    note (viewer, "%s: a playlist leads to %s", path, uri);
  return meant;
}

static void
on_decoded (guint64 pts90, guint32 number, gpointer user)
{
  HeadendViewer *viewer = user;
  g_mutex_lock (&viewer->lock);
  const HeadendTally before = viewer->ledger.tally;
  headend_ledger_picture (&viewer->ledger, pts90, number);
  const HeadendTally after = viewer->ledger.tally;
  g_mutex_unlock (&viewer->lock);
  guint64 msn = pts90 / viewer->ledger.rules.duration90;
  guint at = (guint)(pts90 % viewer->ledger.rules.duration90 / 90);
  if (after.lost != before.lost)
    note (viewer,
          "pictures lost ahead of %u ms into segment %" G_GUINT64_FORMAT
          ": %" G_GUINT64_FORMAT,
          at, msn, after.lost - before.lost);
  if (after.repeated != before.repeated)
    note (viewer, "a picture came again, %u ms into segment %" G_GUINT64_FORMAT, at, msn);
  if (after.jumps != before.jumps)
    note (viewer, "pictures jump to number %u, %u ms into segment %" G_GUINT64_FORMAT,
          number, at, msn);
  if (after.filler != before.filler && before.filler % 100 == 0)
    note (viewer, "filler, %u ms into segment %" G_GUINT64_FORMAT, at, msn);
}

/* Called with the lock, which the decoder's thread needs to make room. */
static void
on_picture (GBytes *data, guint64 pts90, gpointer user)
{
  HeadendViewer *viewer = user;
  g_autoptr (GError) error = NULL;
  if (!viewer->decode) {
    headend_ledger_picture (&viewer->ledger, pts90, HEADEND_PICTURE_UNSEEN);
    return;
  }
  g_mutex_unlock (&viewer->lock);
  if (!viewer->decoder) {
    gboolean h265 = headend_streams_type (viewer->tracks[HEADEND_TRACK_VIDEO].streams)
                    == HE_STREAM_TYPE_H265;
    viewer->decoder = headend_decoder_new (h265, on_decoded, viewer, &error);
  }
  if (viewer->decoder)
    headend_decoder_push (viewer->decoder, data, pts90);
  else
    note (viewer, "no decoder: %s", error->message);
  g_mutex_lock (&viewer->lock);
}

static GBytes *
decrypt (HeadendViewer *viewer, Track *track, const HeadendListed *listed, GBytes *body)
{
  g_autoptr (GError) error = NULL;
  if (!listed->key)
    return g_bytes_ref (body);
  g_autofree char *path = resolve (viewer, track->path, listed->key);
  if (!path)
    return NULL;
  if (g_strcmp0 (path, track->key_path) != 0) {
    g_autoptr (GBytes) key = fetch (viewer, path, SEGMENT_ATTEMPTS);
    if (!key || g_bytes_get_size (key) != sizeof track->key)
      return NULL;
    memcpy (track->key, g_bytes_get_data (key, NULL), sizeof track->key);
    g_free (track->key_path);
    track->key_path = g_steal_pointer (&path);
  }
  GBytes *clear
      = he_aes128_cbc_decrypt (track->key, listed->iv, g_bytes_get_data (body, NULL),
                               g_bytes_get_size (body), &error);
  if (!clear)
    note (viewer, "segment %" G_GUINT64_FORMAT ": %s", listed->msn, error->message);
  return clear;
}

static void
take_segment (HeadendViewer *viewer, Track *track, const HeadendListed *listed)
{
  g_autofree char *path = resolve (viewer, track->path, listed->uri);
  viewer->turn = (guint)(listed->msn % viewer->n_bases);
  g_autoptr (GBytes) body = path ? fetch (viewer, path, SEGMENT_ATTEMPTS) : NULL;
  g_autoptr (GBytes) clear = body ? decrypt (viewer, track, listed, body) : NULL;
  g_mutex_lock (&viewer->lock);
  const HeadendTally before = viewer->ledger.tally;
  if (clear) {
    headend_ledger_arrived (&viewer->ledger, track->track, listed->msn,
                            g_get_monotonic_time ());
    headend_streams_push (track->streams, listed->msn, clear);
  } else {
    headend_streams_skip (track->streams);
  }
  const HeadendTally after = viewer->ledger.tally;
  g_mutex_unlock (&viewer->lock);
  if (after.stalls != before.stalls)
    note (viewer, "a player stands still for segment %" G_GUINT64_FORMAT " of %s",
          listed->msn, track->path);
  if (!clear && !stopped (viewer))
    note (viewer, "segment %" G_GUINT64_FORMAT " of %s was not to be had", listed->msn,
          track->path);
}

/* Players begin three target durations from the end. */
static guint64
first_of (const HeadendPlaylist *playlist)
{
  const GPtrArray *segments = playlist->segments;
  const HeadendListed *listed
      = segments->pdata[segments->len > 3 ? segments->len - 3 : 0];
  return listed->msn;
}

static void
follow (HeadendViewer *viewer, Track *track)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendPlaylist) playlist = NULL;
  gint64 now = g_get_monotonic_time ();
  guint64 before = track->next;
  g_autoptr (GBytes) body = fetch (viewer, track->path, G_MAXUINT);
  gsize len = 0;
  const char *text = body ? g_bytes_get_data (body, &len) : NULL;
  if (text)
    playlist = headend_playlist_parse (text, len, &error);
  track->reload_at = now + PAUSE_US;
  if (!playlist || playlist->segments->len == 0) {
    if (error)
      note (viewer, "%s: %s", track->path, error->message);
    return;
  }
  if (!track->begun)
    track->next = before = first_of (playlist);
  track->begun = TRUE;
  for (guint i = 0; i < playlist->segments->len && !stopped (viewer); i++) {
    const HeadendListed *listed = playlist->segments->pdata[i];
    if (listed->msn < track->next)
      continue;
    if (listed->msn > track->next)
      headend_streams_skip (track->streams);
    take_segment (viewer, track, listed);
    track->next = listed->msn + 1;
  }
  track->reload_at
      = now + (gint64)playlist->target * G_USEC_PER_SEC / (track->next > before ? 1 : 2);
}

static gboolean
enter (HeadendViewer *viewer)
{
  g_autofree char *path = g_strdup_printf ("/live/%s/main.m3u8?URISigningPackage=%s",
                                           viewer->channel, viewer->token);
  g_autofree char *video = NULL, *audio = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = fetch (viewer, path, G_MAXUINT);
  gsize len = 0;
  const char *text = body ? g_bytes_get_data (body, &len) : NULL;
  if (!text || !headend_playlist_choose (text, len, &video, &audio, &error)) {
    if (error)
      note (viewer, "%s", error->message);
    return FALSE;
  }
  *strchr (path, '?') = '\0';
  viewer->tracks[HEADEND_TRACK_VIDEO].path = resolve (viewer, path, video);
  viewer->tracks[HEADEND_TRACK_AUDIO].path
      = audio && viewer->ledger.rules.rate ? resolve (viewer, path, audio) : NULL;
  return viewer->tracks[HEADEND_TRACK_VIDEO].path != NULL;
}

static void
open_session (HeadendViewer *viewer)
{
  g_autoptr (SoupCookieJar) jar = soup_cookie_jar_new ();
  viewer->session = soup_session_new_with_options (
      "timeout", viewer->n_bases > 1 ? TIMEOUT_NODE : TIMEOUT_EDGE, "proxy-resolver",
      NULL, NULL);
  soup_session_add_feature (viewer->session, SOUP_SESSION_FEATURE (jar));
}

static gpointer
run (gpointer user)
{
  HeadendViewer *viewer = user;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_main_context_push_thread_default (context); /* the session is this thread's */
  open_session (viewer);
  while (!stopped (viewer) && !enter (viewer))
    g_usleep (PAUSE_US);
  while (!stopped (viewer)) {
    for (guint i = 0; i < HEADEND_TRACKS; i++) {
      Track *track = &viewer->tracks[i];
      if (track->path && g_get_monotonic_time () >= track->reload_at)
        follow (viewer, track);
    }
    g_usleep (PAUSE_US / 10);
  }
  g_clear_object (&viewer->session);
  g_main_context_pop_thread_default (context);
  return NULL;
}

HeadendViewer *
headend_viewer_start (const HeadendViewerOptions *options)
{
  HeadendViewer *viewer = g_new0 (HeadendViewer, 1);
  viewer->bases = g_strdupv ((char **)options->bases);
  viewer->n_bases = MIN (g_strv_length (viewer->bases), MAX_BASES);
  viewer->channel = g_strdup (options->channel);
  viewer->token = g_strdup (options->token);
  viewer->decode = options->decode;
  viewer->notes = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&viewer->lock);
  headend_ledger_init (&viewer->ledger, &options->rules);
  for (guint i = 0; i < HEADEND_TRACKS; i++) {
    viewer->tracks[i].track = i;
    viewer->tracks[i].streams
        = headend_streams_new (&viewer->ledger, i, on_picture, viewer);
  }
  viewer->thread = g_thread_new ("viewer", run, viewer);
  return viewer;
}

void
headend_viewer_look (HeadendViewer *viewer, HeadendTally *ret_tally)
{
  g_mutex_lock (&viewer->lock);
  *ret_tally = viewer->ledger.tally;
  g_mutex_unlock (&viewer->lock);
}

void
headend_viewer_stop (HeadendViewer *viewer, HeadendTally *ret_tally, char ***ret_notes)
{
  if (!viewer)
    return;
  gint64 now = g_get_monotonic_time ();
  g_atomic_int_set (&viewer->stop, TRUE);
  g_thread_join (viewer->thread);
  viewer->ledger.tally.undecoded = headend_decoder_finish (viewer->decoder);
  headend_ledger_finish (&viewer->ledger, now);
  *ret_tally = viewer->ledger.tally;
  g_ptr_array_add (viewer->notes, NULL);
  *ret_notes = (char **)g_ptr_array_free (viewer->notes, FALSE);
  for (guint i = 0; i < HEADEND_TRACKS; i++) {
    headend_streams_free (viewer->tracks[i].streams);
    g_free (viewer->tracks[i].path);
    g_free (viewer->tracks[i].key_path);
  }
  he_string_wipe_free (viewer->token);
  g_strfreev (viewer->bases);
  g_free (viewer->channel);
  g_mutex_clear (&viewer->lock);
  g_free (viewer);
}
