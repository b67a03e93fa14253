/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "http.h"
#include "options.h"
#include "status.h"

#define TIMEOUT 3 /* seconds a node may take */

static HeadendNodeStatus *
ask (const HeadendNode *node)
{
  HeadendNodeStatus *status = g_new0 (HeadendNodeStatus, 1);
  g_autoptr (GError) error = NULL;
  guint code = 0;
  status->node = node;
  g_autoptr (GBytes) body = headend_http_request (node->internal, "GET", "/status", NULL,
                                                  NULL, TIMEOUT, HEADEND_STATUS_MAX, &code,
                                                  &error);
  if (body && code == 200)
    status->answer
        = he_json_parse (g_bytes_get_data (body, NULL), (gssize)g_bytes_get_size (body),
                         HEADEND_STATUS_MAX, 8, &error);
  if (!status->answer)
    status->error = error ? g_strdup (error->message)
                          : g_strdup_printf ("%s answers %u", node->internal, code);
  return status;
}

int
headend_cmd_status (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
    G_OPTION_ENTRY_NULL,
  };
  int code
      = headend_options_parse (argc, argv, entries,
                               "Asks every node of a description how its channels are. "
                               "Exit code 1 when one is not healthy, or no node answers.",
                               &path);
  if (code >= 0)
    return code;
  g_autoptr (HeadendModel) model = headend_description_load (path, NULL, &error);
  if (!model) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  g_autoptr (GPtrArray) nodes
      = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_node_status_free);
  for (guint i = 0; i < model->nodes->len; i++)
    g_ptr_array_add (nodes, ask (model->nodes->pdata[i]));
  g_autofree char *text
      = json ? headend_status_json (model, nodes) : headend_status_text (model, nodes);
  g_print ("%s%s", text, json ? "\n" : "");
  return headend_status_healthy (model, nodes) ? 0 : 1;
}
