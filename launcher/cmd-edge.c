/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "edge.h"
#include "he-error.h"
#include "options.h"

static char *
write_for (const char *server, const HeadendModel *model, const HeadendEdgeChoice *choice,
           GError **error)
{
  if (!server || g_str_equal (server, "nginx"))
    return headend_edge_nginx (model, choice, error);
  if (g_str_equal (server, "varnish"))
    return headend_edge_varnish (model, choice, error);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "--for %s: expected nginx or varnish", server);
  return NULL;
}

static char *
absolute (const char *path)
{
  return path ? g_canonicalize_filename (path, NULL) : NULL;
}

int
headend_cmd_edge (int argc, char **argv)
{
  g_autofree char *path = NULL, *dir = NULL, *server = NULL, *node = NULL;
  g_autofree char *certificate = NULL, *key = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "dir", 'd', 0, G_OPTION_ARG_FILENAME, &dir,
      "Where the edge keeps its cache, logs and pid (default: edge, beside FILE)",
      "DIR" },
    { "for", 'f', 0, G_OPTION_ARG_STRING, &server, "nginx (default) or varnish",
      "SERVER" },
    { "node", 'n', 0, G_OPTION_ARG_STRING, &node,
      "The edge runs on this node's machine (default: on that of all nodes)", "NAME" },
    { "certificate", 'c', 0, G_OPTION_ARG_FILENAME, &certificate,
      "TLS: file of the certificate and those above it", "FILE" },
    { "key", 'k', 0, G_OPTION_ARG_FILENAME, &key, "TLS: file of its private key",
      "FILE" },
    G_OPTION_ENTRY_NULL,
  };
  int code = headend_options_parse (
      argc, argv, entries,
      "Prints a complete configuration for an edge in front of the description's nodes.",
      &path);
  if (code >= 0)
    return code;
  g_autoptr (HeadendModel) model = headend_description_load (path, NULL, &error);
  if (model) {
    g_autofree char *folder = dir ? absolute (dir)
                                  : g_canonicalize_filename ("edge", model->folder);
    g_autofree char *chain = absolute (certificate), *private_key = absolute (key);
    const HeadendEdgeChoice choice = {
      .dir = folder, .node = node, .certificate = chain, .key = private_key
    };
    g_autofree char *text = write_for (server, model, &choice, &error);
    if (text) {
      g_print ("%s", text);
      return 0;
    }
  }
  g_printerr ("%s\n", error->message);
  return 1;
}
