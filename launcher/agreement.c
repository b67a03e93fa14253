/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agreement.h"

#include "he-error.h"
#include "http.h"
#include "log.h"
#include "renewal.h"
#include "status.h"

#define TIMEOUT 2 /* seconds */
#define ANSWER_MAX 65536

/* What holds may have been overtaken by another jump while it was agreed on; that this
 * goes on and on is no jump any more. */
#define MAX_ROUNDS 4

/* Longer than the legs of nodes are apart, and than a question to a peer takes. */
#define LET_MS 600
#define LOOK_MS 50

/* One exchange about the channel's anchor; proposal NULL: only what holds. */
static gboolean
ask (const HeadendJob *job, const char *proposal, HeAnchor *ret_anchor, GError **error)
{
  guint status = 0;
  g_autofree char *path = g_strdup_printf ("/control/anchor/%s", job->channel->name);
  g_autoptr (GBytes) answer = headend_http_request (
      job->node->internal, proposal ? "PUT" : "GET", path,
      job->secrets[HE_PURPOSE_PUBLISH], proposal, TIMEOUT, ANSWER_MAX, &status, error);
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
published (const HeadendJob *job)
{
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

/* Until the nodes hold this generation, or nobody can know better than we do: then what
 * was published last was made up, too. *ret_late: what is held is the present anchor, and
 * by what others have published the source did not stand still, as own says. */
static void
let_others (const HeadendJob *job, const HeAnchor *own, HeAnchor *ret_holds,
            gboolean *ret_late)
{
  gint64 end = g_get_monotonic_time () + LET_MS * 1000;
  *ret_late = FALSE;
  while (job->model->nodes->len > 1 && ask (job, NULL, ret_holds, NULL)
         && ret_holds->generation < own->generation) {
    HeadendPublished so_far = published (job);
    *ret_late = headend_anchor_went_on (own, ret_holds, &so_far, job->channel->duration90);
    if (*ret_late || !so_far.clean || g_get_monotonic_time () >= end)
      return;
    g_usleep (LOOK_MS * 1000);
  }
}

gboolean
headend_agree (const HeadendJob *job, const char *proposal, HeAnchor *ret_anchor)
{
  HeAnchor own, next, agreed;
  gboolean late = FALSE;
  g_autoptr (GError) error = NULL;
  if (!he_anchor_from_json (proposal, -1, &own, NULL))
    return FALSE;
  next = own;
  if (own.end != HE_ANCHOR_END_SEEN)
    let_others (job, &own, ret_anchor, &late);
  if (late) {
    headend_log ("%s comes late: the other nodes have what is missing here",
                 job->channel->name);
    return TRUE;
  }
  for (guint round = 0; round < MAX_ROUNDS; round++) {
    g_autofree char *text = he_anchor_to_json (&next);
    if (!ask (job, text, &agreed, &error)) {
      headend_log ("the origin settles no anchor (%s); going on with our own",
                   error->message);
      *ret_anchor = next;
      return TRUE;
    }
    HeadendPublished so_far = published (job);
    if (!headend_anchor_renew (&own, &agreed, &so_far, job->node->name, &next))
      break;
    headend_log ("the source of %s has begun a new timeline", job->channel->name);
    if (next.end != HE_ANCHOR_END_SEEN)
      let_others (job, &next, ret_anchor, &late);
  }
  *ret_anchor = agreed;
  return TRUE;
}

gboolean
headend_agreement_holds (const HeadendJob *job, const HeAnchor *anchor)
{
  HeAnchor holds;
  return !ask (job, NULL, &holds, NULL) || headend_anchor_apart (&holds, anchor) == 0;
}

gboolean
headend_agreement_tell (const HeadendJob *job, const char *clip)
{
  guint status = 0;
  g_autofree char *path = g_strdup_printf ("/control/clip/%s", job->channel->name);
  g_autoptr (GBytes) answer = headend_http_request (
      job->node->internal, "PUT", path, job->secrets[HE_PURPOSE_PUBLISH], clip, TIMEOUT,
      ANSWER_MAX, &status, NULL);
  return answer && status == 200;
}
