/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-watch.h"

#include <string.h>
#include "he-json.h"
#include "http.h"
#include "status.h"

/* Segments that a node has to have made since, before it counts as back. */
#define SEGMENTS 2
/* Segments' durations after which a node that publishes none is missed. */
#define MISSED 3

static const HeJson *
member (const HeJson *object, const char *name, HeJsonType type)
{
  const HeJson *found = object ? he_json_member (object, name) : NULL;
  return found && he_json_type (found) == type ? found : NULL;
}

static void
read_publishers (const HeadendStage *stage, const HeJson *channel, HeadendNodeView *view)
{
  const HeJson *publishers = member (channel, "publishers", HE_JSON_ARRAY);
  for (guint i = 0; publishers && i < he_json_length (publishers); i++) {
    const HeJson *publisher = he_json_element (publishers, i);
    const char *name = "";
    if (he_json_type (publisher) != HE_JSON_OBJECT)
      continue;
    he_json_get_string (publisher, "node", FALSE, &name, NULL);
    guint64 age_ms = 0;
    he_json_get_uint64 (publisher, "age-ms", FALSE, G_MAXINT64, &age_ms, NULL);
    view->misses |= age_ms > MISSED * stage->channel->duration90 / 90;
    for (guint j = 0; j < stage->n_nodes; j++)
      if (strcmp (stage->nodes[j].name, name) == 0)
        he_json_get_uint64 (publisher, "last-msn", FALSE, G_MAXINT64, &view->published[j],
                            NULL);
  }
}

static void
look_at (const HeadendStage *stage, guint index, HeadendNodeView *ret_view)
{
  guint status = 0;
  *ret_view = (HeadendNodeView) { 0 };
  g_autoptr (GBytes) body
      = headend_http_request (stage->nodes[index].internal, "GET", "/status", NULL, NULL,
                              2, HEADEND_STATUS_MAX, &status, NULL);
  if (!body || status != 200)
    return;
  g_autoptr (HeJson) root
      = he_json_parse (g_bytes_get_data (body, NULL), (gssize)g_bytes_get_size (body),
                       HEADEND_STATUS_MAX, 8, NULL);
  if (!root || he_json_type (root) != HE_JSON_OBJECT)
    return;
  ret_view->answers = TRUE;
  he_json_get_boolean (root, "ready", FALSE, &ret_view->ready, NULL);
  const HeJson *channels = member (root, "channels", HE_JSON_ARRAY);
  const HeJson *channel
      = channels && he_json_length (channels) > 0 ? he_json_element (channels, 0) : NULL;
  if (!channel || he_json_type (channel) != HE_JSON_OBJECT)
    return;
  he_json_get_uint64 (channel, "last-msn", FALSE, G_MAXINT64, &ret_view->last_msn, NULL);
  read_publishers (stage, channel, ret_view);
}

static gboolean
is_hit (const HeadendWatch *watch, guint node)
{
  return watch->node == HEADEND_WATCH_ALL || watch->node == node;
}

/* What the supervisor says of a part that ended, or that it ended itself, and a worker of
 * its source. */
static gboolean
log_tells (const HeadendWatch *watch, guint node)
{
  static const char *const words[] = { "was killed by",
                                       "ended with exit code",
                                       "is killed",
                                       "no data from",
                                       "is damaged:",
                                       " anchor {",
                                       NULL };
  g_autofree char *text = NULL;
  gsize len = 0;
  if (!g_file_get_contents (watch->stage->nodes[node].log, &text, &len, NULL)
      || len <= watch->log_at[node])
    return FALSE;
  const char *since = text + watch->log_at[node];
  for (guint i = 0; words[i]; i++)
    if (strstr (since, words[i]))
      return TRUE;
  return FALSE;
}

void
headend_watch_again (HeadendWatch *watch)
{
  const HeadendStage *stage = watch->stage;
  for (guint i = 0; i < stage->n_nodes; i++) {
    HeadendNodeView view;
    look_at (stage, i, &view);
    watch->first_msn = MAX (watch->first_msn, view.last_msn + 1);
    for (guint j = 0; j < stage->n_nodes; j++)
      watch->first_msn = MAX (watch->first_msn, view.published[j] + 1);
  }
  watch->recovered = 0;
}

void
headend_watch_begin (HeadendWatch *watch, HeadendStage *stage, guint node)
{
  *watch = (HeadendWatch) { .stage = stage, .node = node };
  for (guint i = 0; i < stage->n_nodes; i++) {
    g_autofree char *text = NULL;
    g_file_get_contents (stage->nodes[i].log, &text, &watch->log_at[i], NULL);
  }
  headend_watch_again (watch);
  watch->begin = g_get_monotonic_time ();
}

void
headend_watch_look (HeadendWatch *watch)
{
  const HeadendStage *stage = watch->stage;
  gboolean back = TRUE, told = FALSE;
  for (guint i = 0; i < stage->n_nodes; i++) {
    HeadendNodeView view;
    look_at (stage, i, &view);
    if (is_hit (watch, i)) {
      told |= !view.answers || !view.ready || view.misses || log_tells (watch, i);
      back &= view.answers && view.ready;
    }
    for (guint j = 0; j < stage->n_nodes; j++)
      if (is_hit (watch, j))
        back &= view.published[j] >= watch->first_msn + SEGMENTS - 1;
  }
  gint64 now = g_get_monotonic_time ();
  if (!watch->detected && told)
    watch->detected = now;
  if (!watch->recovered && back)
    watch->recovered = now;
}
