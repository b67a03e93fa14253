/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-threads.h"

typedef struct {
  GMainContext *context;
  HeSockets *sockets;
  HeSocket waker; /* by which the context is woken */
  gboolean woken, quit;
  GThread *thread;
} One;

struct _HeThreads {
  guint n;
  One one[];
};

static void
woken (HeSocket *waker)
{
  One *one = (One *)((char *)waker - G_STRUCT_OFFSET (One, waker));

  one->woken = TRUE;
}

/* When (monotonic) there is something to do for the context, unless it is woken by
 * *ret_waker. */
static gint64
next_due (One *one, GPollFD *ret_waker)
{
  int priority, timeout_ms;

  g_main_context_prepare (one->context, &priority);
  /* All priorities, or the waker, which has the default one, were missing ahead of a
   * source of a higher one. */
  if (g_main_context_query (one->context, G_MAXINT, &timeout_ms, ret_waker, 1) != 1)
    g_error ("a thread's context has a source with a descriptor");
  /* From the moment that left_ms() counts from: what took long since then is not waited
   * for again. */
  return timeout_ms < 0
             ? G_MAXINT64
             : he_sockets_now (one->sockets) + timeout_ms * G_TIME_SPAN_MILLISECOND;
}

/* Rounded up. */
static int
left_ms (const One *one, gint64 due)
{
  gint64 left = due - he_sockets_now (one->sockets);

  return due == G_MAXINT64 ? -1 : (int)CLAMP ((left + 999) / 1000, 0, G_MAXINT);
}

static gpointer
run (gpointer data)
{
  One *one = data;
  GPollFD waker;
  gint64 due;

  g_main_context_push_thread_default (one->context);
  due = next_due (one, &waker);
  one->waker = (HeSocket) { .fd = waker.fd, .ready = woken };
  if (!he_sockets_watch (one->sockets, &one->waker, EPOLLIN))
    g_error ("the kernel has no memory to watch connections with");
  while (!one->quit) {
    he_sockets_wait (one->sockets, left_ms (one, due));
    if (!one->woken && he_sockets_now (one->sockets) < due)
      continue;
    one->woken = FALSE;
    g_main_context_iteration (one->context, FALSE);
    due = next_due (one, &waker);
  }
  while (g_main_context_iteration (one->context, FALSE))
    ;
  he_sockets_forget (one->sockets, &one->waker);
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
    one->sockets = he_sockets_new ();
    one->thread = g_thread_new (name, run, one);
  }
  return threads;
}

static gboolean
quit (gpointer data)
{
  One *one = data;

  one->quit = TRUE;
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

    g_source_set_callback (source, quit, one, NULL);
    g_source_attach (source, one->context);
  }
  for (guint i = 0; i < threads->n; i++) {
    One *one = &threads->one[i];

    g_thread_join (one->thread);
    he_sockets_free (one->sockets);
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

HeSockets *
he_threads_sockets (const HeThreads *threads, guint i)
{
  return threads->one[i].sockets;
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
