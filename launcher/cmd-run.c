/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "description.h"
#include "factory.h"
#include "job.h"
#include "log.h"
#include "options.h"
#include "plan.h"
#include "supervisor.h"
#include "vitals.h"

static const int origin_purposes[] = { HE_PURPOSE_CONTENT, HE_PURPOSE_CODEWORD,
                                       HE_PURPOSE_CREDENTIAL, HE_PURPOSE_PUBLISH, -1 };
static const int worker_purposes[]
    = { HE_PURPOSE_CONTENT, HE_PURPOSE_MARK, HE_PURPOSE_PUBLISH, -1 };

/* A node is a process group, so that it can be ended whole. Whoever typed us keeps his
 * Ctrl-C: the terminal's foreground group is left as it is (and is ours anyhow). */
static void
lead_a_group (void)
{
  int terminal = open ("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  gboolean foreground = terminal >= 0 && tcgetpgrp (terminal) == getpgrp ();
  if (terminal >= 0)
    close (terminal);
  if (!foreground && getpgrp () != getpid ())
    setpgid (0, 0);
}

static void
say_up (gpointer user_data)
{
  if (*(gboolean *)user_data) {
    g_print ("{\"event\":\"ready\"}\n");
    fflush (stdout);
  }
}

/* What of a node runs here; all of it when nothing is named. */
typedef struct {
  gboolean origin;
  char **channels; /* or NULL */
} Parts;

static gboolean
wants_origin (const Parts *parts)
{
  return parts->origin || !parts->channels;
}

static gboolean
wants_channel (const Parts *parts, const char *name)
{
  if (!parts->channels)
    return !parts->origin;
  return g_strv_contains ((const char *const *)parts->channels, name);
}

static void
add_origin (HeadendSupervisor *supervisor, const HeadendModel *model, const char *text,
            const HeadendNode *node, const HeSecret *master)
{
  const char *const argv[] = { "origin", node->name, NULL };
  headend_supervisor_add (supervisor, &(HeadendChildSpec) { .name = "origin",
                                                            .argv = argv,
                                                            .input = headend_job_write (
                                                                model, text, node, NULL,
                                                                master, origin_purposes),
                                                            .essential = TRUE,
                                                            .heartbeat = TRUE,
                                                            .keeps = TRUE,
                                                            .death_signal = SIGKILL });
}

static void
add_worker (HeadendSupervisor *supervisor, const HeadendModel *model, const char *text,
            const HeadendNode *node, const HeadendModelChannel *channel,
            const HeSecret *master)
{
  g_autofree char *name = g_strdup_printf ("worker %s", channel->name);
  g_autofree char *who = g_strdup_printf ("%s/%s", node->name, channel->name);
  const char *const argv[] = { "worker", who, NULL };
  headend_supervisor_add (
      supervisor,
      &(HeadendChildSpec) { .name = name,
                            .argv = argv,
                            .input = headend_job_write (model, text, node, channel,
                                                        master, worker_purposes),
                            .heartbeat = TRUE,
                            .finite = channel->recording,
                            .death_signal = SIGKILL });
}

static int
run_node (const HeadendModel *model, const char *text, const HeadendNode *node,
          const Parts *parts, const HeSecret *master, gboolean events)
{
  g_autoptr (HeadendSupervisor) supervisor = headend_supervisor_new ();
  headend_log_init (node->name, "supervisor");
  gboolean origin = wants_origin (parts), channels = FALSE;
  if (origin)
    add_origin (supervisor, model, text, node, master);
  for (guint i = 0; i < model->channels->len; i++) {
    const HeadendModelChannel *channel = model->channels->pdata[i];
    if (!wants_channel (parts, channel->name))
      continue;
    add_worker (supervisor, model, text, node, channel, master);
    channels = TRUE;
  }
  const char *const origins[] = { origin ? node->internal : NULL, NULL };
  G_GNUC_UNUSED g_autoptr (HeadendVitals) vitals
      = headend_vitals_new (supervisor, origins, channels);
  headend_supervisor_on_up (supervisor, say_up, &events);
  return headend_supervisor_run (supervisor);
}

/* All nodes of the description on this machine, each a child that is what "run FILE
 * --node NAME" would be. None has an end: a recording has one node
 * (description-check.c). */
static int
run_all (const HeadendModel *model, const char *path)
{
  g_autoptr (HeadendSupervisor) supervisor = headend_supervisor_new ();
  g_autoptr (GPtrArray) origins = g_ptr_array_new ();
  headend_log_init (NULL, "supervisor");
  for (guint i = 0; i < model->nodes->len; i++) {
    const HeadendNode *node = model->nodes->pdata[i];
    g_autofree char *name = g_strdup_printf ("node %s", node->name);
    const char *const argv[] = { "run", "--events", "--node", node->name, path, NULL };
    headend_supervisor_add (supervisor, &(HeadendChildSpec) { .name = name,
                                                              .argv = argv,
                                                              .essential = TRUE,
                                                              .group = TRUE,
                                                              .keeps = TRUE,
                                                              .death_signal = SIGTERM });
    g_ptr_array_add (origins, node->internal);
  }
  g_ptr_array_add (origins, NULL);
  G_GNUC_UNUSED g_autoptr (HeadendVitals) vitals
      = headend_vitals_new (supervisor, (const char *const *)origins->pdata, TRUE);
  return headend_supervisor_run (supervisor);
}

static const HeadendNode *
find_node (const HeadendModel *model, const char *name)
{
  const HeadendNode *node = headend_model_node (model, name);
  if (node)
    return node;
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < model->nodes->len; i++)
    g_string_append_printf (names, "%s%s", i ? ", " : "",
                            ((const HeadendNode *)model->nodes->pdata[i])->name);
  g_printerr ("headend run: --node %s: the description has no such node; it has %s\n",
              name, names->str);
  return NULL;
}

/* Parts are of one node, and channels of the description. */
static gboolean
parts_make_sense (const Parts *parts, const HeadendModel *model, const HeadendNode *node)
{
  if (!node && (parts->origin || parts->channels)) {
    g_printerr ("headend run: --origin and --channel name a part of one node; say which "
                "with --node\n");
    return FALSE;
  }
  for (guint i = 0; parts->channels && parts->channels[i]; i++)
    if (!headend_model_channel (model, parts->channels[i])) {
      g_printerr ("headend run: --channel %s: the description has no such channel; "
                  "headend check lists them\n",
                  parts->channels[i]);
      return FALSE;
    }
  return TRUE;
}

int
headend_cmd_run (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;
  gboolean events = FALSE, origin = FALSE;
  g_auto (GStrv) channels = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "node", 'n', 0, G_OPTION_ARG_STRING, &name, "Run this node only", "NAME" },
    { "channel", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &channels,
      "Of the node, run this channel's worker only; may be given several times", "NAME" },
    { "origin", 'o', 0, G_OPTION_ARG_NONE, &origin,
      "Of the node, run the origin only, and what --channel names", NULL },
    { "events", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &events, NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  int code
      = headend_options_parse (argc, argv, entries,
                               "Puts the channels of a description on air, until SIGINT "
                               "or SIGTERM. Without --node all its nodes run here.",
                               &path);
  if (code >= 0)
    return code;

  g_autoptr (HeadendModel) model = headend_description_load (path, &text, &error);
  if (!model) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  const HeadendNode *node = NULL;
  if (name && !(node = find_node (model, name)))
    return 2;
  if (!name && model->nodes->len == 1)
    node = model->nodes->pdata[0];
  const Parts parts = { .origin = origin, .channels = channels };
  if (!parts_make_sense (&parts, model, node))
    return 2;
  g_autoptr (HeSecret) master = headend_model_load_secret (model, &error);
  HeProbe probe = headend_factory_probe ();
  if (!master || !headend_plan_check_factories (model, &probe, &error)) {
    g_printerr ("headend run: %s\n", error->message);
    return 1;
  }
  if (!node)
    return run_all (model, path);
  if (model->secret.variable)
    g_unsetenv (model->secret.variable); /* the children get only what is theirs */
  if (name)
    lead_a_group ();
  return run_node (model, text, node, &parts, master, events);
}
