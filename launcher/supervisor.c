/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervisor.h"

#include <poll.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "backoff.h"
#include "he-json.h"
#include "he-secret.h"
#include "he-state.h"
#include "log.h"
#include "pulse.h"

#define START_NEXT_MS 30000 /* a child that is not ready by then holds nobody up */
#define STOP_MS 3000        /* between SIGTERM and SIGKILL */
#define FAILURES_MAX 3      /* of a finite child in a row */
#define STOP_GROUP_MS 5000  /* the same for a node, which has children of its own */
#define STOP_LOOK_MS 500    /* from one look at who waits for a disk to the next */

typedef struct {
  HeadendSupervisor *supervisor;
  char *name;
  char **argv;
  char *input;
  gboolean essential, group, heartbeat, finite, keeps;
  gboolean over; /* finite, and not started again */
  guint failures;
  int death_signal;

  GSubprocess *process; /* NULL while it is not running */
  GDataInputStream *events;
  gboolean was_ready; /* once */
  gboolean ready;     /* since it was last started */
  guint kills;        /* for its silence, since it was last started */
  gboolean passed;    /* the next child need not wait for it any more */
  gint64 started;     /* monotonic microseconds */
  gint64 kill_at;     /* the same, once it is told to end */
  HeadendPulse pulse;
  HeadendBackoff backoff;
  guint restart, patience; /* sources */
} Child;

struct _HeadendSupervisor {
  GPtrArray *children; /* Child */
  GMainLoop *loop;
  char *program;
  pid_t pid;
  gboolean stopping;
  gint64 late;    /* microseconds between SIGTERM, or a wait for a disk, and SIGKILL */
  gint64 stop_by; /* monotonic: then nobody gets more time */
  guint running;
  int code;
  void (*up) (gpointer user_data);
  gpointer up_data;
  void (*on_stop) (gpointer user_data);
  gpointer stop_data;
};

static void child_start (Child *child);
static void stop (HeadendSupervisor *supervisor, int code);

static void
child_free (gpointer data)
{
  Child *child = data;
  g_clear_handle_id (&child->restart, g_source_remove);
  g_clear_handle_id (&child->patience, g_source_remove);
  g_clear_object (&child->process);
  g_clear_object (&child->events);
  he_string_wipe_free (child->input);
  g_strfreev (child->argv);
  g_free (child->name);
  g_free (child);
}

HeadendSupervisor *
headend_supervisor_new (void)
{
  HeadendSupervisor *supervisor = g_new0 (HeadendSupervisor, 1);
  supervisor->children = g_ptr_array_new_with_free_func (child_free);
  supervisor->loop = g_main_loop_new (NULL, FALSE);
  /* Read now: after an upgrade the link would name a file that is gone. */
  supervisor->program = g_file_read_link ("/proc/self/exe", NULL);
  supervisor->pid = getpid ();
  return supervisor;
}

void
headend_supervisor_free (HeadendSupervisor *supervisor)
{
  if (!supervisor)
    return;
  g_ptr_array_unref (supervisor->children);
  g_main_loop_unref (supervisor->loop);
  g_free (supervisor->program);
  g_free (supervisor);
}

void
headend_supervisor_add (HeadendSupervisor *supervisor, const HeadendChildSpec *spec)
{
  Child *child = g_new0 (Child, 1);
  child->supervisor = supervisor;
  child->name = g_strdup (spec->name);
  child->argv = g_strdupv ((char **)spec->argv);
  child->input = spec->input;
  child->essential = spec->essential;
  child->group = spec->group;
  child->heartbeat = spec->heartbeat;
  child->finite = spec->finite;
  child->keeps = spec->keeps;
  child->death_signal = spec->death_signal;
  g_ptr_array_add (supervisor->children, child);
}

void
headend_supervisor_on_up (HeadendSupervisor *supervisor, void (*up) (gpointer user_data),
                          gpointer user_data)
{
  supervisor->up = up;
  supervisor->up_data = user_data;
}

void
headend_supervisor_on_stop (HeadendSupervisor *supervisor,
                            void (*on_stop) (gpointer user_data), gpointer user_data)
{
  supervisor->on_stop = on_stop;
  supervisor->stop_data = user_data;
}

const char *
headend_supervisor_waits_for (const HeadendSupervisor *supervisor)
{
  for (guint i = 0; i < supervisor->children->len; i++) {
    const Child *child = supervisor->children->pdata[i];
    if (!child->over && (!child->process || !child->ready))
      return child->name;
  }
  return NULL;
}

const char *
headend_supervisor_stuck (const HeadendSupervisor *supervisor)
{
  for (guint i = 0; i < supervisor->children->len; i++) {
    const Child *child = supervisor->children->pdata[i];
    if (child->process && child->kills > 1)
      return child->name;
  }
  return NULL;
}

/* The child behind this one may start now, once. */
static void
pass (Child *child)
{
  HeadendSupervisor *supervisor = child->supervisor;
  guint index;
  g_clear_handle_id (&child->patience, g_source_remove);
  if (child->passed || supervisor->stopping)
    return;
  child->passed = TRUE;
  if (g_ptr_array_find (supervisor->children, child, &index)
      && index + 1 < supervisor->children->len)
    child_start (supervisor->children->pdata[index + 1]);
}

static gboolean
on_patience_over (gpointer user_data)
{
  Child *child = user_data;
  child->patience = 0;
  headend_log ("%s is not ready after %d s; nobody waits for it any longer", child->name,
               START_NEXT_MS / 1000);
  pass (child);
  return G_SOURCE_REMOVE;
}

static void
on_event (Child *child, const char *line)
{
  HeadendSupervisor *supervisor = child->supervisor;
  const char *event = NULL;
  g_autoptr (HeJson) root = he_json_parse (line, -1, 4096, 4, NULL);
  headend_pulse_heard (&child->pulse);
  if (!root || he_json_type (root) != HE_JSON_OBJECT
      || !he_json_get_string (root, "event", TRUE, &event, NULL)) {
    headend_log ("%s: %s", child->name, line);
    return;
  }
  if (strcmp (event, "ready") != 0)
    return;
  headend_log ("%s is ready", child->name);
  child->was_ready = child->ready = TRUE;
  if (child == supervisor->children->pdata[0] && !child->passed && supervisor->up)
    supervisor->up (supervisor->up_data);
  pass (child);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Child *child = user_data;
  GDataInputStream *events = G_DATA_INPUT_STREAM (source);
  g_autofree char *line
      = g_data_input_stream_read_line_finish_utf8 (events, result, NULL, NULL);
  if (!line)
    return;
  on_event (child, line);
  g_data_input_stream_read_line_async (events, G_PRIORITY_DEFAULT, NULL, on_line, child);
}

static gboolean
on_restart (gpointer user_data)
{
  Child *child = user_data;
  child->restart = 0;
  child_start (child);
  return G_SOURCE_REMOVE;
}

static char *
how_it_ended (GSubprocess *process)
{
  if (g_subprocess_get_if_signaled (process))
    return g_strdup_printf ("was killed by signal %d (%s)",
                            g_subprocess_get_term_sig (process),
                            g_strsignal (g_subprocess_get_term_sig (process)));
  return g_strdup_printf ("ended with exit code %d",
                          g_subprocess_get_exit_status (process));
}

/* Ends us when nothing is left to do. */
static void
finish_if_all_are_over (HeadendSupervisor *supervisor)
{
  gboolean failed = FALSE, any = FALSE;
  for (guint i = 0; i < supervisor->children->len; i++) {
    const Child *child = supervisor->children->pdata[i];
    if (!child->over && (child->finite || !child->essential))
      return;
    any |= child->over;
    failed |= child->over && child->failures > 0;
  }
  if (!any)
    return;
  headend_log (failed ? "everything has ended, not all of it well"
                      : "everything is finished");
  stop (supervisor, failed ? 1 : 0);
}

/* Whether a finite child need not, or must not, be started again. */
static gboolean
is_over (Child *child)
{
  gboolean exited = g_subprocess_get_if_exited (child->process);
  gboolean good = exited && g_subprocess_get_exit_status (child->process) == 0;
  if (!child->finite)
    return FALSE;
  child->failures = good ? 0 : child->failures + 1;
  child->over = good || child->failures >= FAILURES_MAX;
  return child->over;
}

static void
on_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Child *child = user_data;
  HeadendSupervisor *supervisor = child->supervisor;
  g_autofree char *how = how_it_ended (child->process);
  g_subprocess_wait_finish (child->process, result, NULL);
  gboolean over = !supervisor->stopping && is_over (child);
  g_clear_object (&child->process);
  g_clear_object (&child->events);
  supervisor->running--;
  if (supervisor->stopping) {
    if (supervisor->running == 0)
      g_main_loop_quit (supervisor->loop);
    return;
  }
  if (over) {
    headend_log ("%s %s", child->name,
                 child->failures > 0 ? "has failed for good" : "is finished");
    pass (child);
    finish_if_all_are_over (supervisor);
    return;
  }
  if (child->essential && !child->was_ready) {
    headend_log ("%s %s before it was ready", child->name, how);
    stop (supervisor, 1);
    return;
  }
  guint64 lived = (guint64)(g_get_monotonic_time () - child->started) / 1000;
  guint delay = headend_backoff_next (&child->backoff, lived);
  headend_log ("%s %s; it is started again in %u.%u s", child->name, how, delay / 1000,
               delay % 1000 / 100);
  child->restart = g_timeout_add (delay, on_restart, child);
}

/* Between fork and exec: nothing but what is async-signal-safe. */
static void
in_child (gpointer user_data)
{
  Child *child = user_data;
  if (child->group)
    setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, child->death_signal);
  if (getppid () != child->supervisor->pid)
    _exit (1); /* we died before the line above */
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  /* A child that ended before it read everything is dealt with when its end is seen. */
  g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL);
  g_output_stream_close_async (G_OUTPUT_STREAM (source), G_PRIORITY_DEFAULT, NULL, NULL,
                               NULL);
}

static void
give_input (Child *child)
{
  GOutputStream *pipe = g_subprocess_get_stdin_pipe (child->process);
  g_output_stream_write_all_async (pipe, child->input, strlen (child->input),
                                   G_PRIORITY_DEFAULT, NULL, on_written, NULL);
}

static gpointer
spawn (Child *child, GError **error)
{
  GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE;
  if (child->input)
    flags |= G_SUBPROCESS_FLAGS_STDIN_PIPE;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (flags);
  g_subprocess_launcher_set_child_setup (launcher, in_child, child, NULL);
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_strv_builder_add (argv, child->supervisor->program);
  g_strv_builder_addv (argv, (const char **)child->argv);
  g_auto (GStrv) all = g_strv_builder_end (argv);
  return g_subprocess_launcher_spawnv (launcher, (const char *const *)all, error);
}

static void
child_start (Child *child)
{
  HeadendSupervisor *supervisor = child->supervisor;
  g_autoptr (GError) error = NULL;
  child->process = spawn (child, &error);
  child->started = g_get_monotonic_time ();
  child->pulse = (HeadendPulse) { 0 };
  child->ready = FALSE;
  child->kills = 0;
  if (!child->process) {
    guint delay = headend_backoff_next (&child->backoff, 0);
    headend_log ("%s cannot be started: %s", child->name, error->message);
    child->restart = g_timeout_add (delay, on_restart, child);
    return;
  }
  supervisor->running++;
  if (!child->passed && !child->patience && !child->essential)
    child->patience = g_timeout_add (START_NEXT_MS, on_patience_over, child);
  if (child->input)
    give_input (child);
  child->events = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child->process));
  g_data_input_stream_read_line_async (child->events, G_PRIORITY_DEFAULT, NULL, on_line,
                                       child);
  g_subprocess_wait_async (child->process, NULL, on_ended, child);
}

static void
signal_child (const Child *child, int number)
{
  if (!child->process)
    return;
  if (number == SIGKILL && child->group && g_subprocess_get_identifier (child->process))
    kill (-atoi (g_subprocess_get_identifier (child->process)), SIGKILL);
  g_subprocess_send_signal (child->process, number);
}

/* Who waits for a disk gets its time anew: between two waits there is a moment. */
static gboolean
on_stop_look (gpointer user_data)
{
  HeadendSupervisor *supervisor = user_data;
  const gint64 now = g_get_monotonic_time ();
  for (guint i = 0; i < supervisor->children->len; i++) {
    Child *child = supervisor->children->pdata[i];
    const char *pid = child->keeps && child->process
                          ? g_subprocess_get_identifier (child->process)
                          : NULL;
    if (pid && headend_pulse_waits_for_disk (pid))
      child->kill_at = MIN (now + supervisor->late, supervisor->stop_by);
    if (now >= child->kill_at)
      signal_child (child, SIGKILL);
  }
  return G_SOURCE_CONTINUE;
}

static void
stop (HeadendSupervisor *supervisor, int code)
{
  gboolean groups = FALSE;
  if (supervisor->stopping)
    return;
  supervisor->stopping = TRUE;
  supervisor->code = code;
  if (supervisor->on_stop)
    supervisor->on_stop (supervisor->stop_data);
  for (guint i = 0; i < supervisor->children->len; i++) {
    Child *child = supervisor->children->pdata[i];
    g_clear_handle_id (&child->restart, g_source_remove);
    g_clear_handle_id (&child->patience, g_source_remove);
    signal_child (child, SIGTERM);
    groups |= child->group;
  }
  const gint64 now = g_get_monotonic_time ();
  supervisor->late = (groups ? STOP_GROUP_MS : STOP_MS) * 1000;
  supervisor->stop_by = now + supervisor->late + HE_STATE_END;
  for (guint i = 0; i < supervisor->children->len; i++)
    ((Child *)supervisor->children->pdata[i])->kill_at = now + supervisor->late;
  if (supervisor->running == 0)
    g_main_loop_quit (supervisor->loop);
  g_timeout_add (STOP_LOOK_MS, on_stop_look, supervisor);
}

static gboolean
on_signal (gpointer user_data)
{
  headend_log ("ending");
  stop (user_data, 0);
  return G_SOURCE_CONTINUE;
}

/* All children write to what we write to: where nobody reads it, they wait and do not
 * hang. */
static gboolean
log_is_read (void)
{
  struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
  return poll (&log, 1, 0) != 0;
}

static void
look_at (Child *child)
{
  const char *pid = g_subprocess_get_identifier (child->process);
  guint looks = 0;
  if (!pid)
    return;
  if (!log_is_read ()) {
    headend_pulse_heard (&child->pulse);
    return;
  }
  HeadendPulseSample sample = headend_pulse_sample (pid);
  if (!headend_pulse_look (&child->pulse, &sample, child->ready, &looks))
    return;
  child->kills++;
  signal_child (child, SIGKILL);
  headend_log ("%s said nothing for %u s and is killed", child->name, looks);
}

static gboolean
on_heartbeat (gpointer user_data)
{
  HeadendSupervisor *supervisor = user_data;
  for (guint i = 0; i < supervisor->children->len; i++) {
    Child *child = supervisor->children->pdata[i];
    if (child->heartbeat && child->process && !supervisor->stopping)
      look_at (child);
  }
  return G_SOURCE_CONTINUE;
}

int
headend_supervisor_run (HeadendSupervisor *supervisor)
{
  guint sources[] = {
    g_unix_signal_add (SIGTERM, on_signal, supervisor),
    g_unix_signal_add (SIGINT, on_signal, supervisor),
    g_unix_signal_add (SIGHUP, on_signal, supervisor),
    g_timeout_add_seconds (1, on_heartbeat, supervisor),
  };
  signal (SIGPIPE, SIG_IGN); /* of a child that ends before it has read its job */
  child_start (supervisor->children->pdata[0]);
  g_main_loop_run (supervisor->loop);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  return supervisor->code;
}
