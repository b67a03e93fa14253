/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

int
headend_options_parse_words (int argc, char **argv, const GOptionEntry *entries,
                             const char *summary, const char *usage, char ***ret_words)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GError) error = NULL;
  gboolean help = FALSE;
  const GOptionEntry own[] = {
    { "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Say this", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, usage },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *program = g_strdup_printf ("headend %s", argv[0]);
  g_set_prgname (program);
  g_option_context_set_summary (context, summary);
  g_option_context_set_help_enabled (context, FALSE);
  if (entries)
    g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, own, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s: %s; %s --help says more\n", program, error->message, program);
    return 2;
  }
  if (help) {
    g_autofree char *text = g_option_context_get_help (context, TRUE, NULL);
    g_print ("%s", text);
    return 0;
  }
  *ret_words = words ? g_steal_pointer (&words) : g_new0 (char *, 1);
  return -1;
}

int
headend_options_parse (int argc, char **argv, const GOptionEntry *entries,
                       const char *summary, char **ret_file)
{
  g_auto (GStrv) words = NULL;
  int code = headend_options_parse_words (argc, argv, entries, summary, "FILE", &words);
  if (code >= 0)
    return code;
  if (g_strv_length (words) != 1) {
    g_printerr ("%s: expected one FILE, the description; %s --help says more\n",
                g_get_prgname (), g_get_prgname ());
    return 2;
  }
  *ret_file = g_strdup (words[0]);
  return -1;
}
