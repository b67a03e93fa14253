/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Keeps child processes of this program running. They start one after the other: the next
 * when the one before has written {"event":"ready"} on its standard output, or a bounded
 * time later. Whoever ends, but is not finite, is started again, ever later (backoff.h).
 * A child ends with us whatever happens to us (PR_SET_PDEATHSIG). */
typedef struct _HeadendSupervisor HeadendSupervisor;

typedef struct {
  const char *name;        /* for the log: "worker demo" */
  const char *const *argv; /* behind the program's name: {"worker", "demo", NULL} */
  char *input;             /* for its standard input, taken and wiped; or NULL */
  gboolean essential; /* we end, with exit code 1, when it ends before it was ready */
  gboolean group;     /* gets a process group of its own */
  gboolean heartbeat; /* writes an event every second, and is killed by pulse.h */
  gboolean keeps;     /* gets more time to end while it waits for a disk */
  int death_signal;   /* what it gets when we die */
  gboolean finite;    /* has an end, with exit code 0; or fails for good, after three
                         failures in a row */
} HeadendChildSpec;

HeadendSupervisor *headend_supervisor_new (void);
void headend_supervisor_free (HeadendSupervisor *supervisor); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendSupervisor, headend_supervisor_free)

/* Copies the spec, but for input. Children start in the order they were added. */
void headend_supervisor_add (HeadendSupervisor *supervisor, const HeadendChildSpec *spec);

/* Called once, when the first child is ready. */
void headend_supervisor_on_up (HeadendSupervisor *supervisor,
                               void (*up) (gpointer user_data), gpointer user_data);

/* Called once, when the end begins. */
void
headend_supervisor_on_stop (HeadendSupervisor *supervisor,
                            void (*on_stop) (gpointer user_data), gpointer user_data);

/* The name of the first child that has not said that it is ready since it was last
 * started; NULL when there is none. */
const char *headend_supervisor_waits_for (const HeadendSupervisor *supervisor);
/* The name of a child that said nothing, was killed for it, and is still there; NULL when
 * there is none. */
const char *headend_supervisor_stuck (const HeadendSupervisor *supervisor);

/* Runs until SIGINT or SIGTERM, or until all children but essential ones are finite and
 * have finished (exit code 0) or failed (1), then ends the children (SIGTERM, and SIGKILL
 * three seconds later, or five where a child is a group; who keeps something gets as long
 * again after each wait for the disk, HE_STATE_END more at most).
 * Returns the exit code. */
int headend_supervisor_run (HeadendSupervisor *supervisor);

G_END_DECLS
