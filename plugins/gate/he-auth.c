/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-sign.h"
#include "he-target.h"

/* An edge shows a ticket at once, on a miss of its cache. */
#define TICKET_SECONDS 30

static void
decided (const HeDecision *decision)
{
  HeRequest *request = decision->request;
  const HeSegment *segment = decision->answer.segment;
  g_autofree char *path = NULL;
  g_autofree char *ticket = NULL;

  if (decision->answer.kind == HE_ANSWER_DENY) {
    he_origin_respond_denied (decision);
    return;
  }
  he_request_add_field (request, "Cache-Control", "no-store");
  if (decision->answer.kind != HE_ANSWER_SEGMENT) {
    he_request_respond_text (request, 403, "no such segment\n");
    return;
  }
  path = he_segment_path (segment);
  ticket = he_ticket_new (decision->origin->publish, path,
                          g_get_real_time () / G_USEC_PER_SEC + TICKET_SECONDS);
  he_request_add_field (request, "X-Variant", he_variant_name (segment->variant));
  he_request_add_field (request, "Headend-Ticket", ticket);
  he_request_respond (request, 204, NULL, NULL);
}

/* For nginx's auth_request: it fails with 500 on anything but 2xx, 401 and 403. Only
 * segments are decided here, because what follows from playlists and entries (cookies,
 * redirects) is in answers that an auth request throws away. */
void
he_auth_handle (HeOrigin *origin, HeRequest *request)
{
  const char *uri = he_request_field (request, "X-Original-URI");
  g_autofree char *path = NULL;
  const char *query = NULL;
  HeTarget target;
  char *mark;

  if (uri != NULL) {
    path = g_strdup (uri);
    if ((mark = strchr (path, '?')) != NULL) {
      *mark = '\0';
      query = mark + 1;
    }
  }
  if (path == NULL || !he_target_parse (path, &target)
      || target.kind != HE_TARGET_SEGMENT) {
    he_request_add_field (request, "Cache-Control", "no-store");
    he_request_respond_text (request, 403, "only segments are authorised here\n");
    return;
  }
  he_origin_decide (origin, request, path, query, decided);
}
