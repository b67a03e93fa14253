/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agreement.h"

#include "he-error.h"
#include "http.h"
#include "log.h"
#include "settle.h"
#include "status.h"

#define TIMEOUT 2 /* seconds */
#define ANSWER_MAX 65536

static gboolean
ask (gpointer user, const HeAnchor *proposal, HeAnchor *ret_anchor, GError **error)
{
  const HeadendJob *job = user;
  guint status = 0;
  g_autofree char *sent = proposal ? he_anchor_to_json (proposal) : NULL;
  g_autofree char *path = g_strdup_printf ("/control/anchor/%s", job->channel->name);
  g_autoptr (GBytes) answer = headend_http_request (
      job->node->internal, proposal ? "PUT" : "GET", path,
      job->secrets[HE_PURPOSE_PUBLISH], sent, TIMEOUT, ANSWER_MAX, &status, error);
  if (!answer)
    return FALSE;
  gsize len;
  const char *text = g_bytes_get_data (answer, &len);
  if (status == 200)
    return he_anchor_from_json (text ? text : "", (gssize)len, ret_anchor, error);
  g_autofree char *said = g_strchomp (g_strndup (text ? text : "", len));
  g_set_error (error, HE_ERROR, HE_ERROR_CONFLICT, "%u: %s", status, said);
  return FALSE;
}

static HeadendPublished
published (gpointer user)
{
  const HeadendJob *job = user;
  HeadendPublished result = { .wall90 = (guint64)g_get_real_time () * 9 / 100 };
  guint status = 0;
  g_autoptr (GBytes) answer
      = headend_http_request (job->node->internal, "GET", "/status", NULL, NULL, TIMEOUT,
                              HEADEND_STATUS_MAX, &status, NULL);
  if (answer && status == 200)
    result.known = headend_status_epoch (g_bytes_get_data (answer, NULL),
                                         g_bytes_get_size (answer), job->channel,
                                         &result.end90, &result.now90, &result.clean);
  return result;
}

static void
wait_ms (gpointer user, guint ms)
{
  g_usleep (ms * 1000ul);
}

static gint64
now (gpointer user)
{
  return g_get_monotonic_time ();
}

gboolean
headend_agree (const HeadendJob *job, const char *proposal, HeAnchor *ret_anchor)
{
  const HeadendSettle with = {
    .node = job->node->name,
    .duration90 = job->channel->duration90,
    .alone = job->model->nodes->len < 2,
    .user = (gpointer)job,
    .ask = ask,
    .published = published,
    .wait = wait_ms,
    .now = now,
  };
  g_autoptr (GError) error = NULL;
  HeAnchor own;
  if (!he_anchor_from_json (proposal, -1, &own, NULL))
    return FALSE;
  const HeadendSettled settled = headend_settle (&with, &own, ret_anchor, &error);
  if (settled == HEADEND_SETTLED_ANEW || settled == HEADEND_SETTLED_ANEW_ALONE)
    headend_log ("the source of %s has begun a new timeline", job->channel->name);
  if (settled == HEADEND_SETTLED_LATE)
    headend_log ("%s comes late: the other nodes have what is missing here",
                 job->channel->name);
  if (settled == HEADEND_SETTLED_ALONE || settled == HEADEND_SETTLED_ANEW_ALONE)
    headend_log ("the origin settles no anchor (%s); going on with our own",
                 error->message);
  return TRUE;
}

gboolean
headend_agreement_holds (const HeadendJob *job, const HeAnchor *anchor)
{
  HeAnchor holds;
  return !ask ((gpointer)job, NULL, &holds, NULL)
         || headend_anchor_apart (&holds, anchor) == 0;
}

static gboolean
tell (const HeadendJob *job, const char *what, const char *text)
{
  guint status = 0;
  g_autofree char *path = g_strdup_printf ("/control/%s/%s", what, job->channel->name);
  g_autoptr (GBytes) answer = headend_http_request (
      job->node->internal, "PUT", path, job->secrets[HE_PURPOSE_PUBLISH], text, TIMEOUT,
      ANSWER_MAX, &status, NULL);
  return answer && status == 200;
}

gboolean
headend_agreement_tell (const HeadendJob *job, const char *clip)
{
  return tell (job, "clip", clip);
}

gboolean
headend_agreement_tell_inputs (const HeadendJob *job, const char *inputs)
{
  return tell (job, "inputs", inputs);
}
