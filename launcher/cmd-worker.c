/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agreement.h"
#include "builder.h"
#include "clip.h"
#include "encoder.h"
#include "factory.h"
#include "faults.h"
#include "feed.h"
#include "he-anchor.h"
#include "inputs.h"
#include "job.h"
#include "log.h"
#include "plan.h"
#include "probe.h"

/* One channel: the pipeline, and what its surroundings have to know of it. Everything
 * here runs on the main loop but agree() (streaming thread), probe_run() and
 * compare_run() (their own). */

#define NO_DATA_SECONDS 15
/* A recording is read as fast as it can be taken, which may be slowly: its destination
 * may be away for a minute. */
#define NO_DATA_SECONDS_RECORDING 120
#define COMPARE_SECONDS 5
/* After a jump one node's worker sees it some time before the others'. */
#define MAX_APART 3 /* times COMPARE_SECONDS */
#define STOP_SECONDS 5

typedef struct {
  HeadendJob *job;
  HeadendPlan *plan;
  char *source; /* as it may be logged */
  GstElement *pipeline, *sink, *demux;
  HeadendFeed *feed;     /* NULL: a recording */
  HeadendInputs *inputs; /* the same */
  gboolean fills;        /* what the source leaves out is made up */
  GMainLoop *loop;
  int code;
  gint64 started;
  gint64 data;     /* of a recording, monotonic microseconds of the last; by lock */
  GMutex lock;     /* data, anchor, anchored */
  HeAnchor anchor; /* that the pipeline works by */
  gboolean anchored;
  gboolean comparing;
  char *clip; /* compare_run()'s alone */
  gboolean clip_failed;
  HeadendFaults faults;
  const char *faulty; /* whose they are: the source that is taken */
  guint apart;        /* comparisons in a row that showed another anchor at the origin */
  guint64 segments;   /* handed on by the sink when last looked at */
  gint64 segments_at; /* and when that number last grew */
  guint64 done;       /* of a recording: segments made, and segments put away */
  gint64 done_at;     /* and when that number last grew */
  gboolean probing, ready;
  gboolean finished; /* a recording, complete */
  guint ticks;
} Worker;

static void
say (const char *event)
{
  g_print ("{\"event\":\"%s\"}\n", event);
  fflush (stdout);
}

static void
give_up (Worker *worker)
{
  worker->code = 1;
  g_main_loop_quit (worker->loop);
}

static char *
agree (GstElement *demux, const char *proposal, gpointer user_data)
{
  Worker *worker = user_data;
  HeAnchor anchor;
  if (!headend_agree (worker->job, proposal, &anchor))
    return NULL; /* not a proposal */
  g_autofree char *agreed = he_anchor_to_json (&anchor);
  g_object_set (worker->sink, "anchor", agreed, NULL);
  headend_log ("anchor %s", agreed);
  g_mutex_lock (&worker->lock);
  worker->anchor = anchor;
  worker->anchored = TRUE;
  g_mutex_unlock (&worker->lock);
  return g_steal_pointer (&agreed);
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Worker *worker = user_data;
  g_mutex_lock (&worker->lock);
  worker->data = g_get_monotonic_time ();
  g_mutex_unlock (&worker->lock);
  return GST_PAD_PROBE_OK;
}

static void
probe_run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Worker *worker = g_task_get_task_data (task);
  const HeadendJob *job = worker->job;
  const HeSegment *segment = g_object_get_data (G_OBJECT (task), "segment");
  GError *error = NULL;
  if (headend_probe_segment (job->node->internal, worker->plan->channel, segment,
                             job->secrets[HE_PURPOSE_PUBLISH],
                             job->secrets[HE_PURPOSE_CONTENT], &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_probed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr (GError) error = NULL;
  worker->probing = FALSE;
  worker->ready = g_task_propagate_boolean (G_TASK (result), &error);
  if (worker->ready)
    say ("ready");
  else
    headend_log ("a published segment cannot be watched yet: %s", error->message);
}

/* Readiness is a picture that came back from the origin; any video rendition will do. */
static void
on_segment (Worker *worker, const GstStructure *message)
{
  const char *rendition = gst_structure_get_string (message, "rendition");
  const char *variant = gst_structure_get_string (message, "variant");
  const HeRendition *known
      = rendition ? he_channel_find (worker->plan->channel, rendition) : NULL;
  HeSegment segment
      = { .channel = worker->plan->channel->name, .rendition = (char *)rendition };
  if (worker->job->channel->recording && !worker->ready) {
    worker->ready = TRUE; /* no origin has it; that it ends well is what counts */
    say ("ready");
  }
  if (worker->ready || worker->probing || !known || known->media != HE_MEDIA_VIDEO
      || !variant || !he_variant_from_name (variant, &segment.variant)
      || !gst_structure_get_uint64 (message, "msn", &segment.msn))
    return;
  worker->probing = TRUE;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_probed, worker);
  g_task_set_task_data (task, worker, NULL);
  g_object_set_data_full (G_OBJECT (task), "segment", he_segment_copy (&segment),
                          (GDestroyNotify)he_segment_free);
  g_task_run_in_thread (task, probe_run);
}

static void
on_error (Worker *worker, GstMessage *message)
{
  g_autoptr (GError) error = NULL;
  gst_message_parse_error (message, &error, NULL);
  const char *name = GST_MESSAGE_SRC_NAME (message);
  if (strcmp (name, "source") == 0)
    headend_log ("source %s: %s", worker->source, error->message);
  else
    headend_log ("%s: %s", name, error->message);
  give_up (worker);
}

/* A recording is complete then, playlists and all. */
static void
on_eos (Worker *worker)
{
  if (!worker->job->channel->recording) {
    headend_log ("source %s has ended", worker->source);
    give_up (worker);
    return;
  }
  headend_log ("%s is finished, in %s", worker->job->channel->name,
               worker->job->channel->destination);
  worker->finished = TRUE;
  g_main_loop_quit (worker->loop);
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Worker *worker = user_data;
  const GstStructure *structure = gst_message_get_structure (message);
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      on_error (worker, message);
      break;
    case GST_MESSAGE_WARNING: {
      g_autoptr (GError) error = NULL;
      gst_message_parse_warning (message, &error, NULL);
      headend_log ("%s: %s", GST_MESSAGE_SRC_NAME (message), error->message);
      break;
    }
    case GST_MESSAGE_EOS:
      on_eos (worker);
      break;
    case GST_MESSAGE_ELEMENT:
      if (gst_structure_has_name (structure, "hlsgatesink-segment"))
        on_segment (worker, structure);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

static guint64
count_of (GstElement *element, const char *const *what)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 sum = 0, number;
  g_object_get (element, "stats", &stats, NULL);
  for (guint i = 0; stats && what[i]; i++)
    if (gst_structure_get_uint64 (stats, what[i], &number))
      sum += number;
  return sum;
}

/* What the sink counts of, such as "segments" that it got or has "published". */
static guint64
so_far (const Worker *worker, const char *what)
{
  return count_of (worker->sink, (const char *const[]) { what, NULL });
}

/* What is lost on the way to us shows in no segment, where another node has a clean copy.
 */
static void
tell_faults (Worker *worker, gboolean flows, gint64 now)
{
  static const char *const counted[]
      = { "gaps", "transport-errors", "sync-losses", "bad-times", NULL };
  guint64 total = count_of (worker->demux, counted), spell = 0;
  gint64 lasted = 0;
  const char *taken = worker->source;
  if (worker->feed) {
    total += headend_feed_breaks (worker->feed);
    taken = headend_feed_taken (worker->feed);
  }
  if (taken != worker->faulty)
    worker->faults = (HeadendFaults) { .total = total };
  worker->faulty = taken;
  switch (headend_faults_look (&worker->faults, total, flows, now, &spell, &lasted)) {
    case HEADEND_FAULTS_BEGUN:
      headend_log ("source %s is damaged: packets are lost, broken or out of order",
                   taken);
      break;
    case HEADEND_FAULTS_OVER:
      headend_log ("source %s is whole again after %" G_GUINT64_FORMAT
                   " faults within %" G_GINT64_FORMAT " s",
                   taken, spell, lasted / G_USEC_PER_SEC + 1);
      break;
    case HEADEND_FAULTS_NO_NEWS:
      break;
  }
}

/* When something last moved: a recording holds its input back while what it has read is
 * encoded or put away, which takes as long as it takes. */
static gint64
moved_at (Worker *worker, gint64 data, gint64 now)
{
  guint64 done = 0;
  if (!worker->job->channel->recording)
    return MAX (data, worker->started);
  done = so_far (worker, "segments") + so_far (worker, "published");
  if (done != worker->done)
    worker->done_at = now;
  worker->done = done;
  return MAX (MAX (data, worker->started), worker->done_at);
}

static gint64
data_at (Worker *worker)
{
  if (worker->feed)
    return headend_feed_data_at (worker->feed);
  g_mutex_lock (&worker->lock);
  gint64 data = worker->data;
  g_mutex_unlock (&worker->lock);
  return data;
}

/* Told again and again: an origin that was started again has forgotten. */
static void
tell_clip (Worker *worker)
{
  g_autoptr (GError) error = NULL;
  HeProbe probe = headend_factory_probe ();
  if (!worker->job->channel->identical || worker->clip_failed)
    return;
  if (!worker->clip)
    worker->clip = headend_clip_digest (worker->job->channel, &probe, &error);
  worker->clip_failed = !worker->clip;
  if (worker->clip_failed)
    headend_log ("nodes cannot tell whether their encoders agree: %s", error->message);
  else
    headend_agreement_tell (worker->job, worker->clip);
}

static void
compare_run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Worker *worker = g_task_get_task_data (task);
  g_mutex_lock (&worker->lock);
  HeAnchor anchor = worker->anchor;
  g_mutex_unlock (&worker->lock);
  tell_clip (worker);
  g_task_return_boolean (task, headend_agreement_holds (worker->job, &anchor));
}

static void
on_compared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Worker *worker = user_data;
  worker->comparing = FALSE;
  if (g_task_propagate_boolean (G_TASK (result), NULL)) {
    worker->apart = 0;
    return;
  }
  if (++worker->apart < MAX_APART)
    return;
  headend_log ("the origin holds another anchor than the one that we work by");
  give_up (worker);
}

/* Origins that did not reach each other, or not us, may have settled on another record
 * since; who starts again takes it. */
static void
compare (Worker *worker)
{
  g_mutex_lock (&worker->lock);
  gboolean anchored = worker->anchored;
  g_mutex_unlock (&worker->lock);
  if (!anchored || worker->comparing)
    return;
  worker->comparing = TRUE;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_compared, worker);
  g_task_set_task_data (task, worker, NULL);
  g_task_run_in_thread (task, compare_run);
}

/* Liveness: data that comes and segments that go. Whatever hangs in between, a new
 * process is the remedy. */
static gboolean
on_tick (gpointer user_data)
{
  Worker *worker = user_data;
  gint64 now = g_get_monotonic_time ();
  gint64 data = data_at (worker);
  say ("alive");
  tell_faults (worker, data && now - data < G_USEC_PER_SEC, now);
  if (worker->ticks++ % COMPARE_SECONDS == 0)
    compare (worker);
  if (worker->inputs)
    headend_inputs_tell (worker->inputs);

  int no_data
      = worker->job->channel->recording ? NO_DATA_SECONDS_RECORDING : NO_DATA_SECONDS;
  gboolean filled = worker->fills && data;
  if (!filled && now - moved_at (worker, data, now) > no_data * G_USEC_PER_SEC) {
    headend_log ("no data from %s for %d s%s", worker->source, no_data,
                 worker->job->channel->recording ? ", and no segment went on" : "");
    give_up (worker);
    return G_SOURCE_CONTINUE;
  }
  if (worker->job->channel->recording)
    return G_SOURCE_CONTINUE;
  guint64 segments = so_far (worker, "segments");
  if (segments != worker->segments || !data)
    worker->segments_at = now;
  worker->segments = segments;
  gint64 patience = 15 + 5 * (gint64)(worker->plan->channel->duration90 / 90000);
  if (now - worker->segments_at > patience * G_USEC_PER_SEC) {
    headend_log ("no segment came of %s for %d s", worker->source, (int)patience);
    give_up (worker);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_signal (gpointer user_data)
{
  g_main_loop_quit (((Worker *)user_data)->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
start (Worker *worker, GError **error)
{
  worker->pipeline = headend_builder_build (worker->plan, worker->job, error);
  if (!worker->pipeline)
    return FALSE;
  worker->sink = gst_bin_get_by_name (GST_BIN (worker->pipeline), "sink");
  worker->demux = gst_bin_get_by_name (GST_BIN (worker->pipeline), "demux");
  g_autoptr (GstElement) intake
      = gst_bin_get_by_name (GST_BIN (worker->pipeline), "intake");
  const HeadendModelChannel *channel = worker->job->channel;
  const HeadendVideo *first = channel->video->pdata[0];
  g_autoptr (GstBus) bus = gst_element_get_bus (worker->pipeline);
  if (channel->recording) {
    g_autoptr (GstPad) input = gst_element_get_static_pad (worker->demux, "sink");
    gst_pad_add_probe (input, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
                       on_data, worker, NULL);
  } else {
    g_signal_connect (worker->demux, "agree-anchor", G_CALLBACK (agree), worker);
    worker->feed
        = headend_feed_new (worker->plan, worker->job->model->folder, intake, error);
    if (!worker->feed)
      return FALSE;
    worker->inputs = headend_inputs_new (worker->job, worker->feed, worker->demux);
    worker->fills = !headend_encoder_copies (first->encoder);
  }
  gst_bus_add_watch (bus, on_message, worker);
  worker->started = worker->segments_at = g_get_monotonic_time ();
  g_timeout_add_seconds (1, on_tick, worker);
  g_unix_signal_add (SIGTERM, on_signal, worker);
  signal (SIGINT, SIG_IGN); /* of a terminal: the supervisor decides */
  gst_element_set_state (worker->pipeline,
                         GST_STATE_PLAYING); /* failures come by the bus */
  if (worker->feed)
    headend_feed_start (worker->feed);
  return TRUE;
}

int
headend_cmd_worker (int argc, char **argv)
{
  /* Threads that ask or tell the origin may hold it and the job until the process ends. */
  static Worker worker;
  g_autoptr (GError) error = NULL;
  headend_log_init (NULL, "worker");
  g_autoptr (HeadendJob) job = headend_job_read (STDIN_FILENO, &error);
  if (!job || !job->channel) {
    headend_log ("%s", error ? error->message : "the job names no channel");
    return 1;
  }
  g_autofree char *process = g_strdup_printf ("worker:%s", job->channel->name);
  headend_log_init (job->node->name, process);
  headend_gst_init ();

  HeProbe probe = headend_factory_probe ();
  g_autoptr (HeadendPlan) plan
      = headend_plan_new (job->model, job->node, job->channel, &probe, &error);
  if (!plan) {
    headend_log ("the pipeline cannot be built: %s", error->message);
    return 1;
  }
  g_autofree char *source = headend_source_display (job->channel->source);
  worker.job = job;
  worker.plan = plan;
  worker.source = source;
  worker.loop = g_main_loop_new (NULL, FALSE);
  g_mutex_init (&worker.lock);
  if (!start (&worker, &error)) {
    headend_log ("the pipeline cannot be built: %s", error->message);
    return 1;
  }
  headend_log ("takes %s", source);
  worker.job = g_steal_pointer (&job);
  g_main_loop_run (worker.loop);
  alarm (STOP_SECONDS); /* whatever hangs in the pipeline must not keep us */
  gst_element_set_state (worker.pipeline, GST_STATE_NULL); /* no feed waits for it then */
  headend_feed_free (worker.feed);
  /* The process ends here: a probe may still hold the worker. */
  return worker.job->channel->recording ? !worker.finished : worker.code;
}
