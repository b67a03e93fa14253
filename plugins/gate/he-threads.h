/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-sockets.h"

G_BEGIN_DECLS

/* Threads that each wait for sockets, and for a main context beside them, for as long as they
 * live. The context is for timeouts and what is invoked from other threads: sources have no
 * descriptors, and what a socket calls attaches none. */
typedef struct _HeThreads HeThreads;

/* name is what the threads are called; n >= 1. */
HeThreads *he_threads_new (const char *name, guint n);
/* What was invoked on them before has run when this returns. Takes NULL. */
void he_threads_free (HeThreads *threads);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeThreads, he_threads_free)

guint he_threads_count (const HeThreads *threads);
/* Borrowed. */
GMainContext *he_threads_context (const HeThreads *threads, guint i);
HeSockets *he_threads_sockets (const HeThreads *threads, guint i);

/* Calls func where context runs, and waits until it has returned. Called at once when the
 * caller is that thread. */
void he_threads_call (GMainContext *context, void (*func) (gpointer data), gpointer data);

G_END_DECLS
