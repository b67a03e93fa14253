/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "description.h"
#include "factory.h"
#include "options.h"
#include "plan.h"
#include "route.h"

static void
print_channel (const HeadendModelChannel *description)
{
  g_autoptr (HeChannel) channel = headend_plan_channel (description);
  g_autofree char *source = headend_source_display (description->source);
  g_autofree char *marks = !description->watermark ? g_strdup ("no watermark")
                           : description->payload ? g_strdup ("marked for one recipient")
                           : description->sparse > 1
                               ? g_strdup_printf ("variants a and b, one segment in %u",
                                                  description->sparse)
                               : g_strdup ("variants a and b");
  g_print ("  channel %s from %s: segments of %g s, %s, %s, %s\n", channel->name, source,
           (double)channel->duration90 / 90000, channel->encrypted ? "aes-128" : "clear",
           marks,
           headend_agreement_name (description));
  if (description->backup) {
    g_autofree char *backup = headend_source_display (description->backup);
    g_print ("    backup: %s\n", backup);
  }
  if (!headend_model_channel_is_common (description))
    g_print (
        "    one node only, not active-active: its source has no timeline that nodes "
        "share\n");
  for (guint i = 0; i < channel->renditions->len; i++) {
    const HeRendition *r = channel->renditions->pdata[i];
    if (r->media == HE_MEDIA_VIDEO)
      g_print ("    %-12s %ux%u at %u/%u, %s, %u bit/s\n", r->name, r->width, r->height,
               r->fps_n, r->fps_d, r->codecs, r->bandwidth);
    else
      g_print ("    %-12s %s, %u bit/s\n", r->name, r->codecs, r->bandwidth);
  }
}

/* What follows for this machine, and what is still missing beside the description. */
static void
print_notes (const HeadendModel *model, const HeProbe *probe)
{
  for (guint i = 0; i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    g_autoptr (HeadendRoute) route = headend_route_new (channel, probe, NULL);
    g_auto (GStrv) notes = headend_route_notes (route);
    for (char **note = notes; *note; note++)
      g_print ("note: channel %s: %s\n", channel->name, *note);
  }
  if (model->secret.file && !g_file_test (model->secret.file, G_FILE_TEST_EXISTS))
    g_print (
        "note: %s does not exist yet; make it with: (umask 077; openssl rand -hex 32 > "
        "%s)\n",
        model->secret.file, model->secret.file);
  g_autofree char *folder = g_path_get_dirname (model->tokens.keys);
  if (!g_file_test (model->tokens.keys, G_FILE_TEST_EXISTS))
    g_print ("note: %s does not exist yet; make it with: headend token keygen --dir %s\n",
             model->tokens.keys, folder);
}

int
headend_cmd_check (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  int code
      = headend_options_parse (argc, argv, NULL,
                               "Says what is wrong with a description, or what follows "
                               "from it.",
                               &path);
  if (code >= 0)
    return code;
  g_autoptr (HeadendModel) model = headend_description_load (path, NULL, &error);
  HeProbe probe = headend_factory_probe ();
  if (!model || !headend_plan_check_factories (model, &probe, &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  g_print ("OK\n");
  for (guint i = 0; i < model->nodes->len; i++) {
    const HeadendNode *node = model->nodes->pdata[i];
    g_print ("  node %s on %s, internal %s\n", node->name, node->listen, node->internal);
  }
  if (model->edge.listen)
    g_print ("  edge on %s\n", model->edge.listen);
  for (guint i = 0; i < model->channels->len; i++)
    print_channel (model->channels->pdata[i]);
  print_notes (model, &probe);
  return 0;
}
