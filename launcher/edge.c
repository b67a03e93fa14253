/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "edge.h"

#include <string.h>
#include <unistd.h>
#include "he-error.h"
#include "he-pace.h"

/* @WORD@ is replaced. Why each line is as it is stands in the text itself: an operator
 * reads the output, not this file. */
static const char before_upstreams[]
    = "# An edge of gst-headend, written by \"headend edge\". Start it with\n"
      "#   nginx -c FILE -p @DIR@ -e @DIR@/error.log\n"
      "daemon off;\n"
      "@USER@"
      "worker_processes auto;\n"
      "pid @DIR@/nginx.pid;\n"
      "# Error lines quote requests with their query, which may hold a token: only what "
      "is\n"
      "# critical is worth that.\n"
      "error_log @DIR@/error.log crit;\n"
      "events { worker_connections 4096; }\n"
      "http {\n"
      "  server_tokens off;\n"
      "  client_body_temp_path @DIR@/body;\n"
      "  proxy_temp_path @DIR@/proxy;\n"
      "  fastcgi_temp_path @DIR@/fastcgi;\n"
      "  uwsgi_temp_path @DIR@/uwsgi;\n"
      "  scgi_temp_path @DIR@/scgi;\n"
      "  # One copy of each variant serves all its viewers.\n"
      "  proxy_cache_path @DIR@/cache levels=1:2 keys_zone=segments:8m max_size=1g "
      "inactive=2m\n"
      "                   use_temp_path=off;\n"
      "\n"
      "  # Neither query, cookie nor session prefix reaches a log.\n"
      "  map $request_uri $logged_path {\n"
      "    ~^/s/[^/?]*(?<logged_rest>/[^?]*)? /s/*$logged_rest;\n"
      "    ~^(?<logged_plain>/live/[^?]*) $logged_plain;\n"
      "    ~^(?<logged_page>/watch/[A-Za-z0-9._-]+)(?:\\?|$) $logged_page;\n"
      "    default -;\n"
      "  }\n"
      "  log_format edge '$remote_addr [$time_iso8601] \"$request_method $logged_path\" "
      "$status '\n"
      "                  '$body_bytes_sent $request_time $upstream_cache_status';\n"
      "  access_log @DIR@/access.log edge;\n"
      "\n"
      "  # The channel, from the request as it came: auth requests share it.\n"
      "  map $request_uri $channel {\n"
      "    ~^(?:/s/[^/?]*)?/live/(?<hashed>[A-Za-z0-9_-]+)/ $hashed;\n"
      "    default -;\n"
      "  }\n"
      "\n";

static const char server[]
    = "\n"
      "  # A dead node costs a refused connection, a vanished one a third of a second, "
      "one "
      "that\n"
      "  # stands still a second; once, as it is then left out for ten. A 503 is no such "
      "fault,\n"
      "  # since a channel without a source answers so on all nodes: then, and when all "
      "are "
      "left\n"
      "  # out, each is asked whatever became of it before (..._any).\n"
      "  proxy_connect_timeout 300ms;\n"
      "  proxy_read_timeout 1s;\n"
      "  proxy_send_timeout 1s;\n"
      "  proxy_intercept_errors on;\n"
      "  recursive_error_pages on;\n"
      "  proxy_http_version 1.1;\n"
      "\n"
      "  server {\n"
      "    listen @LISTEN@;\n"
      "    merge_slashes off;\n"
      "    client_max_body_size 1k;\n"
      "    if ($request_method !~ ^(GET|HEAD|OPTIONS)$) { return 405; }\n"
      "    location / { return 404; }\n"
      "\n"
      "    # Segments: the gate says whether and which variant, the cache holds each "
      "variant once.\n"
      "    location ~ "
      "^(?:/s/[A-Za-z0-9_-]+)?/live/(?<ch>[A-Za-z0-9_-]+)/(?<rend>[A-Za-z0-9_-]+)/"
      "(?<msn>[0-9]+)\\.ts$ {\n"
      "      auth_request /_gate;\n"
      "      auth_request_set $variant $upstream_http_x_variant;\n"
      "      auth_request_set $ticket $upstream_http_headend_ticket;\n"
      "      auth_request_set $code $upstream_http_s_uri_signing;\n"
      "      auth_request_set $reason $upstream_http_s_uri_signing_deny_reason;\n"
      "      error_page 500 502 504 =503 /_unavailable;\n"
      "\n"
      "      proxy_pass http://origins/origin/$variant/$ch/$rend/$msn.ts;\n"
      "      proxy_next_upstream error timeout http_404 http_502 http_504;\n"
      "      # Every node once, and one of them again, as all may be left out: not each "
      "twice for\n"
      "      # what none holds.\n"
      "      proxy_next_upstream_tries @TRIES@;\n"
      "      proxy_set_header Connection \"\";\n"
      "      proxy_set_header Headend-Ticket $ticket;\n"
      "      proxy_set_header Cookie \"\";\n"
      "      proxy_set_header Authorization \"\";\n"
      "      proxy_cache segments;\n"
      "      proxy_cache_key $variant/$ch/$rend/$msn;\n"
      "      proxy_cache_valid 200 60s;\n"
      "      proxy_cache_lock on;\n"
      "      # Viewers of a and b share a URL, so no cache between here and them may "
      "keep it.\n"
      "      proxy_hide_header Cache-Control;\n"
      "      # Would tell them which positions carry a mark.\n"
      "      proxy_hide_header @PACE@;\n"
      "      add_header Cache-Control \"private, no-store\" always;\n"
      "      add_header S-Uri-Signing $code always;\n"
      "      add_header S-Uri-Signing-Deny-Reason $reason always;\n"
      "    }\n"
      "\n"
      "    location = /_gate {\n"
      "      internal;\n"
      "      proxy_pass http://gates/auth;\n"
      "      proxy_next_upstream error timeout http_500 http_502 http_504;\n"
      "      error_page 500 502 503 504 = /_gate_any;\n"
      "@GATE@"
      "    }\n"
      "    location = /_gate_any {\n"
      "      internal;\n"
      "      proxy_pass http://gates_any/auth;\n"
      "      proxy_next_upstream error timeout http_500 http_502 http_503 http_504;\n"
      "@GATE@"
      "    }\n"
      "    location = /_unavailable {\n"
      "      internal;\n"
      "      add_header Retry-After 1 always;\n"
      "      add_header Cache-Control no-store always;\n"
      "      return 503;\n"
      "    }\n"
      "\n"
      "    # Entries, playlists and keys are one viewer's: never cached, and from one "
      "node while\n"
      "    # it is up.\n"
      "    location ~ ^(?:/s/[A-Za-z0-9_-]+)?/live/ {\n"
      "      proxy_pass http://viewers;\n"
      "      proxy_next_upstream error timeout http_502 http_504;\n"
      "      error_page 502 503 504 = @viewers_any;\n"
      "@VIEWER@"
      "    }\n"
      "    location @viewers_any {\n"
      "      proxy_pass http://viewers_any;\n"
      "      proxy_next_upstream error timeout http_502 http_503 http_504;\n"
      "      error_page 502 504 =503 /_unavailable;\n"
      "@VIEWER@"
      "    }\n"
      "\n"
      "    # The watch page and its files are public and the same for everybody; their "
      "query "
      "is\n"
      "    # nobody's.\n"
      "    location ~ ^/watch/(?<page>[A-Za-z0-9._-]+)$ {\n"
      "      proxy_pass http://viewers_any/watch/$page;\n"
      "      proxy_next_upstream error timeout http_502 http_503 http_504;\n"
      "      proxy_set_header Connection \"\";\n"
      "      proxy_set_header Cookie \"\";\n"
      "      proxy_set_header Authorization \"\";\n"
      "      proxy_cache segments;\n"
      "      proxy_cache_key watch/$page;\n"
      "      proxy_cache_valid 200 60s;\n"
      "      proxy_cache_lock on;\n"
      "      proxy_cache_use_stale error timeout http_502 http_503 http_504;\n"
      "      error_page 502 504 =503 /_unavailable;\n"
      "      gzip on;\n"
      "      gzip_types text/css text/javascript;\n"
      "    }\n"
      "  }\n"
      "}\n";

/* What the two locations that ask gates have in common, and the two for viewers. */
static const char gate[]
    = "      proxy_pass_request_body off;\n"
      "      proxy_set_header Content-Length \"\";\n"
      "      proxy_set_header Connection \"\";\n"
      "      proxy_set_header X-Original-URI $request_uri;\n"
      "      # Overwritten, not appended: what a viewer claims of his address is no "
      "evidence.\n"
      "      proxy_set_header X-Forwarded-For $remote_addr;\n";

static const char viewer[] = "      proxy_set_header Host $http_host;\n"
                             "      proxy_set_header Connection \"\";\n"
                             "      proxy_set_header X-Forwarded-For $remote_addr;\n"
                             "      proxy_set_header X-Forwarded-Proto $scheme;\n";

typedef struct {
  const char *name, *why;
  gboolean by_channel;
  gsize address;       /* of a HeadendNode */
  const char *when;    /* a server is asked */
  const char *besides; /* when none of those is left; NULL: none then */
} Upstream;

#define LISTEN G_STRUCT_OFFSET (HeadendNode, listen)
#define INTERNAL G_STRUCT_OFFSET (HeadendNode, internal)
#define UNLESS_FAILED "max_fails=1 fail_timeout=10s"
#define ALWAYS "max_fails=0"

static const Upstream upstreams[] = {
  { "viewers", "Playlists of a channel come from one node while it is up.", TRUE, LISTEN,
    UNLESS_FAILED, NULL },
  { "viewers_any", "The same when that one has none.", TRUE, LISTEN, ALWAYS, NULL },
  { "gates", "So do its decisions, which keep leases alive.", TRUE, INTERNAL,
    UNLESS_FAILED, NULL },
  { "gates_any", "The same when that one does not answer.", TRUE, INTERNAL, ALWAYS,
    NULL },
  { "origins", "A segment is the same everywhere.", FALSE, INTERNAL, UNLESS_FAILED,
    "backup " ALWAYS },
};

/* upstream NAME { hash; server …; } over one address of every node. What became of a
 * server is known to all processes of nginx (zone). */
static void
append_upstream (GString *out, const Upstream *upstream, const HeadendModel *model)
{
  g_string_append_printf (out, "  # %s\n  upstream %s {\n    zone %s 64k;\n",
                          upstream->why, upstream->name, upstream->name);
  if (upstream->by_channel)
    g_string_append (out, "    hash $channel consistent;\n");
  for (guint i = 0; i < 2 * model->nodes->len; i++) {
    const HeadendNode *node = g_ptr_array_index (model->nodes, i % model->nodes->len);
    const char *how = i < model->nodes->len ? upstream->when : upstream->besides;
    if (how)
      g_string_append_printf (out, "    server %s %s; # node %s\n",
                              G_STRUCT_MEMBER (char *, node, upstream->address), how,
                              node->name);
  }
  g_string_append (out, "    keepalive 16;\n  }\n");
}

char *
headend_edge_nginx (const HeadendModel *model, const char *dir, GError **error)
{
  if (!model->edge.listen) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s: $.edge is missing; add \"edge\": {\"listen\": \"127.0.0.1:8080\"}",
                 model->file);
    return NULL;
  }
  if (!g_path_is_absolute (dir) || strpbrk (dir, " \t\r\n;{}$\"'\\#@")) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "--dir %s: expected an absolute path without blanks, quotes and ;{}$#@",
                 dir);
    return NULL;
  }
  g_autoptr (GString) out = g_string_new (before_upstreams);
  for (guint i = 0; i < G_N_ELEMENTS (upstreams); i++)
    append_upstream (out, &upstreams[i], model);
  g_string_append (out, server);
  g_autofree char *tries = g_strdup_printf ("%u", model->nodes->len + 1);
  g_string_replace (out, "@TRIES@", tries, 0);
  g_string_replace (out, "@PACE@", HE_PACE_HEADER, 0);
  g_string_replace (out, "@GATE@", gate, 0);
  g_string_replace (out, "@VIEWER@", viewer, 0);
  g_string_replace (out, "@DIR@", dir, 0);
  g_string_replace (out, "@LISTEN@", model->edge.listen, 0);
  /* Workers write below dir, which belongs to whoever starts nginx. */
  g_string_replace (out, "@USER@", geteuid () == 0 ? "user root;\n" : "", 0);
  return g_string_free (g_steal_pointer (&out), FALSE);
}
