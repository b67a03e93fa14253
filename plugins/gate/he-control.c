/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-issue.h"

#define MIB (G_GUINT64_CONSTANT (1024) * 1024)

/* The internal listener's routes. A path that ends in a slash takes one more component.
 * Hot ones are handled on the thread that serves them, the others on the origin's own. */
static const struct {
  const char *method; /* GET means HEAD, too */
  const char *path;
  const char *class_name;
  guint64 body_limit;
  gboolean is_signed, is_hot;
  HeHandler handle;
} routes[] = {
  { "GET", "/auth", "auth", 0, FALSE, TRUE, he_auth_handle },
  { "PUT", "/origin/", "publish", 16 * MIB, TRUE, TRUE, he_publish_put },
  { "GET", "/origin/", "edge", 0, FALSE, TRUE, he_publish_get },
  { "GET", "/playlists/", "edge", 0, FALSE, TRUE, he_publish_playlist },
  { "GET", "/live/", "edge", 0, FALSE, TRUE, he_publish_pace },
  { "GET", "/control/anchor/", "control", 0, TRUE, FALSE, he_anchor_handle },
  { "PUT", "/control/anchor/", "control", MIB, TRUE, FALSE, he_anchor_handle },
  { "GET", "/control/window/", "control", 0, TRUE, FALSE, he_backfill_handle },
  { "POST", "/control/complete/", "control", MIB, TRUE, FALSE, he_ack_handle },
  { "GET", "/control/clip/", "control", 0, TRUE, FALSE, he_clip_handle },
  { "PUT", "/control/clip/", "control", HE_CLIP_LEN, TRUE, FALSE, he_clip_handle },
  { "PUT", "/control/inputs/", "control", HE_INPUT_JSON_MAX, TRUE, FALSE,
    he_input_handle },
  { "GET", "/control/sessions/", "control", 0, TRUE, FALSE, he_sync_give },
  /* Thousands of viewers move their heartbeats between two batches. */
  { "POST", "/control/sessions", "control", HE_SESSIONS_JSON_MAX, TRUE, FALSE,
    he_sync_take },
  { "GET", HE_REVOKE_PATH, "control", 0, TRUE, FALSE, he_revoke_give },
  { "POST", HE_REVOKE_PATH, "control", HE_REVOCATIONS_JSON_MAX, TRUE, FALSE,
    he_revoke_handle },
  { "POST", HE_ISSUE_PATH, "issue", HE_ISSUE_BODY_MAX, TRUE, FALSE, he_issue_handle },
  { "GET", "/healthz", "health", 0, FALSE, FALSE, he_status_healthz },
  { "GET", "/readyz", "health", 0, FALSE, FALSE, he_status_readyz },
  { "GET", "/metrics", "health", 0, FALSE, FALSE, he_status_metrics },
  { "GET", "/status", "health", 0, FALSE, FALSE, he_status_json },
};

static gboolean
path_matches (const char *pattern, const char *path)
{
  return g_str_has_suffix (pattern, "/") ? g_str_has_prefix (path, pattern)
                                         : g_str_equal (path, pattern);
}

static gboolean
method_matches (const char *pattern, const char *method)
{
  return g_str_equal (pattern, method)
         || (g_str_equal (pattern, "GET") && g_str_equal (method, "HEAD"));
}

/* The route, or -1; *ret_path says whether any route has this path. */
static int
find_route (const char *method, const char *path, gboolean *ret_path)
{
  *ret_path = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (path_matches (routes[i].path, path)) {
      *ret_path = TRUE;
      if (method_matches (routes[i].method, method))
        return (int)i;
    }
  return -1;
}

guint64
he_control_body_limit (const char *method, const char *path, gpointer origin)
{
  gboolean has_path;
  int route = find_route (method, path, &has_path);

  return route >= 0 ? routes[route].body_limit : 0;
}

static void
respond_unknown (HeRequest *request, const char *path, gboolean has_path)
{
  GString *allow = g_string_new (NULL);

  he_request_set_class (request, "unknown");
  if (!has_path) {
    he_request_respond_text (request, 404, "not found\n");
  } else {
    for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
      if (path_matches (routes[i].path, path))
        g_string_append_printf (allow, "%s%s%s", allow->len > 0 ? ", " : "",
                                routes[i].method,
                                g_str_equal (routes[i].method, "GET") ? ", HEAD" : "");
    he_request_add_field (request, "Allow", allow->str);
    he_request_respond_text (request, 405, "method not allowed\n");
  }
  g_string_free (allow, TRUE);
}

void
he_control_handle (HeRequest *request, gpointer data)
{
  HeOrigin *origin = data;
  const char *path = he_request_path (request);
  gboolean has_path;
  int route = find_route (he_request_method (request), path, &has_path);

  /* Signatures and tickets cover the path alone, so nothing here takes a query. */
  if (route < 0 || he_request_query (request) != NULL) {
    respond_unknown (request, path, has_path && route < 0);
    return;
  }
  he_request_set_class (request, routes[route].class_name);
  if (routes[route].is_signed && !he_origin_check_signature (origin, request))
    return;
  if (routes[route].is_hot)
    routes[route].handle (origin, request);
  else
    he_origin_defer (origin, request, routes[route].handle);
}

void
he_door_handle (HeRequest *request, gpointer origin)
{
  const char *path = he_request_path (request);

  if (g_str_equal (path, "/auth") || g_str_equal (path, "/healthz"))
    he_control_handle (request, origin);
  else
    respond_unknown (request, path, FALSE);
}
