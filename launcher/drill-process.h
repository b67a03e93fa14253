/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A process that a drill starts, as the leader of a group of its own. It gets
 * death_signal when the drill's process dies. Standard output and error go to the end of
 * the file log. environment: {"NAME=VALUE", …, NULL} more than ours, or NULL. */
GSubprocess *
headend_process_start (const char *const *argv, const char *const *environment,
                       const char *log, int death_signal, GError **error);

/* Its group; 0: it is gone. */
int headend_process_group (GSubprocess *process);

/* Signals the whole group; nothing when it is gone. */
void headend_process_signal_group (GSubprocess *process, int number);

/* Asks the group to end, after seconds makes it, and waits. Takes NULL. */
void headend_process_end (GSubprocess *process, guint seconds);

/* The pid of the child of process whose first argument is word; 0: there is none. */
int headend_process_child (GSubprocess *process, const char *word);

/* Runs a program to its end, HE_ERROR_UNAVAILABLE with what it said when that is not 0.
 */
gboolean
headend_process_run (GError **error, const char *program, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
