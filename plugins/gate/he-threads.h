/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Threads that run a main context each, for as long as they live. */
typedef struct _HeThreads HeThreads;

/* name is what the threads are called; n >= 1. */
HeThreads *he_threads_new (const char *name, guint n);
/* What was invoked on them before has run when this returns. Takes NULL. */
void he_threads_free (HeThreads *threads);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeThreads, he_threads_free)

guint he_threads_count (const HeThreads *threads);
/* Borrowed. */
GMainContext *he_threads_context (const HeThreads *threads, guint i);

/* Calls func where context runs, and waits until it has returned. Called at once when the
 * caller is that thread. */
void he_threads_call (GMainContext *context, void (*func) (gpointer data), gpointer data);

G_END_DECLS
