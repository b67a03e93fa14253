/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-stage.h"

#include <glib/gstdio.h>
#include <glob.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "drill-apart.h"
#include "drill-folder.h"
#include "drill-process.h"
#include "edge.h"
#include "encoder.h"
#include "he-error.h"
#include "he-token.h"
#include "http.h"

#define TOKEN_SECONDS 600
#define END_SECONDS 6

gboolean
headend_stage_sleep (HeadendStage *stage, guint milliseconds)
{
  gint64 end = g_get_monotonic_time () + (gint64)milliseconds * 1000;
  while (!*stage->options.interrupted) {
    gint64 left = end - g_get_monotonic_time ();
    if (left <= 0)
      return TRUE;
    g_usleep ((gulong)MIN (left, 100000));
    headend_stage_look (stage, FALSE);
  }
  return FALSE;
}

static guint
sound_rate (const HeadendModelChannel *channel)
{
  return channel->audio->len ? ((HeadendAudio *)channel->audio->pdata[0])->rate : 0;
}

/* What the feed has to be like, and who will look at it. */
static gboolean
choose (HeadendStage *stage, GError **error)
{
  const HeadendModelChannel *channel = stage->channel;
  for (guint i = 0; i < channel->video->len; i++) {
    const HeadendVideo *video = channel->video->pdata[i];
    if (!stage->video || video->bitrate < stage->video->bitrate)
      stage->video = video;
    if (strcmp (video->encoder, "copy-h265") == 0) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "channel %s passes H.265 through, and the feed of a drill is H.264; "
                   "try a copy of the description with another encoder",
                   channel->name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
start_feed (HeadendStage *stage, guint srt_port, const guint *udp_ports, GError **error)
{
  const HeadendModelChannel *channel = stage->channel;
  const HeadendVideo *video = stage->video;
  const HeadendAudio *audio = channel->audio->len ? channel->audio->pdata[0] : NULL;
  guint64 frames = channel->duration90 * video->frame_rate.n
                   / (90000 * (guint64)video->frame_rate.d);
  stage->feed = headend_drill_feed_start (
      &(HeadendDrillFeedOptions) { .width = video->width,
                                   .height = video->height,
                                   .fps_n = video->frame_rate.n,
                                   .fps_d = video->frame_rate.d,
                                   .rate = sound_rate (channel),
                                   .channels = audio ? audio->channels : 0,
                                   .keyframes = frames,
                                   .start90 = stage->options.start90,
                                   .srt_port = srt_port,
                                   .udp_ports = udp_ports,
                                   .rtp = stage->rtp },
      error);
  return stage->feed != NULL;
}

/* The environment that puts a clock off: libfaketime's, monotonic time left alone. */
static char **
clock_environment (const char *offset, GError **error)
{
  glob_t found;
  if (glob ("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "libfaketimeMT.so.1 is not there; install the package faketime");
    return NULL;
  }
  char **list = g_new0 (char *, 6);
  list[0] = g_strdup_printf ("LD_PRELOAD=%s", found.gl_pathv[0]);
  list[1] = g_strdup_printf ("FAKETIME=%s", offset);
  list[2] = g_strdup ("FAKETIME_DONT_FAKE_MONOTONIC=1");
  list[3] = g_strdup ("DONT_FAKE_MONOTONIC=1");
  list[4] = g_strdup ("NO_FAKE_STAT=1");
  globfree (&found);
  return list;
}

/* part: "--origin", "--channel=NAME", or NULL for the whole node. */
static GSubprocess *
start_part (const HeadendStage *stage, HeadendStageNode *node, const char *part,
            const char *const *environment, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  for (guint i = 0; node->prefix && node->prefix[i]; i++)
    g_ptr_array_add (argv, (char *)node->prefix[i]);
  const char *const words[]
      = { stage->options.program, "run", "--node", node->name, node->file };
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_ptr_array_add (argv, (char *)words[i]);
  if (part)
    g_ptr_array_add (argv, (char *)part);
  g_ptr_array_add (argv, NULL);
  return headend_process_start ((const char *const *)argv->pdata, environment, node->log,
                                SIGKILL, error);
}

gboolean
headend_stage_start_node (HeadendStage *stage, HeadendStageNode *node, GError **error)
{
  headend_stage_end_node (node);
  if (!node->clock) {
    node->process = start_part (stage, node, NULL, NULL, error);
    return node->process != NULL;
  }
  g_auto (GStrv) environment = clock_environment (node->clock, error);
  g_autofree char *channel = g_strdup_printf ("--channel=%s", stage->channel->name);
  if (!environment)
    return FALSE;
  node->process = start_part (stage, node, "--origin", NULL, error);
  node->workers = node->process ? start_part (stage, node, channel,
                                              (const char *const *)environment, error)
                                : NULL;
  return node->workers != NULL;
}

void
headend_stage_end_node (HeadendStageNode *node)
{
  headend_process_end (node->workers, END_SECONDS);
  headend_process_end (node->process, END_SECONDS);
  g_clear_object (&node->workers);
  g_clear_object (&node->process);
}

gboolean
headend_stage_signal (HeadendStageNode *node, HeadendPart part, int number)
{
  if (part == HEADEND_PART_NODE) {
    headend_process_signal_group (node->process, number);
    headend_process_signal_group (node->workers, number);
    return node->process != NULL;
  }
  gboolean worker = part == HEADEND_PART_WORKER;
  GSubprocess *parent = worker && node->workers ? node->workers : node->process;
  int pid = headend_process_child (parent, worker ? "worker" : "origin");
  return pid > 1 && kill (pid, number) == 0;
}

static gboolean
start_edge (HeadendStage *stage, GError **error)
{
  g_autofree char *dir = g_build_filename (stage->dir, "edge", NULL);
  g_autofree char *conf = g_build_filename (dir, "nginx.conf", NULL);
  g_autofree char *errors = g_build_filename (dir, "error.log", NULL);
  g_autofree char *log = g_build_filename (stage->dir, "edge.log", NULL);
  g_autofree char *found = g_find_program_in_path ("nginx");
  const char *nginx = found ? found : "/usr/sbin/nginx";
  const HeadendEdgeChoice choice = { .dir = dir };
  g_autofree char *text = headend_edge_nginx (stage->model, &choice, error);
  if (!text || !headend_folder_write (conf, text, error))
    return FALSE;
  const char *const argv[] = { nginx, "-c", conf, "-p", dir, "-e", errors, NULL };
  stage->edge = headend_process_start (argv, NULL, log, SIGTERM, error);
  return stage->edge != NULL;
}

static gboolean
start_legs (HeadendStage *stage, GError **error)
{
  guint ports[HEADEND_STAGE_NODES + 1] = { 0 };
  guint target = 0, n = stage->udp ? stage->n_nodes : 0;
  if (!headend_folder_ports (stage->udp ? ports : &target, stage->udp ? n : 1, error)
      || !start_feed (stage, target, stage->udp ? ports : NULL, error))
    return FALSE;
  for (guint i = 0; i < stage->n_nodes; i++) {
    HeadendStageNode *node = &stage->nodes[i];
    /* SRT: the node calls the relay, which calls the feed. UDP: the feed sends to the
     * relay, which sends to the node. */
    guint listen = stage->udp ? ports[i] : node->leg;
    guint to = stage->udp ? node->leg : target;
    node->relay = headend_relay_start (stage->options.apart ? "0.0.0.0" : "127.0.0.1",
                                       &listen, to, stage->options.seed + i + 1, error);
    if (!node->relay)
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_ready (const HeadendStageNode *node)
{
  guint status = 0;
  g_autoptr (GBytes) body = headend_http_request (node->internal, "GET", "/readyz", NULL,
                                                  NULL, 2, 65536, &status, NULL);
  return body && status == 200;
}

gboolean
headend_stage_on_air (HeadendStage *stage, guint seconds, GError **error)
{
  for (guint i = 0; stage->options.apart && i < stage->n_nodes; i++)
    if (!headend_apart_add (stage, i, error))
      return FALSE;
  if (!start_legs (stage, error))
    return FALSE;
  for (guint i = 0; i < stage->n_nodes; i++)
    if (!headend_stage_start_node (stage, &stage->nodes[i], error))
      return FALSE;
  if (!start_edge (stage, error))
    return FALSE;
  for (guint i = 0; i < stage->n_nodes; i++) {
    const HeadendStageNode *node = &stage->nodes[i];
    for (guint tries = 0; !is_ready (node); tries++) {
      if (!headend_stage_sleep (stage, 250)) {
        g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "interrupted");
        return FALSE;
      }
      if (tries > seconds * 4 || !g_subprocess_get_identifier (node->process)) {
        g_autofree char *end = headend_folder_tail (node->log);
        g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                     "node %s is not on air after %u s; it said last:\n%s", node->name,
                     tries / 4, end);
        return FALSE;
      }
    }
  }
  return TRUE;
}

void
headend_stage_look (HeadendStage *stage, gboolean begins)
{
  int groups[2 * HEADEND_STAGE_NODES];
  guint n = 0;
  for (guint i = 0; i < stage->n_nodes; i++) {
    groups[n++] = headend_process_group (stage->nodes[i].process);
    groups[n++] = headend_process_group (stage->nodes[i].workers);
  }
  gint64 late = headend_drill_feed_late (stage->feed);
  if (begins)
    headend_shortage_begin (&stage->shortage, groups, n);
  else
    headend_shortage_look (&stage->shortage, late, groups, n);
}

HeadendViewer *
headend_stage_view (HeadendStage *stage, gboolean edge, gboolean decode, GError **error)
{
  g_autofree char *account = g_strdup_printf ("viewer-%u", ++stage->viewers);
  const char *const channels[] = { stage->channel->name, NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = account,
                                   .channels = channels,
                                   .now = g_get_real_time () / G_USEC_PER_SEC,
                                   .ttl_seconds = TOKEN_SECONDS };
  g_autofree char *token = he_token_mint (stage->key, &request, error);
  g_autoptr (GPtrArray) bases = g_ptr_array_new_with_free_func (g_free);
  if (!token)
    return NULL;
  if (edge)
    g_ptr_array_add (bases, g_strdup_printf ("http://%s", stage->edge_address));
  for (guint i = 0; !edge && i < stage->n_nodes; i++)
    g_ptr_array_add (bases, g_strdup_printf ("http://%s", stage->nodes[i].listen));
  g_ptr_array_add (bases, NULL);
  return headend_viewer_start (
      &(HeadendViewerOptions) { .bases = (const char *const *)bases->pdata,
                                .channel = stage->channel->name,
                                .token = token,
                                .rules = { .fps_n = stage->video->frame_rate.n,
                                           .fps_d = stage->video->frame_rate.d,
                                           .rate = sound_rate (stage->channel),
                                           .duration90 = stage->channel->duration90 },
                                .decode = decode });
}

HeadendStage *
headend_stage_new (const HeadendStageOptions *options, GError **error)
{
  g_autoptr (HeadendStage) stage = g_new0 (HeadendStage, 1);
  stage->options = *options;
  if (!headend_folder_fill (stage, error) || !choose (stage, error))
    return NULL;
  return g_steal_pointer (&stage);
}

void
headend_stage_free (HeadendStage *stage)
{
  if (!stage)
    return;
  /* All at once: each takes a moment. */
  for (guint i = 0; i < stage->n_nodes; i++) {
    headend_stage_signal (&stage->nodes[i], HEADEND_PART_NODE, SIGCONT);
    headend_stage_signal (&stage->nodes[i], HEADEND_PART_NODE, SIGTERM);
  }
  for (guint i = 0; i < stage->n_nodes; i++)
    headend_stage_end_node (&stage->nodes[i]);
  headend_process_end (stage->edge, END_SECONDS);
  g_clear_object (&stage->edge);
  for (guint i = 0; i < stage->n_nodes; i++)
    headend_relay_stop (stage->nodes[i].relay);
  headend_drill_feed_stop (stage->feed);
  headend_shortage_clear (&stage->shortage);
  for (guint i = 0; stage->options.apart && i < stage->n_nodes; i++)
    headend_apart_remove (stage, i);
  headend_folder_clear (stage);
  headend_model_free (stage->model);
  g_free (stage->edge_address);
  if (stage->key)
    he_string_wipe_free (stage->key);
  g_free (stage);
}
