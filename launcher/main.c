/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <glib.h>
#include "commands.h"
#include "config.h"

static const struct {
  const char *name;
  int (*function) (int argc, char **argv);
  const char *help; /* NULL: not for people */
} commands[] = {
  { "run", headend_cmd_run,
    "run FILE [--node NAME]   put a description's channels on air" },
  { "check", headend_cmd_check,
    "check FILE               say what is wrong with a description" },
  { "graph", headend_cmd_graph, "graph FILE [--dot]       print what flows where" },
  { "token", headend_cmd_token, "token VERB               make keys and entry tokens" },
  { "edge", headend_cmd_edge,
    "edge FILE [--dir DIR]    print nginx's configuration as an edge" },
  { "status", headend_cmd_status, "status FILE [--json]     ask the nodes how they are" },
  { "drill", headend_cmd_drill,
    "drill FILE [NAME...]     break a channel and see what viewers see" },
  { "load", headend_cmd_load,
    "load FILE --key KEY      send viewers and see how many it bears" },
  { "trace", headend_cmd_trace, "trace SYMBOLS            say who made a copy" },
  { "detect", headend_cmd_detect, "detect COPY -d FILE      read the marks of a copy" },
  { "origin", headend_cmd_origin, NULL },
  { "worker", headend_cmd_worker, NULL },
  { "decode", headend_cmd_decode, NULL },
};

static void
print_help (void)
{
  g_print ("usage: headend COMMAND ...\n\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (commands[i].help)
      g_print ("  headend %s\n", commands[i].help);
  g_print ("\nEach command says more with --help. Exit code: 0 done, 1 failed, 2 used "
           "wrongly, 3 a drill proved nothing.\n");
}

/* What a command printed may not have reached the disk, the reader or the pipe. */
static int
ended (const char *command, int code)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return code;
  g_printerr (
      "headend %s: not all that was printed could be written; is the disk full?\n",
      command);
  return code ? code : 1;
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  if (argc < 2) {
    g_printerr ("headend: which command? headend --help lists them\n");
    return 2;
  }
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0) {
    print_help ();
    return 0;
  }
  if (strcmp (argv[1], "--version") == 0) {
    g_print ("headend %s\n", PACKAGE_VERSION);
    return 0;
  }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (argv[1], commands[i].name) == 0)
      return ended (argv[1], commands[i].function (argc - 1, argv + 1));
  g_printerr ("headend: %s is not a command; headend --help lists them\n", argv[1]);
  return 2;
}
