/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "edge-private.h"

#include <gio/gio.h>
#include <string.h>

#include "edge-resource.h"
#include "he-error.h"

static gboolean
check_path (const char *what, const char *path, GError **error)
{
  if (!path || (g_path_is_absolute (path) && !strpbrk (path, "\t\r\n;{}$\"'\\#@")))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "%s %s: expected an absolute path without quotes, tabs and ;{}$#@\\", what,
               path);
  return FALSE;
}

static gboolean
check (const HeadendModel *model, const HeadendEdgeChoice *choice, GError **error)
{
  if (!model->edge.listen) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s: $.edge is missing; add \"edge\": {\"listen\": \"127.0.0.1:8080\"}",
                 model->file);
    return FALSE;
  }
  if (choice->node && !headend_model_node (model, choice->node)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s: $.nodes has no \"%s\"",
                 model->file, choice->node);
    return FALSE;
  }
  if (!choice->certificate != !choice->key) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_INVALID,
                         "--certificate and --key belong together");
    return FALSE;
  }
  for (guint i = 0; i < model->nodes->len; i++) {
    const HeadendNode *node = g_ptr_array_index (model->nodes, i);
    if (!check_path ("the gate's socket", node->gate, error))
      return FALSE;
  }
  return check_path ("--dir", choice->dir, error)
         && check_path ("--certificate", choice->certificate, error)
         && check_path ("--key", choice->key, error);
}

GString *
headend_edge_text (const char *name, const HeadendModel *model,
                   const HeadendEdgeChoice *choice, GError **error)
{
  static gsize registered;
  if (!check (model, choice, error))
    return NULL;
  if (g_once_init_enter (&registered)) {
    headend_edge_register_resource ();
    g_once_init_leave (&registered, 1);
  }
  g_autofree char *path = g_strconcat ("/headend/edge/", name, NULL);
  g_autoptr (GBytes) text = g_resource_lookup_data (headend_edge_get_resource (), path,
                                                    G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  if (!text)
    return NULL;
  GString *out
      = g_string_new_len (g_bytes_get_data (text, NULL), (gssize)g_bytes_get_size (text));
  headend_edge_fill (out, "PATHS", HEADEND_EDGE_PATHS);
  headend_edge_fill (out, "HOST", HEADEND_EDGE_HOST);
  return out;
}

void
headend_edge_fill (GString *text, const char *word, const char *with)
{
  g_autofree char *marked = g_strconcat ("@", word, "@", NULL);
  g_autofree char *bare = g_strdup (with);
  gsize len = strlen (bare);
  if (len > 0 && bare[len - 1] == '\n')
    bare[len - 1] = '\0';
  g_string_replace (text, marked, bare, 0);
}

void
headend_edge_fill_lines (GString *text, const char *word, const char *lines)
{
  g_autofree char *marked = g_strconcat ("@", word, "@\n", NULL);
  g_string_replace (text, marked, lines, 0);
}

const char *
headend_edge_gate (const HeadendEdgeChoice *choice, const HeadendNode *node)
{
  return !choice->node || g_str_equal (choice->node, node->name) ? node->gate : NULL;
}
