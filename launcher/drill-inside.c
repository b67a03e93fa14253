/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-inside.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "drill-apart.h"
#include "he-error.h"

#define REPORT_MAX (16 * 1024 * 1024)
#define LOOK_US (100 * 1000)

/* What is in namespaces of its own would stay there when we are killed. */
static void
die_with_parent (gpointer user_data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

/* Until it ends; it is told to when we are. */
static gboolean
wait_for (GSubprocess *process, const volatile int *interrupted, GError **error)
{
  gboolean told = FALSE;
  while (g_subprocess_get_identifier (process)) {
    if (*interrupted && !told) {
      g_subprocess_send_signal (process, SIGTERM);
      told = TRUE;
    }
    g_usleep (LOOK_US);
  }
  return g_subprocess_wait (process, NULL, error);
}

HeJson *
headend_drill_inside (const char *program, const char *const *argv,
                      const volatile int *interrupted, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autofree char *report = NULL;
  g_autofree char *text = NULL;
  gsize len = 0;
  if (geteuid () != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "needs network namespaces of its own, which only root can make");
    return NULL;
  }
  int fd = g_file_open_tmp ("headend-drill-XXXXXX.json", &report, error);
  if (fd < 0)
    return NULL;
  close (fd);
  for (guint i = 0; headend_apart_words ()[i]; i++)
    g_ptr_array_add (words, (char *)headend_apart_words ()[i]);
  const char *const own[] = { program, "drill", "--inside", "--report", report };
  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    g_ptr_array_add (words, (char *)own[i]);
  for (guint i = 0; argv[i]; i++)
    g_ptr_array_add (words, (char *)argv[i]);
  g_ptr_array_add (words, NULL);
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT);
  g_subprocess_launcher_set_child_setup (launcher, die_with_parent, NULL, NULL);
  g_autoptr (GSubprocess) process
      = g_subprocess_launcher_spawnv (launcher, (const char *const *)words->pdata, error);
  gboolean done = process && wait_for (process, interrupted, error);
  if (done && (!g_file_get_contents (report, &text, &len, NULL) || len == 0))
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "new namespaces cannot be made here, or what ran in them failed");
  g_unlink (report);
  return len > 0 ? he_json_parse (text, (gssize)len, REPORT_MAX, 8, error) : NULL;
}
