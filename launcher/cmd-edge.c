/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "edge.h"
#include "options.h"

int
headend_cmd_edge (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autofree char *dir = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "dir", 'd', 0, G_OPTION_ARG_FILENAME, &dir,
      "Where nginx keeps its cache, logs and pid (default: edge, beside FILE)", "DIR" },
    G_OPTION_ENTRY_NULL,
  };
  int code
      = headend_options_parse (argc, argv, entries,
                               "Prints a complete nginx configuration for an edge in "
                               "front of the description's nodes.",
                               &path);
  if (code >= 0)
    return code;
  g_autoptr (HeadendModel) model = headend_description_load (path, NULL, &error);
  if (model) {
    g_autofree char *folder = dir ? g_canonicalize_filename (dir, NULL)
                                  : g_canonicalize_filename ("edge", model->folder);
    g_autofree char *text = headend_edge_nginx (model, folder, &error);
    if (text) {
      g_print ("%s", text);
      return 0;
    }
  }
  g_printerr ("%s\n", error->message);
  return 1;
}
