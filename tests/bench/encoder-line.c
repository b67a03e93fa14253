/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The encoder that a description's first channel gets for its first pictures on this
 * machine, as segmentencoder takes it.
 *
 *   encoder-line FILE */
#include <gst/gst.h>

#include "description.h"
#include "gst-probe.h"
#include "route.h"

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  HeadendModel *model = NULL;
  HeProbe probe = gst_headend_probe (HE_NVIDIA_VERSION_PATH);

  if (argc != 2) {
    g_printerr ("usage: encoder-line FILE\n");
    return 2;
  }
  if (g_file_get_contents (argv[1], &text, NULL, &error))
    model = headend_description_parse (text, -1, argv[1], "/", &error);
  const HeadendModelChannel *channel = model ? model->channels->pdata[0] : NULL;
  g_autoptr (HeadendRoute) route
      = channel ? headend_route_new (channel, &probe, &error) : NULL;
  if (!route || route->rungs->len == 0) {
    g_printerr ("encoder-line: %s\n", error ? error->message : "no pictures are encoded");
    return 1;
  }
  g_print ("%s\n", ((HeadendRung *)route->rungs->pdata[0])->description);
  g_clear_pointer (&route, headend_route_free);
  headend_model_free (model);
  return 0;
}
