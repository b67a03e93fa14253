/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "factory.h"

#include <gst/gst.h>
#include "config.h"
#include "gst-probe.h"

/* Modules installed where GStreamer does not search, behind what the user names: of two
 * modules of one name the first is taken. By the environment, so that GStreamer's cache
 * knows them and not every process of a node loads them to look. */
static void
add_plugins_dir (void)
{
  const char *variable
      = g_getenv ("GST_PLUGIN_PATH_1_0") ? "GST_PLUGIN_PATH_1_0" : "GST_PLUGIN_PATH";
  const char *given = g_getenv (variable);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  if (!program)
    return;
  g_autofree char *bindir = g_path_get_dirname (program);
  g_autofree char *ours = g_canonicalize_filename (PLUGINS_DIR, bindir);
  if (!given || !*given) {
    g_setenv (variable, ours, TRUE);
    return;
  }
  g_auto (GStrv) folders = g_strsplit (given, G_SEARCHPATH_SEPARATOR_S, 0);
  if (g_strv_contains ((const char *const *)folders, ours))
    return; /* by the process that started us */
  g_autofree char *all = g_strjoin (G_SEARCHPATH_SEPARATOR_S, given, ours, NULL);
  g_setenv (variable, all, TRUE);
}

void
headend_gst_init (void)
{
  if (gst_is_initialized ())
    return;
  if (*PLUGINS_DIR)
    add_plugins_dir ();
  gst_init (NULL, NULL);
}

HeProbe
headend_factory_probe (void)
{
  headend_gst_init ();
  return gst_headend_probe (HE_NVIDIA_VERSION_PATH);
}
