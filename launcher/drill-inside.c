/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-inside.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <unistd.h>
#include "drill-apart.h"
#include "he-error.h"

#define REPORT_MAX (16 * 1024 * 1024)

HeJson *
headend_drill_inside (const char *program, const char *const *argv, GError **error)
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
  g_autoptr (GSubprocess) process = g_subprocess_newv (
      (const char *const *)words->pdata, G_SUBPROCESS_FLAGS_STDIN_INHERIT, error);
  gboolean done = process && g_subprocess_wait (process, NULL, error);
  if (done && (!g_file_get_contents (report, &text, &len, NULL) || len == 0))
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "new namespaces cannot be made here, or what ran in them failed");
  g_unlink (report);
  return len > 0 ? he_json_parse (text, (gssize)len, REPORT_MAX, 8, error) : NULL;
}
