/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "he-error.h"

/* Between fork and exec: nothing but what is async-signal-safe. */
static void
in_child (gpointer user)
{
  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, GPOINTER_TO_INT (user));
}

GSubprocess *
headend_process_start (const char *const *argv, const char *const *environment,
                       const char *log, int death_signal, GError **error)
{
  int fd = open (log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", log, g_strerror (errno));
    return NULL;
  }
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_subprocess_launcher_take_stdout_fd (launcher, fd);
  g_subprocess_launcher_set_child_setup (launcher, in_child,
                                         GINT_TO_POINTER (death_signal), NULL);
  for (guint i = 0; environment && environment[i]; i++) {
    g_autofree char *name = g_strdup (environment[i]);
    char *equals = strchr (name, '=');
    *equals = '\0';
    g_subprocess_launcher_setenv (launcher, name, equals + 1, TRUE);
  }
  return g_subprocess_launcher_spawnv (launcher, argv, error);
}

static int
pid_of (GSubprocess *process)
{
  const char *text = process ? g_subprocess_get_identifier (process) : NULL;
  return text ? atoi (text) : 0;
}

int
headend_process_group (GSubprocess *process)
{
  return pid_of (process);
}

void
headend_process_signal_group (GSubprocess *process, int number)
{
  int pid = pid_of (process);
  if (pid > 1)
    kill (-pid, number);
}

void
headend_process_end (GSubprocess *process, guint seconds)
{
  headend_process_signal_group (process, SIGCONT);
  headend_process_signal_group (process, SIGTERM);
  for (guint i = 0; i < seconds * 20 && pid_of (process); i++)
    g_usleep (50000);
  headend_process_signal_group (process, SIGKILL);
  if (process)
    g_subprocess_wait (process, NULL, NULL);
}

static int
parent_of (const char *pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/stat", pid);
  g_autofree char *text = NULL;
  int parent = 0;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  const char *behind_name = strrchr (text, ')'); /* which may hold anything */
  if (!behind_name || sscanf (behind_name, ") %*c %d", &parent) != 1)
    return 0;
  return parent;
}

int
headend_process_child (GSubprocess *process, const char *word)
{
  int parent = pid_of (process), found = 0;
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *name;
  while (parent && proc && !found && (name = g_dir_read_name (proc))) {
    if (!g_ascii_isdigit (*name) || parent_of (name) != parent)
      continue;
    g_autofree char *path = g_strdup_printf ("/proc/%s/cmdline", name);
    g_autofree char *line = NULL;
    gsize len = 0;
    if (!g_file_get_contents (path, &line, &len, NULL))
      continue;
    const char *first = memchr (line, 0, len);
    if (first && first + 1 < line + len && strcmp (first + 1, word) == 0)
      found = atoi (name);
  }
  return found;
}

gboolean
headend_process_run (GError **error, const char *program, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *said = NULL;
  va_list args;
  va_start (args, program);
  for (const char *word = program; word; word = va_arg (args, const char *))
    g_ptr_array_add (argv, (char *)word);
  va_end (args);
  g_autofree char *line
      = (g_ptr_array_add (argv, NULL), g_strjoinv (" ", (char **)argv->pdata));
  g_autoptr (GSubprocess) process = g_subprocess_newv (
      (const char *const *)argv->pdata,
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error);
  if (!process
      || !g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &said, error))
    return FALSE;
  if (g_subprocess_get_successful (process))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "%s: %s", line,
               said && *said ? g_strchomp (said) : "failed");
  return FALSE;
}
