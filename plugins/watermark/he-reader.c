/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-border.h"
#include "he-codec.h"
#include "he-detect.h"
#include "he-error.h"
#include "he-keys.h"
#include "he-reader.h"
#include "he-refine.h"
#include "he-slots.h"

#define BORDER_FRAMES 8 /* looked at before the first is used, */
#define BORDER_TIME 250000000 /* or nanoseconds */
#define BORDER_GROWTH 64 /* a part of the frame: less does not matter */
#define FIRST_TRY (8 * HE_SLOTS_PER_SEGMENT)
#define FIRST_VIEWS (16 * HE_SLOTS_PER_SEGMENT) /* where the time is unknown too */
#define MAX_GAP 4          /* segments without a frame, and */
#define MAX_BACK 1         /* segments back in time, within one recording */
#define TRACK_EVERY 12     /* segments after which start and speed are looked at again */
#define WHOLE_PART 0.05    /* of the time of a search for whole frames and views */
#define DOUBTFUL -300      /* log p above which a mark that was drawn along may be what was found */
#define TICKS_PER_SECOND 90000.0

struct _HeReader {
  HeReaderSettings settings;
  char **channels;
  double *ahead;
  guint n_channels;

  HeBorder border;
  guint looked;
  guint x, y, w, h; /* the area in use; w is 0 before it is */
  gboolean begun;
  guint64 origin, last; /* times of frames */

  HeWhitener *whitener;
  HeSlots *slots;
  HePlane *sum; /* of the slot that is being filled */
  guint frames;
  gint64 slot;
  double slot_begin, now; /* in segments of the copy's clock */

  gboolean locked;
  guint channel;
  HeSync sync;
  double tests;  /* of a try */
  double looks;  /* at evidence since the copy began */
  double search_begin, search_part; /* of all searches of a try */
  guint gathered, next_try, next_views; /* slots */
  double read_until;        /* copy's clock: segments that begin before were read */
  guint read;               /* segments since start and speed were looked at */

  HeDetector *detector;
  GQueue readings; /* of HeReading */
};

HeReader *
he_reader_new (const HeReaderSettings *settings, GError **error)
{
  if (!settings->duration90 || !settings->channels[0] || settings->last < settings->first
      || settings->last - settings->first > HE_SYNC_MAX_MSNS) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "marks are looked for in 1 to %d segments, of a channel at least, not in %.0f",
                 HE_SYNC_MAX_MSNS, settings->last - settings->first);
    return NULL;
  }
  HeReader *reader = g_new0 (HeReader, 1);
  reader->settings = *settings;
  reader->settings.views = settings->views && !settings->payload;
  reader->settings.key = he_secret_ref (settings->key);
  reader->channels = g_strdupv ((char **)settings->channels);
  reader->n_channels = g_strv_length (reader->channels);
  reader->ahead = g_new0 (double, reader->n_channels);
  if (settings->ahead)
    memcpy (reader->ahead, settings->ahead, reader->n_channels * sizeof *reader->ahead);
  reader->whitener = he_whitener_new ();
  reader->slots = he_slots_new ();
  reader->sum = g_new0 (HePlane, 1);
  reader->detector = he_detector_new ();
  g_queue_init (&reader->readings);
  return reader;
}

void
he_reader_free (HeReader *reader)
{
  if (!reader)
    return;
  he_secret_unref (reader->settings.key);
  g_strfreev (reader->channels);
  g_free (reader->ahead);
  he_border_clear (&reader->border);
  he_whitener_free (reader->whitener);
  he_slots_free (reader->slots);
  g_free (reader->sum);
  he_detector_free (reader->detector);
  g_queue_clear_full (&reader->readings, g_free);
  g_free (reader);
}

const HeSync *
he_reader_sync (const HeReader *reader)
{
  return &reader->sync;
}

gboolean
he_reader_take (HeReader *reader, HeReading *ret_reading)
{
  g_autofree HeReading *reading = g_queue_pop_head (&reader->readings);
  if (reading)
    *ret_reading = *reading;
  return reading != NULL;
}

/* ---- searching ---- */

static void
keyed (gpointer data, guint64 msn, gint16 *ret_pairs)
{
  const HeReader *reader = data;
  guint8 seed[32];
  he_mark_seed (reader->settings.key, reader->channels[reader->channel], msn, seed);
  he_pattern_coefficients (seed, ret_pairs);
}

static gboolean
pass_progress (gpointer data, double done)
{
  const HeReader *reader = data;
  return !reader->settings.progress
         || reader->settings.progress (reader->settings.data,
                                       reader->search_begin + done * reader->search_part);
}

static double
segments_of (const HeReader *reader, guint64 ns)
{
  return (double)ns / 1e9 * TICKS_PER_SECOND / (double)reader->settings.duration90;
}

static gboolean
is_cut (const HeReader *reader)
{
  return reader->w != reader->border.width || reader->h != reader->border.height;
}

/* The whole frames of the copy, as seen from the area in use: what was cut off as a black bar
 * may have been dark in the marked picture already. */
static HeView
frame_view (const HeReader *reader)
{
  const double width = reader->border.width, height = reader->border.height;
  const double w = reader->w, h = reader->h;
  return (HeView) { { width / w, 0, (width - w - 2 * reader->x) / (2 * w), 0, height / h,
                      (height - h - 2 * reader->y) / (2 * h), 0, 0 } };
}

static HeSync
search_channel (HeReader *reader, const HeSyncWindow *windows, guint n, gboolean views)
{
  const gboolean fixed = reader->settings.time_known;
  const double start = segments_of (reader, reader->origin);
  const double ahead = reader->ahead[reader->channel];
  const HeView frame = frame_view (reader);
  const HeSyncTask task = { .windows = windows,
                            .n_windows = n,
                            .keyed = keyed,
                            .data = reader,
                            .first = fixed ? start : MAX (reader->settings.first - ahead, 0),
                            .last = fixed ? start : MAX (reader->settings.last - ahead, 0),
                            .views = views,
                            .also = is_cut (reader) ? &frame : NULL,
                            .progress = pass_progress,
                            .payload = reader->settings.payload,
                            .tests = reader->tests };
  HeSync sync;
  he_sync_search (&task, &sync);
  reader->tests = sync.tests;
  sync.log_p -= log (sync.tests); /* paid when all channels were searched */
  return sync;
}

/* Look i at the evidence, after some channels and tries, pays i (i + 1) times what was
 * tested, and the sum over all i of 1 / (i (i + 1)) is 1: so however often a copy is looked
 * at, all together have the probability of one. */
static double
paid (HeReader *reader, double log_p)
{
  reader->looks++;
  return log_p + log (MAX (reader->tests, 1)) + log (reader->looks * (reader->looks + 1));
}

/* Of all channels the likeliest. Whole frames are looked for in all of them before other
 * views are in any. */
static HeSync
search_channels (HeReader *reader, const HeSyncWindow *windows, guint n, gboolean all_views)
{
  HeSync best = { .log_p = G_MAXDOUBLE };
  guint best_channel = 0, first = 0, end = reader->n_channels;
  double log_p = 0;
  reader->tests = 0;
  for (guint views = 0; views <= (all_views ? 1 : 0); views++) {
    const double part = all_views ? views ? 1 - WHOLE_PART : WHOLE_PART : 1;
    for (reader->channel = first; reader->channel < end && pass_progress (reader, 0);
         reader->channel++) {
      reader->search_part = part / (end - first);
      reader->search_begin = (views ? WHOLE_PART : 0) + (reader->channel - first) * reader->search_part;
      HeSync sync = search_channel (reader, windows, n, views == 1);
      if (sync.log_p < best.log_p) {
        best = sync;
        best_channel = reader->channel;
      }
    }
    log_p = paid (reader, best.log_p);
    if (log_p <= HE_SYNC_LOG_P) {
      first = best_channel;
      end = first + 1;
    }
  }
  reader->channel = best_channel;
  best.log_p = log_p;
  return best;
}

static void
try_to_lock (HeReader *reader)
{
  HeSyncWindow windows[HE_SYNC_MAX_WINDOWS];
  /* Each symbol of a payload has so few waves that the time of a moving picture is not found
   * otherwise; and all is read with the view that is found, whole or flipped. */
  const guint n = (reader->settings.payload ? he_slots_rest_windows : he_slots_windows) (
      reader->slots, reader->whitener, windows);
  const gboolean views = reader->settings.views && reader->gathered >= reader->next_views;
  reader->next_try = reader->gathered + MAX (FIRST_TRY, reader->gathered / 2);
  if (views)
    reader->next_views = reader->gathered * 2;
  if (n == 0)
    return;
  HeSync sync = search_channels (reader, windows, n, views);
  for (guint i = 0; i < n; i++)
    he_spectrum_free (windows[i].spectrum);
  if (sync.log_p > HE_SYNC_LOG_P || !pass_progress (reader, 1))
    return;
  reader->sync = sync;
  reader->locked = TRUE;
  if (!reader->settings.time_known && !reader->settings.payload)
    he_refine_time (reader->slots, reader->whitener, keyed, reader, &reader->sync);
  if (!reader->settings.payload && (reader->settings.views || sync.log_p > DOUBTFUL))
    he_refine_view (reader->slots, reader->whitener, keyed, reader, reader->settings.views,
                    &reader->sync);
}

/* ---- reading ---- */

/* The view of the area in use, as one of the whole frames of the copy. */
static HeView
whole_view (const HeReader *reader)
{
  HeView view = reader->sync.view;
  double *m = view.m;
  const double width = reader->border.width, height = reader->border.height;
  const double move_x = (reader->x + reader->w / 2.0) / width - 0.5;
  const double move_y = (reader->y + reader->h / 2.0) / height - 0.5;
  const double bottom[3] = { m[6], m[7], 1 };
  for (guint i = 0; i < 3; i++) {
    m[i] = reader->w / width * m[i] + move_x * bottom[i];
    m[3 + i] = reader->h / height * m[3 + i] + move_y * bottom[i];
  }
  return view;
}

static void
read_segment (HeReader *reader, double msn)
{
  g_autofree HePlane *plane = g_new (HePlane, 1), *warped = g_new (HePlane, 1);
  guint8 seed[32];
  const double length = 1 / reader->sync.speed;
  const double begin = (msn - reader->sync.start) * length;
  const guint frames = he_slots_sum_segment (reader->slots, reader->whitener, begin, length, plane);
  if (!frames)
    return;
  he_view_warp (&reader->sync.view, *plane, HE_PATTERN_WIDTH, HE_PATTERN_HEIGHT, *warped);
  he_detector_reset (reader->detector);
  he_detector_add_plane (reader->detector, (const HePlane *)warped, frames);
  he_mark_seed (reader->settings.key, reader->channels[reader->channel], (guint64)msn, seed);

  HeReading *reading = g_new (HeReading, 1);
  const double segment = (double)reader->settings.duration90 / TICKS_PER_SECOND * 1e9;
  *reading = (HeReading) { .msn = (guint64)msn,
                         .z = -he_detector_score (reader->detector, seed),
                         .time = reader->origin + (guint64)(MAX (begin, 0) * segment),
                         .end = reader->origin + (guint64)(MAX (begin + length, 0) * segment),
                         .length = (guint64)(length * segment),
                         .view = whole_view (reader),
                         .frames = frames,
                         .channel = reader->channel,
                         .found = reader->locked };
  if (reader->settings.weights)
    reading->n_weights = he_detector_weights (reader->detector, reading->weights);
  if (reader->settings.payload)
    he_detector_symbols (reader->detector, seed, reading->soft);
  g_queue_push_tail (&reader->readings, reading);
  reader->read++;
}

/* Reads the segments that lie behind; at the end all. */
static void
read_segments (HeReader *reader, gboolean end)
{
  const HeSync *sync = &reader->sync;
  if (he_slots_count (reader->slots) == 0)
    return;
  const double first = he_slots_get (reader->slots, 0)->begin;
  const double ahead = end ? 0 : 1;
  double msn = reader->read_until > first ? rint (sync->start + sync->speed * reader->read_until)
                                          : floor (sync->start + sync->speed * first);
  const double now = sync->start + sync->speed * reader->now;
  for (; msn + ahead < now; msn++) {
    if (msn >= 0)
      read_segment (reader, msn);
    reader->read_until = (msn + 1 - sync->start) / sync->speed;
  }
  if (!reader->settings.time_known && !reader->settings.payload
      && reader->read >= TRACK_EVERY) {
    reader->read = 0;
    he_refine_time (reader->slots, reader->whitener, keyed, reader, &reader->sync);
  }
}

static void
close_slot (HeReader *reader)
{
  if (reader->frames) {
    he_slots_push (reader->slots, (const HePlane *)reader->sum, reader->frames,
                   reader->slot_begin, reader->now);
    reader->gathered++;
  }
  memset (reader->sum, 0, sizeof *reader->sum);
  reader->frames = 0;
  if (!reader->locked && reader->gathered >= reader->next_try)
    try_to_lock (reader);
  if (reader->locked)
    read_segments (reader, FALSE);
}

/* ---- frames ---- */

static void
restart (HeReader *reader)
{
  he_slots_clear (reader->slots);
  memset (reader->sum, 0, sizeof *reader->sum);
  reader->frames = reader->gathered = 0;
  reader->next_try = FIRST_TRY;
  reader->next_views = reader->settings.time_known ? FIRST_TRY : FIRST_VIEWS;
}

/* Where the view was found with another area, it is put in terms of the new one. */
static void
use_area (HeReader *reader, guint x, guint y, guint w, guint h)
{
  if (reader->w && reader->locked) {
    double *m = reader->sync.view.m;
    const double scale_x = (double)reader->w / w, scale_y = (double)reader->h / h;
    const double move_x = (reader->x + reader->w / 2.0 - x - w / 2.0) / w;
    const double move_y = (reader->y + reader->h / 2.0 - y - h / 2.0) / h;
    const double bottom[3] = { m[6], m[7], 1 };
    for (guint i = 0; i < 3; i++) {
      m[i] = scale_x * m[i] + move_x * bottom[i];
      m[3 + i] = scale_y * m[3 + i] + move_y * bottom[i];
    }
  }
  if (reader->w)
    restart (reader);
  reader->x = x;
  reader->y = y;
  reader->w = w;
  reader->h = h;
}

/* FALSE while it is not clear where the picture is. */
static gboolean
find_area (HeReader *reader, const guint8 *luma, gsize stride, guint width, guint height)
{
  const HeBorder *border = &reader->border;
  if (border->width && (border->width != width || border->height != height)) {
    /* The same picture at another size, as an adaptive player gets it. */
    reader->x = (guint)((guint64)reader->x * width / border->width);
    reader->w = (guint)((guint64)reader->w * width / border->width);
    reader->y = (guint)((guint64)reader->y * height / border->height);
    reader->h = (guint)((guint64)reader->h * height / border->height);
  }
  he_border_look (&reader->border, luma, stride, width, height);
  if (++reader->looked < BORDER_FRAMES && reader->last - reader->origin < BORDER_TIME)
    return FALSE;
  guint x = border->x, y = border->y, w = border->w, h = border->h;
  if (w < width / 4 || h < height / 4) { /* nothing to see yet */
    if (reader->w)
      return TRUE;
    x = y = 0;
    w = width;
    h = height;
  }
  if (reader->w == 0 || w > reader->w + width / BORDER_GROWTH
      || h > reader->h + height / BORDER_GROWTH)
    use_area (reader, x, y, w, h);
  return TRUE;
}

static void
begin (HeReader *reader, guint64 time)
{
  restart (reader);
  he_border_clear (&reader->border);
  reader->begun = TRUE;
  reader->locked = FALSE;
  reader->looked = reader->w = reader->read = 0;
  reader->read_until = 0;
  reader->origin = time;
  reader->sync = (HeSync) { .view = he_view_identity, .speed = 1 };
  if (reader->settings.time_known)
    reader->sync.start = segments_of (reader, time);
}

/* Not where the copy was cut, or another joined to it: what was found of the time until
 * then is no longer right. */
static gboolean
goes_on (const HeReader *reader, guint64 time)
{
  return time < reader->last ? segments_of (reader, reader->last - time) <= MAX_BACK
                             : segments_of (reader, time - reader->last) <= MAX_GAP;
}

gboolean
he_reader_add (HeReader *reader, const guint8 *luma, gsize stride, guint width,
               guint height, guint64 time, GError **error)
{
  if (!reader->begun) {
    reader->looks = 0;
    begin (reader, time);
  } else if (!goes_on (reader, time)) {
    he_reader_finish (reader);
    begin (reader, time);
  } else if (time < reader->last) {
    return TRUE;
  }
  reader->last = time;
  if (!find_area (reader, luma, stride, width, height))
    return TRUE;
  const double now = segments_of (reader, time - reader->origin);
  const gint64 slot = (gint64)floor ((reader->sync.start + reader->sync.speed * now)
                                     * HE_SLOTS_PER_SEGMENT);
  if (slot != reader->slot || reader->frames == 0) {
    reader->now = now;
    close_slot (reader);
    reader->slot = (gint64)floor ((reader->sync.start + reader->sync.speed * now)
                                  * HE_SLOTS_PER_SEGMENT);
    reader->slot_begin = now;
  }
  if (!he_whitener_add (reader->whitener, luma + reader->y * stride + reader->x, stride,
                        reader->w, reader->h, reader->sum, error))
    return FALSE;
  reader->frames++;
  reader->now = now;
  return TRUE;
}

void
he_reader_finish (HeReader *reader)
{
  if (reader->frames && reader->now <= reader->slot_begin)
    reader->now = reader->slot_begin + 1e-3;
  if (!reader->locked)
    reader->next_try = reader->next_views = 0;
  close_slot (reader);
  /* With a known time the view that most copies have is right or reads noise. */
  if (reader->locked || reader->settings.time_known)
    read_segments (reader, TRUE);
  reader->begun = FALSE;
}
