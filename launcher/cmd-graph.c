/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "graph.h"
#include "options.h"

int
headend_cmd_graph (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gboolean dot = FALSE;
  const GOptionEntry entries[] = {
    { "dot", 0, 0, G_OPTION_ARG_NONE, &dot,
      "For Graphviz: headend graph --dot FILE | dot -Tsvg", NULL },
    G_OPTION_ENTRY_NULL,
  };
  int code = headend_options_parse (argc, argv, entries,
                                    "Prints what flows where in a description.", &path);
  if (code >= 0)
    return code;
  g_autoptr (HeadendModel) model = headend_description_load (path, NULL, &error);
  if (!model) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  g_autofree char *text = dot ? headend_graph_dot (model) : headend_graph_text (model);
  g_print ("%s", text);
  return 0;
}
