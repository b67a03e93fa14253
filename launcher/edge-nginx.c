/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "edge-private.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "he-cors.h"
#include "he-pace.h"

/* What several locations have in common. */
static const struct {
  const char *word, *lines;
} parts[] = {
  { "ASKED",
    "      proxy_pass_request_headers off;\n"
    "      proxy_pass_request_body off;\n"
    "      # A token may be for this host alone.\n"
    "      proxy_set_header Host $authority;\n"
    "      proxy_set_header Content-Length \"\";\n"
    "      proxy_set_header Connection \"\";\n"
    "      proxy_set_header Cookie $http_cookie;\n"
    "      proxy_set_header Authorization $http_authorization;\n"
    "      proxy_set_header Origin $http_origin;\n"
    "      proxy_set_header X-Original-URI $request_uri;\n"
    "      # Overwritten, not appended: what a viewer claims of his address is no "
    "evidence.\n"
    "      proxy_set_header X-Forwarded-For $remote_addr;\n"
    "      proxy_set_header X-Forwarded-Proto $scheme;\n" },
  { "VIEWER",
    "@HIDDEN@\n"
    "      proxy_cache off;\n"
    "      proxy_max_temp_file_size 0;\n"
    "      proxy_set_header Host $authority;\n"
    "      proxy_set_header Connection \"\";\n"
    "      proxy_set_header X-Forwarded-For $remote_addr;\n"
    "      proxy_set_header X-Forwarded-Proto $scheme;\n" },
  { "GATED",
    "      auth_request_set $ticket $upstream_http_headend_ticket;\n"
    "      auth_request_set $code $upstream_http_s_uri_signing;\n"
    "      auth_request_set $reason $upstream_http_s_uri_signing_deny_reason;\n"
    "      auth_request_set $asked $upstream_status;\n"
    "@PREFLIGHT@\n" },
  { "PLAYLIST",
    "@SHARED@\n"
    "      proxy_cache playlist_cache;\n"
    "      proxy_cache_key $ch/$rend/$listed;\n"
    "      # Who waits for another's fetch looks again when it is so old, not after half a "
    "second.\n"
    "      proxy_cache_lock_age 50ms;\n"
    "      max_ranges 0;\n"
    "      add_header Headend-Lease $lease always;\n"
    "      add_header Set-Cookie $renewed always;\n"
    "@PRIVATE@\n" },
  { "SHARED",
    "      proxy_pass_request_headers off;\n"
    "      proxy_pass_request_body off;\n"
    "      proxy_set_header Host headend;\n"
    "      proxy_set_header Connection \"\";\n"
    "      proxy_set_header Headend-Ticket $ticket;\n"
    "      proxy_hide_header Cache-Control;\n"
    "      proxy_ignore_headers Vary;\n" },
  { "PRIVATE",
    "      # Viewers of a and b share a URL, so no cache between here and them may keep "
    "it.\n"
    "      add_header Cache-Control \"private, no-store\" always;\n"
    "      add_header S-Uri-Signing $code always;\n"
    "      add_header S-Uri-Signing-Deny-Reason $reason always;\n"
    "@CORS@\n" },
  { "PREFLIGHT",
    "      # A node knows what pages of other origins may ask, and that HEAD has no "
    "ranges.\n"
    "      if ($for_node) { return 405; }\n"
    "      error_page 405 = @viewers_any;\n" },
  { "PACE", HE_PACE_HEADER },
};

typedef struct {
  const char *name, *why;
  gboolean by_channel;
  gboolean by_socket;  /* the gate's, where it is on this machine */
  gsize address;       /* of a HeadendNode */
  const char *when;    /* a server is asked */
  const char *besides; /* when none of those is left; NULL: none then */
} Upstream;

#define LISTEN G_STRUCT_OFFSET (HeadendNode, listen)
#define INTERNAL G_STRUCT_OFFSET (HeadendNode, internal)
#define UNLESS_FAILED "max_fails=1 fail_timeout=10s"
#define ALWAYS "max_fails=0"

static const Upstream upstreams[] = {
  { "viewers", "Entries and keys of a channel come from one node while it is up.", TRUE,
    FALSE, LISTEN, UNLESS_FAILED, NULL },
  { "viewers_any", "The same when that one has none.", TRUE, FALSE, LISTEN, ALWAYS,
    NULL },
  { "playlists", "So do its playlists.", TRUE, FALSE, INTERNAL, UNLESS_FAILED, NULL },
  { "playlists_any", "The same when that one has none.", TRUE, FALSE, INTERNAL, ALWAYS,
    NULL },
  { "gates", "So do its decisions, which keep leases alive, by the gate's Unix socket.",
    TRUE, TRUE, INTERNAL, UNLESS_FAILED, NULL },
  { "gates_any", "The same when that one does not answer.", TRUE, TRUE, INTERNAL, ALWAYS,
    NULL },
  { "origins", "A segment is the same everywhere.", FALSE, FALSE, INTERNAL, UNLESS_FAILED,
    "backup " ALWAYS },
};

static void
append_server (GString *out, const Upstream *upstream, const HeadendNode *node,
               const HeadendEdgeChoice *choice, const char *how)
{
  const char *gate = upstream->by_socket ? headend_edge_gate (choice, node) : NULL;
  const char *address
      = gate ? gate : (const char *)G_STRUCT_MEMBER (char *, node, upstream->address);
  g_string_append_printf (out, "    server %s%s%s %s; # node %s\n",
                          gate ? "\"unix:" : "", address, gate ? "\"" : "", how,
                          node->name);
}

/* Whether the first of the two upstreams of gates asks this one: where there is a gate on
 * this machine, no other. */
static gboolean
is_asked (const Upstream *upstream, const HeadendNode *node,
          const HeadendEdgeChoice *choice, const HeadendModel *model)
{
  if (!upstream->by_socket || !choice->node || g_str_equal (upstream->when, ALWAYS))
    return TRUE;
  const HeadendNode *beside = headend_model_node (model, choice->node);
  return !beside->gate || beside == node;
}

/* upstream NAME { hash; server …; } over one address of every node. What became of a
 * server is known to all processes of nginx (zone). */
static void
append_upstream (GString *out, const Upstream *upstream, const HeadendModel *model,
                 const HeadendEdgeChoice *choice)
{
  g_string_append_printf (out, "  # %s\n  upstream %s {\n    zone %s 64k;\n",
                          upstream->why, upstream->name, upstream->name);
  if (upstream->by_channel)
    g_string_append (out, "    hash $channel consistent;\n");
  for (guint i = 0; i < 2 * model->nodes->len; i++) {
    const HeadendNode *node = g_ptr_array_index (model->nodes, i % model->nodes->len);
    const char *how = i < model->nodes->len ? upstream->when : upstream->besides;
    if (how && is_asked (upstream, node, choice, model))
      append_server (out, upstream, node, choice, how);
  }
  g_string_append (out, "    keepalive 256;\n"
                        "    # Before a node closes it, which nginx would take for the "
                        "node's failure.\n"
                        "    keepalive_timeout 20s;\n  }\n");
}

static char *
listen_lines (const char *address, const HeadendEdgeChoice *choice)
{
  static const char tls[]
      = "    %slisten %s reuseport ssl http2;\n"
        "    %sssl_certificate \"%s\";\n"
        "    %sssl_certificate_key \"%s\";\n"
        "    %sssl_protocols TLSv1.2 TLSv1.3;\n"
        "    %sssl_session_cache shared:tls:10m;\n"
        "    %sssl_session_timeout 1h;\n"
        "    %sssl_session_tickets off;\n";
  GString *out = g_string_new (NULL);
  const char *mark = choice->certificate ? "" : "# ";
  if (!choice->certificate)
    g_string_append_printf (out,
                            "    listen %s reuseport;\n"
                            "    # With TLS, as --certificate and --key write it, instead "
                            "of that line:\n",
                            address);
  g_string_append_printf (out, tls, mark, address, mark,
                          choice->certificate ? choice->certificate
                                              : "/etc/ssl/edge.pem",
                          mark, choice->key ? choice->key : "/etc/ssl/private/edge.key",
                          mark, mark, mark, mark);
  g_string_append (out, "    # The kernel encrypts what sendfile sends (module tls, "
                        "OpenSSL 3):\n"
                        "    # ssl_conf_command Options KTLS;\n"
                        "    # Once all of the host is served by TLS for good:\n"
                        "    # add_header Strict-Transport-Security max-age=31536000 "
                        "always; (in each location)\n");
  return g_string_free (out, FALSE);
}

/* What pages of the allowed origins get: variables of nginx that are empty, and so no
 * field, for all others; the fields; and that a node's own do not come besides. */
static void
write_cors (const HeadendModel *model, GString *maps, GString *lines, GString *hidden)
{
  const char *const *allowed = (const char *const *)model->gate.allowed_origins;
  HeCorsField fields[HE_CORS_FIELDS];
  guint n = he_cors_answer (allowed, *allowed, fields);
  if (n > 0)
    g_string_append (maps, "  # Pages of these origins may play from here.\n"
                           "  map $http_origin $cors {\n    default \"\";\n");
  for (guint i = 0; n > 0 && allowed[i]; i++)
    g_string_append_printf (maps, "    \"%s\" \"%s\";\n", allowed[i], allowed[i]);
  if (n > 0)
    g_string_append (maps, "  }\n");
  for (guint i = 0; i < n; i++) {
    g_string_append_printf (hidden, "      proxy_hide_header %s;\n", fields[i].name);
    if (fields[i].value == *allowed) {
      g_string_append_printf (lines, "      add_header %s $cors always;\n",
                              fields[i].name);
    } else if (g_str_has_prefix (fields[i].name, "Access-Control-")) {
      g_string_append_printf (
          maps, "  map $cors $cors_%u {\n    default \"%s\";\n    \"\" \"\";\n  }\n", i,
          fields[i].value);
      g_string_append_printf (lines, "      add_header %s $cors_%u always;\n",
                              fields[i].name, i);
    } else {
      g_string_append_printf (maps,
                              "  # A preflight depends on more.\n"
                              "  map $upstream_http_%s $cors_%u {\n    default \"%s\";\n"
                              "    \"~^%s,\" $upstream_http_%s;\n  }\n",
                              fields[i].name, i, fields[i].value, fields[i].value,
                              fields[i].name);
      g_string_append_printf (lines, "      add_header %s $cors_%u always;\n",
                              fields[i].name, i);
    }
  }
}

/* Workers write below dir and read the gate's socket as its owner; only a master that is
 * root may say who that is. */
static char *
user_line (const char *dir)
{
  struct stat status;
  const struct passwd *owner = NULL;
  if (geteuid () != 0)
    return g_strdup ("");
  if (stat (dir, &status) == 0)
    owner = getpwuid (status.st_uid);
  return g_strdup_printf ("user %s;\n", owner ? owner->pw_name : "root");
}

char *
headend_edge_nginx (const HeadendModel *model, const HeadendEdgeChoice *choice,
                    GError **error)
{
  GString *out = headend_edge_text ("nginx.conf", model, choice, error);
  if (!out)
    return NULL;
  g_autoptr (GString) servers = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (upstreams); i++)
    append_upstream (servers, &upstreams[i], model, choice);
  g_autofree char *tries = g_strdup_printf ("%u", model->nodes->len + 1);
  g_autofree char *listening = listen_lines (model->edge.listen, choice);
  g_autofree char *user = user_line (choice->dir);
  /* Those with others inside come first. */
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    headend_edge_fill (out, parts[i].word, parts[i].lines);
  g_autoptr (GString) maps = g_string_new (NULL);
  g_autoptr (GString) cors = g_string_new (NULL);
  g_autoptr (GString) hidden = g_string_new (NULL);
  write_cors (model, maps, cors, hidden);
  headend_edge_fill_lines (out, "HIDDEN", hidden->str);
  headend_edge_fill_lines (out, "CORS", cors->str);
  headend_edge_fill_lines (out, "ORIGINS", maps->str);
  headend_edge_fill (out, "UPSTREAMS", servers->str);
  headend_edge_fill (out, "LISTEN", listening);
  headend_edge_fill (out, "TRIES", tries);
  headend_edge_fill_lines (out, "USER", user);
  headend_edge_fill (out, "DIR", choice->dir);
  return g_string_free (out, FALSE);
}
