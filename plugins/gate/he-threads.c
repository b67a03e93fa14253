/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-threads.h"

typedef struct {
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
} One;

struct _HeThreads {
  guint n;
  One one[];
};

static gpointer
run (gpointer data)
{
  One *one = data;

  g_main_context_push_thread_default (one->context);
  g_main_loop_run (one->loop);
  while (g_main_context_iteration (one->context, FALSE))
    ;
  g_main_context_pop_thread_default (one->context);
  return NULL;
}

HeThreads *
he_threads_new (const char *name, guint n)
{
  HeThreads *threads = g_malloc0 (sizeof *threads + n * sizeof (One));

  threads->n = n;
  for (guint i = 0; i < n; i++) {
    One *one = &threads->one[i];

    one->context = g_main_context_new ();
    one->loop = g_main_loop_new (one->context, FALSE);
    one->thread = g_thread_new (name, run, one);
  }
  return threads;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

void
he_threads_free (HeThreads *threads)
{
  if (threads == NULL)
    return;
  for (guint i = 0; i < threads->n; i++) {
    One *one = &threads->one[i];
    g_autoptr (GSource) source = g_idle_source_new ();

    /* From within the loop: quitting one that does not run yet would be forgotten. */
    g_source_set_callback (source, quit, one->loop, NULL);
    g_source_attach (source, one->context);
  }
  for (guint i = 0; i < threads->n; i++) {
    One *one = &threads->one[i];

    g_thread_join (one->thread);
    g_main_loop_unref (one->loop);
    g_main_context_unref (one->context);
  }
  g_free (threads);
}

guint
he_threads_count (const HeThreads *threads)
{
  return threads->n;
}

GMainContext *
he_threads_context (const HeThreads *threads, guint i)
{
  return threads->one[i].context;
}

typedef struct {
  void (*func) (gpointer data);
  gpointer data;
  GMutex lock;
  GCond cond;
  gboolean done;
} Question;

static gboolean
answer (gpointer data)
{
  Question *question = data;

  question->func (question->data);
  g_mutex_lock (&question->lock);
  question->done = TRUE;
  g_cond_signal (&question->cond);
  g_mutex_unlock (&question->lock);
  return G_SOURCE_REMOVE;
}

void
he_threads_call (GMainContext *context, void (*func) (gpointer data), gpointer data)
{
  Question question = { .func = func, .data = data };

  g_mutex_init (&question.lock);
  g_cond_init (&question.cond);
  g_main_context_invoke (context, answer, &question);
  g_mutex_lock (&question.lock);
  while (!question.done)
    g_cond_wait (&question.cond, &question.lock);
  g_mutex_unlock (&question.lock);
  g_cond_clear (&question.cond);
  g_mutex_clear (&question.lock);
}
