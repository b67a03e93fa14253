/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded under ThreadSanitizer: GLib and GStreamer were not built with it, and GLib's
 * locks are futexes of its own, so it would take everything that they guard for a race.
 * Each function here calls the real one, and says what it puts in order. */
#define G_DISABLE_DEPRECATION_WARNINGS
#include <dlfcn.h>
#include <gst/gst.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

#undef g_atomic_ref_count_dec
#undef g_object_unref
#undef g_once_init_enter
#undef g_once_init_leave

/* The real function, looked up once. */
#define REAL(name)                                                                       \
  ({                                                                                     \
    static void *real_;                                                                  \
    if (!__atomic_load_n (&real_, __ATOMIC_RELAXED))                                     \
      __atomic_store_n (&real_, dlsym (RTLD_NEXT, #name), __ATOMIC_RELAXED);             \
    (__typeof__ (&name))__atomic_load_n (&real_, __ATOMIC_RELAXED);                      \
  })

#define TAKES(name, type)                                                                \
  void name (type *lock)                                                                 \
  {                                                                                      \
    REAL (name) (lock);                                                                  \
    __tsan_acquire (lock);                                                               \
  }

#define TRIES(name, type)                                                                \
  gboolean name (type *lock)                                                             \
  {                                                                                      \
    gboolean taken = REAL (name) (lock);                                                 \
    if (taken)                                                                           \
      __tsan_acquire (lock);                                                             \
    return taken;                                                                        \
  }

#define GIVES(name, type)                                                                \
  void name (type *lock)                                                                 \
  {                                                                                      \
    __tsan_release (lock);                                                               \
    REAL (name) (lock);                                                                  \
  }

TAKES (g_mutex_lock, GMutex)
TRIES (g_mutex_trylock, GMutex)
GIVES (g_mutex_unlock, GMutex)
TAKES (g_rec_mutex_lock, GRecMutex)
TRIES (g_rec_mutex_trylock, GRecMutex)
GIVES (g_rec_mutex_unlock, GRecMutex)
TAKES (g_rw_lock_writer_lock, GRWLock)
TRIES (g_rw_lock_writer_trylock, GRWLock)
GIVES (g_rw_lock_writer_unlock, GRWLock)
TAKES (g_rw_lock_reader_lock, GRWLock)
TRIES (g_rw_lock_reader_trylock, GRWLock)
GIVES (g_rw_lock_reader_unlock, GRWLock)

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  REAL (g_cond_wait) (cond, mutex);
  __tsan_acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean signalled;

  __tsan_release (mutex);
  signalled = REAL (g_cond_wait_until) (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return signalled;
}

/* Who waited for another thread to make it sees what that one made. */
gboolean
g_once_init_enter (volatile void *location)
{
  gboolean ours = REAL (g_once_init_enter) (location);

  if (!ours)
    __tsan_acquire ((void *)location);
  return ours;
}

void
g_once_init_leave (volatile void *location, gsize result)
{
  __tsan_release ((void *)location);
  REAL (g_once_init_leave) (location, result);
}

/* --- Queues and messages --------------------------------------------------------- */

void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  __tsan_release (queue);
  REAL (g_async_queue_push) (queue, data);
}

#define POPS(name, parameters, ...)                                                      \
  gpointer name parameters                                                               \
  {                                                                                      \
    gpointer data = REAL (name) (__VA_ARGS__);                                           \
    __tsan_acquire (queue);                                                              \
    return data;                                                                         \
  }

POPS (g_async_queue_pop, (GAsyncQueue * queue), queue)
POPS (g_async_queue_try_pop, (GAsyncQueue * queue), queue)
POPS (g_async_queue_timeout_pop, (GAsyncQueue * queue, guint64 us), queue, us)

gboolean
gst_bus_post (GstBus *bus, GstMessage *message)
{
  __tsan_release (bus);
  return REAL (gst_bus_post) (bus, message);
}

GstMessage *
gst_bus_timed_pop_filtered (GstBus *bus, GstClockTime timeout, GstMessageType types)
{
  GstMessage *message = REAL (gst_bus_timed_pop_filtered) (bus, timeout, types);

  __tsan_acquire (bus);
  return message;
}

/* --- References: who drops the last one sees what the others did -------------------- */

#define DROPS(name, type)                                                                \
  void name (type object)                                                                \
  {                                                                                      \
    if (object) {                                                                        \
      __tsan_release (object);                                                           \
      __tsan_acquire (object);                                                           \
    }                                                                                    \
    REAL (name) (object);                                                                \
  }

DROPS (g_object_unref, gpointer)
DROPS (gst_object_unref, gpointer)
DROPS (gst_mini_object_unref, GstMiniObject *)
DROPS (g_bytes_unref, GBytes *)

gboolean
g_atomic_ref_count_dec (gatomicrefcount *count)
{
  gboolean last;

  __tsan_release (count);
  last = REAL (g_atomic_ref_count_dec) (count);
  __tsan_acquire (count);
  return last;
}

/* --- Errands to another thread's main context ------------------------------------------
 */

typedef struct {
  GSourceFunc func;
  gpointer data;
  GDestroyNotify notify;
} Errand;

static gboolean
run_errand (gpointer data)
{
  Errand *errand = data;

  __tsan_acquire (errand);
  return errand->func (errand->data);
}

static void
free_errand (gpointer data)
{
  Errand *errand = data;

  __tsan_acquire (errand);
  if (errand->notify)
    errand->notify (errand->data);
  g_free (errand);
}

void
g_main_context_invoke_full (GMainContext *context, gint priority, GSourceFunc func,
                            gpointer data, GDestroyNotify notify)
{
  Errand *errand = g_new (Errand, 1);

  *errand = (Errand) { func, data, notify };
  __tsan_release (errand);
  REAL (g_main_context_invoke_full) (context, priority, run_errand, errand, free_errand);
}

void
g_main_context_invoke (GMainContext *context, GSourceFunc func, gpointer data)
{
  g_main_context_invoke_full (context, G_PRIORITY_DEFAULT, func, data, NULL);
}

/* --- Tasks of a pool of threads
 * ---------------------------------------------------------- */

typedef struct {
  GFunc func;
  gpointer user_data;
} Tasks;

static void
run_task (gpointer data, gpointer user_data)
{
  Tasks *tasks = user_data;

  __tsan_acquire (tasks);
  tasks->func (data, tasks->user_data);
  __tsan_release (tasks);
}

GThreadPool *
g_thread_pool_new (GFunc func, gpointer user_data, gint max_threads, gboolean exclusive,
                   GError **error)
{
  Tasks *tasks = g_new (Tasks, 1); /* for ever: threads may outlive the pool */

  *tasks = (Tasks) { func, user_data };
  return REAL (g_thread_pool_new) (run_task, tasks, max_threads, exclusive, error);
}

gboolean
g_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
  __tsan_release (pool->user_data);
  return REAL (g_thread_pool_push) (pool, data, error);
}

void
g_thread_pool_free (GThreadPool *pool, gboolean immediate, gboolean wait)
{
  Tasks *tasks = pool->user_data;

  REAL (g_thread_pool_free) (pool, immediate, wait);
  if (wait)
    __tsan_acquire (tasks);
}
