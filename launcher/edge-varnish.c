/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "edge-private.h"

#include <string.h>

#include "he-cors.h"
#include "he-pace.h"

/* Tags of Varnish's log in which a URL, a query or a field of a request stands. */
#define MASK                                                                             \
  "-ReqURL,-ReqHeader,-ReqUnset,-BereqURL,-BereqHeader,-BereqUnset,-RespHeader,"         \
  "-RespUnset,-BerespHeader,-BerespUnset,-ObjHeader,-ObjUnset,-LostHeader,-BogoHeader,"  \
  "-HttpGarbage,-Hash"

typedef struct {
  const char *name;
  gsize address;
  gboolean by_socket;
  const char *probe; /* a path that is answered with 200 while the process runs */
} Room;

static const Room rooms[] = {
  { "viewers", G_STRUCT_OFFSET (HeadendNode, listen), FALSE, "/watch/watch.css" },
  { "origins", G_STRUCT_OFFSET (HeadendNode, internal), FALSE, "/healthz" },
  { "gates", G_STRUCT_OFFSET (HeadendNode, internal), TRUE, "/healthz" },
};

/* Names of backends are letters, digits and '_' with a letter first: nodes are numbered. */
static void
append_backend (GString *out, const Room *room, const HeadendNode *node, guint number,
                const HeadendEdgeChoice *choice)
{
  const char *gate = room->by_socket ? headend_edge_gate (choice, node) : NULL;
  const char *address = G_STRUCT_MEMBER (const char *, node, room->address);
  const char *colon = strrchr (address, ':');
  g_autofree char *host
      = *address == '[' ? g_strndup (address + 1, (gsize)(colon - address) - 2)
                        : g_strndup (address, (gsize)(colon - address));
  g_string_append_printf (out, "# Node %s.\nbackend %s_%u {\n", node->name, room->name,
                          number);
  if (gate)
    g_string_append_printf (out, "  .path = \"%s\";\n", gate);
  else
    g_string_append_printf (out, "  .host = \"%s\";\n  .port = \"%s\";\n", host,
                            colon + 1);
  g_string_append_printf (
      out,
      "  .host_header = \"headend\";\n"
      "  .connect_timeout = 0.3s;\n  .first_byte_timeout = 1s;\n"
      "  .between_bytes_timeout = 1s;\n"
      "  .probe = { .url = \"%s\"; .interval = 2s; .timeout = 1s; .window = 3; "
      ".threshold = 2; .initial = 2; }\n"
      "}\n",
      room->probe);
}

static char *
cors_lines (const HeadendModel *model)
{
  const char *const *allowed = (const char *const *)model->gate.allowed_origins;
  GString *out = g_string_new (NULL);
  GString *all = g_string_new (NULL);
  HeCorsField fields[HE_CORS_FIELDS];
  guint n = he_cors_answer (allowed, *allowed, fields);
  for (guint i = 0; i < n; i++) {
    gboolean is_theirs = g_str_has_prefix (fields[i].name, "Access-Control-");
    g_string_append_printf (is_theirs ? out : all, "  %sset resp.http.%s = ",
                            is_theirs ? "  " : "", fields[i].name);
    if (fields[i].value == *allowed)
      g_string_append (out, "req.http.Headend-Origin;\n");
    else
      g_string_append_printf (is_theirs ? out : all, "\"%s\";\n", fields[i].value);
  }
  for (guint i = 0; n > 0 && allowed[i]; i++)
    g_string_append_printf (all, "%sreq.http.Headend-Origin == \"%s\"",
                            i == 0 ? "  if (" : "\n      || ", allowed[i]);
  if (n > 0)
    g_string_append_printf (all, ") {\n%s  }\n", out->str);
  g_string_free (out, TRUE);
  return g_string_free (all, FALSE);
}

char *
headend_edge_varnish (const HeadendModel *model, const HeadendEdgeChoice *choice,
                      GError **error)
{
  GString *out = headend_edge_text ("varnish.vcl", model, choice, error);
  if (!out)
    return NULL;
  g_autoptr (GString) backends = g_string_new (NULL);
  g_autoptr (GString) directors = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rooms); i++) {
    g_string_append_printf (directors, "  new %s = directors.shard();\n", rooms[i].name);
    for (guint j = 0; j < model->nodes->len; j++) {
      append_backend (backends, &rooms[i], g_ptr_array_index (model->nodes, j), j,
                      choice);
      g_string_append_printf (directors, "  %s.add_backend(%s_%u);\n", rooms[i].name,
                              rooms[i].name, j);
    }
    g_string_append_printf (directors, "  %s.reconfigure();\n", rooms[i].name);
  }
  g_autofree char *retries = g_strdup_printf ("%u", model->nodes->len - 1);
  headend_edge_fill (out, "BACKENDS", backends->str);
  headend_edge_fill (out, "DIRECTORS", directors->str);
  headend_edge_fill (out, "RETRIES", retries);
  headend_edge_fill (out, "MASK", MASK);
  headend_edge_fill (out, "PACE", HE_PACE_HEADER);
  g_autofree char *cors = cors_lines (model);
  headend_edge_fill_lines (out, "CORS", cors);
  headend_edge_fill (out, "LISTEN", model->edge.listen);
  headend_edge_fill (out, "DIR", choice->dir);
  return g_string_free (out, FALSE);
}
