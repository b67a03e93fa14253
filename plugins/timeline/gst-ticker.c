/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-ticker.h"

struct GstHeadendTicker {
  GstPad *pad;
  gint64 interval_us;
  void (*func) (gpointer user);
  gpointer user;
  GThread *thread;
  GMutex lock; /* guards stopping */
  GCond wake;
  gboolean stopping;
};

static gpointer
run (gpointer data)
{
  GstHeadendTicker *ticker = data;
  GRecMutex *stream_lock = GST_PAD_GET_STREAM_LOCK (ticker->pad);

  g_mutex_lock (&ticker->lock);
  while (!ticker->stopping) {
    if (g_cond_wait_until (&ticker->wake, &ticker->lock,
                           g_get_monotonic_time () + ticker->interval_us))
      continue; /* woken to stop, or for nothing */
    g_mutex_unlock (&ticker->lock);
    if (g_rec_mutex_trylock (stream_lock)) {
      ticker->func (ticker->user);
      g_rec_mutex_unlock (stream_lock);
    }
    g_mutex_lock (&ticker->lock);
  }
  g_mutex_unlock (&ticker->lock);
  return NULL;
}

GstHeadendTicker *
gst_headend_ticker_new (GstPad *pad, gint64 interval_us, void (*func) (gpointer user),
                        gpointer user)
{
  GstHeadendTicker *ticker = g_new0 (GstHeadendTicker, 1);

  ticker->pad = gst_object_ref (pad);
  ticker->interval_us = interval_us;
  ticker->func = func;
  ticker->user = user;
  g_mutex_init (&ticker->lock);
  g_cond_init (&ticker->wake);
  ticker->thread = g_thread_new ("ticker", run, ticker);
  return ticker;
}

void
gst_headend_ticker_free (GstHeadendTicker *ticker)
{
  if (ticker == NULL)
    return;
  g_mutex_lock (&ticker->lock);
  ticker->stopping = TRUE;
  g_cond_signal (&ticker->wake);
  g_mutex_unlock (&ticker->lock);
  g_thread_join (ticker->thread);
  gst_object_unref (ticker->pad);
  g_mutex_clear (&ticker->lock);
  g_cond_clear (&ticker->wake);
  g_free (ticker);
}
