/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph.h"

#include "encoder.h"
#include "plan.h"

/* Boxes in order of the flow; an arrow goes from a box to each of its next ones. */
typedef struct {
  char *label;
  char *cluster; /* of Graphviz: the process; or NULL */
  GArray *next;  /* guint */
} Box;

static void
box_free (gpointer data)
{
  Box *box = data;
  g_free (box->label);
  g_free (box->cluster);
  g_array_unref (box->next);
  g_free (box);
}

static guint G_GNUC_PRINTF (3, 4)
    add (GPtrArray *boxes, const char *cluster, const char *format, ...)
{
  va_list args;
  Box *box = g_new0 (Box, 1);
  va_start (args, format);
  box->label = g_strdup_vprintf (format, args);
  va_end (args);
  box->cluster = g_strdup (cluster);
  box->next = g_array_new (FALSE, FALSE, sizeof (guint));
  g_ptr_array_add (boxes, box);
  return boxes->len - 1;
}

static void
join (GPtrArray *boxes, guint from, guint to)
{
  Box *box = boxes->pdata[from];
  g_array_append_val (box->next, to);
}

static void
add_rung (GPtrArray *boxes, const char *worker, const HeadendModelChannel *channel,
          const HeRendition *r, const HeadendVideo *video, guint from, guint sink)
{
  static const char *const variants[] = { "a", "b" };
  if (headend_encoder_copies (video->encoder)) {
    guint copy = add (boxes, worker, "%s: %s, as it is (%s)", r->name,
                      headend_encoder_of (video)->codec == HE_VIDEO_H265 ? "h265parse"
                                                                         : "h264parse",
                      r->codecs);
    join (boxes, from, copy);
    join (boxes, copy, sink);
    return;
  }
  const gboolean two = headend_model_channel_has_variants (channel);
  for (guint i = 0; i < (two ? 2 : 1); i++) {
    g_autofree char *mark = two ? g_strdup_printf (" ! forensicmark %s", variants[i])
                                : g_strdup (channel->watermark ? " ! forensicmark" : "");
    gboolean h265 = headend_encoder_of (video)->codec == HE_VIDEO_H265;
    guint rung = add (boxes, worker,
                      "%s%s%s: scale %ux%u%s ! segmentencoder (%s %u kbit/s, %s) ! "
                      "%s",
                      r->name, two ? " " : "", two ? variants[i] : "", r->width, r->height, mark,
                      video->encoder, video->bitrate, r->codecs,
                      h265 ? "h265parse" : "h264parse");
    join (boxes, from, rung);
    join (boxes, rung, sink);
  }
}

static void
add_worker (GPtrArray *boxes, const HeadendNode *node, const HeadendModelChannel *channel,
            guint source, const guint *origins, guint n_origins)
{
  g_autofree char *worker
      = g_strdup_printf ("node %s, worker %s", node->name, channel->name);
  g_autofree char *message = NULL;
  g_autoptr (HeChannel) plan = headend_plan_channel (channel);
  const HeadendSource *kind = headend_source_find (channel->source, &message);
  guint demux = add (boxes, worker, "%s: %s ! epochdemux", worker, kind->factory);
  const HeadendVideo *first = channel->video->pdata[0];
  gboolean copies = headend_encoder_copies (first->encoder);
  guint video = copies ? demux : add (boxes, worker, "decode ! epochalign");
  guint sink = add (
      boxes, worker, "hlsgatesink: segments of %g s, %s, published to %u origin%s",
      (double)channel->duration90 / 90000, channel->encrypted ? "aes-128" : "clear",
      n_origins, n_origins == 1 ? "" : "s");
  join (boxes, source, demux);
  if (!copies)
    join (boxes, demux, video);
  for (guint i = 0; i < channel->video->len; i++)
    add_rung (boxes, worker, channel, plan->renditions->pdata[i],
              channel->video->pdata[i], video, sink);
  for (guint i = 0; i < channel->audio->len; i++) {
    const HeadendAudio *audio = channel->audio->pdata[i];
    guint box
        = headend_encoder_copies (audio->encoder)
              ? add (boxes, worker, "%s: aacparse, as it is", audio->name)
              : add (boxes, worker,
                     "%s: aacparse ! %s ! epochalign ! segmentencoder (avenc_aac %u "
                     "kbit/s, %u Hz, %u channel%s) ! aacparse",
                     audio->name, channel->identical ? "segmentdecoder" : "avdec_aac",
                     audio->bitrate, audio->rate, audio->channels,
                     audio->channels == 1 ? "" : "s");
    join (boxes, demux, box);
    join (boxes, box, sink);
  }
  for (guint i = 0; i < n_origins; i++)
    join (boxes, sink, origins[i]);
}

static GPtrArray *
graph_of (const HeadendModel *model)
{
  GPtrArray *boxes = g_ptr_array_new_with_free_func (box_free);
  guint n = model->nodes->len;
  g_autofree guint *origins = g_new (guint, n);
  g_autofree guint *sources = g_new (guint, model->channels->len);
  for (guint i = 0; i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    g_autofree char *shown = headend_source_display (channel->source);
    sources[i] = add (boxes, NULL, "%s (channel %s)", shown, channel->name);
  }
  for (guint i = 0; i < n; i++) {
    const HeadendNode *node = model->nodes->pdata[i];
    g_autofree char *name = g_strdup_printf ("node %s, origin", node->name);
    origins[i]
        = add (boxes, name, "%s: gate, store, playlists on %s", name, node->listen);
  }
  for (guint i = 0; i < n; i++)
    for (guint j = 0; j < model->channels->len; j++)
      add_worker (boxes, model->nodes->pdata[i], model->channels->pdata[j], sources[j],
                  origins, n);
  guint viewers = add (boxes, NULL, "viewers");
  guint last = viewers;
  if (model->edge.listen) {
    last = add (boxes, NULL, "edge: nginx on %s", model->edge.listen);
    join (boxes, last, viewers);
  }
  for (guint i = 0; i < n; i++)
    join (boxes, origins[i], last);
  return boxes;
}

/* A box is described where it is met first; "(above)" refers back to it. */
static void
append_tree (GString *text, const GPtrArray *boxes, guint index, guint depth,
             gboolean *seen)
{
  const Box *box = boxes->pdata[index];
  g_string_append_printf (text, "%*s%s%s", (int)depth * 2, "", depth ? "-> " : "",
                          box->label);
  g_string_append (text, seen[index] && box->next->len ? " (above)\n" : "\n");
  if (seen[index])
    return;
  seen[index] = TRUE;
  for (guint i = 0; i < box->next->len; i++)
    append_tree (text, boxes, g_array_index (box->next, guint, i), depth + 1, seen);
}

char *
headend_graph_text (const HeadendModel *model)
{
  g_autoptr (GPtrArray) boxes = graph_of (model);
  g_autofree gboolean *seen = g_new0 (gboolean, boxes->len);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < model->channels->len; i++)
    append_tree (text, boxes, i, 0, seen);
  return g_string_free (text, FALSE);
}

static void
append_quoted (GString *text, const char *label)
{
  g_string_append_c (text, '"');
  for (const char *p = label; *p; p++) {
    if (*p == '"' || *p == '\\')
      g_string_append_c (text, '\\');
    g_string_append_c (text, *p);
  }
  g_string_append_c (text, '"');
}

char *
headend_graph_dot (const HeadendModel *model)
{
  g_autoptr (GPtrArray) boxes = graph_of (model);
  GString *text
      = g_string_new ("digraph headend {\n  rankdir=LR;\n  node [shape=box];\n");
  const char *cluster = NULL;
  for (guint i = 0; i < boxes->len; i++) {
    const Box *box = boxes->pdata[i];
    if (g_strcmp0 (cluster, box->cluster) != 0) {
      if (cluster)
        g_string_append (text, "  }\n");
      if (box->cluster) {
        g_string_append_printf (text, "  subgraph cluster_%u {\n    label=", i);
        append_quoted (text, box->cluster);
        g_string_append (text, ";\n");
      }
      cluster = box->cluster;
    }
    g_string_append_printf (text, "  %sn%u [label=", cluster ? "  " : "", i);
    append_quoted (text, box->label);
    g_string_append (text, "];\n");
  }
  if (cluster)
    g_string_append (text, "  }\n");
  for (guint i = 0; i < boxes->len; i++) {
    const Box *box = boxes->pdata[i];
    for (guint j = 0; j < box->next->len; j++)
      g_string_append_printf (text, "  n%u -> n%u;\n", i,
                              g_array_index (box->next, guint, j));
  }
  g_string_append (text, "}\n");
  return g_string_free (text, FALSE);
}
