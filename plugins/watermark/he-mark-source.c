/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-mark-source.h"
#include "he-keys.h"
#include "he-payload.h"

struct _HeMarkSource {
  HeSecret *key;
  char *channel;
  guint width, height;
  GThreadPool *worker;
  gboolean has_payload;
  guint64 payload;

  /* The caller's. */
  HeMark *current;
  guint64 current_msn;
  guint late;

  GMutex lock; /* guards what follows */
  GCond made;
  gboolean asked; /* for next_msn; next is NULL until it is made */
  guint64 next_msn;
  HeMark *next;
};

static HeMark *
make (const HeMarkSource *source, guint64 msn)
{
  guint8 seed[32];
  gint8 signs[HE_PAYLOAD_SYMBOLS];
  he_mark_seed (source->key, source->channel, msn, seed);
  if (source->has_payload)
    he_payload_encode (source->payload, msn, signs);
  /* The size was checked when the source was made. */
  return he_mark_new_signed (seed, source->has_payload ? signs : NULL, source->width,
                             source->height, NULL);
}

static void
work (gpointer data, gpointer user_data)
{
  HeMarkSource *source = data;
  g_mutex_lock (&source->lock);
  gboolean wanted = source->asked && !source->next;
  guint64 msn = source->next_msn;
  g_mutex_unlock (&source->lock);
  if (!wanted)
    return;

  HeMark *mark = make (source, msn);

  g_mutex_lock (&source->lock);
  if (source->asked && source->next_msn == msn && !source->next) {
    source->next = g_steal_pointer (&mark);
    g_cond_signal (&source->made);
  }
  g_mutex_unlock (&source->lock);
  he_mark_unref (mark); /* asked for something else meanwhile */
}

HeMarkSource *
he_mark_source_new (HeSecret *key, const char *channel, guint width, guint height,
                    GError **error)
{
  if (!he_mark_check_size (width, height, error))
    return NULL;
  HeMarkSource *source = g_new0 (HeMarkSource, 1);
  source->key = he_secret_ref (key);
  source->channel = g_strdup (channel);
  source->width = width;
  source->height = height;
  source->worker = g_thread_pool_new (work, NULL, 1, FALSE, NULL);
  g_mutex_init (&source->lock);
  g_cond_init (&source->made);
  return source;
}

void
he_mark_source_set_payload (HeMarkSource *source, guint64 payload)
{
  source->has_payload = TRUE;
  source->payload = payload;
}

void
he_mark_source_free (HeMarkSource *source)
{
  if (!source)
    return;
  g_thread_pool_free (source->worker, TRUE, TRUE);
  he_mark_unref (source->current);
  he_mark_unref (source->next);
  he_secret_unref (source->key);
  g_free (source->channel);
  g_mutex_clear (&source->lock);
  g_cond_clear (&source->made);
  g_free (source);
}

/* The mark that was asked for ahead, or NULL when that was another one. */
static HeMark *
take_next (HeMarkSource *source, guint64 msn)
{
  HeMark *mark = NULL;
  g_mutex_lock (&source->lock);
  if (source->asked && source->next_msn == msn) {
    if (!source->next)
      source->late++;
    while (!source->next)
      g_cond_wait (&source->made, &source->lock);
    mark = g_steal_pointer (&source->next);
    source->asked = FALSE;
  }
  g_mutex_unlock (&source->lock);
  return mark;
}

static void
ask_for (HeMarkSource *source, guint64 msn)
{
  g_mutex_lock (&source->lock);
  gboolean new = !source->asked || source->next_msn != msn;
  if (new) {
    g_clear_pointer (&source->next, he_mark_unref);
    source->next_msn = msn;
    /* Where no thread can be had, the mark is made when it is needed. */
    source->asked = g_thread_pool_push (source->worker, source, NULL);
  }
  g_mutex_unlock (&source->lock);
}

HeMark *
he_mark_source_get (HeMarkSource *source, guint64 msn, guint64 next)
{
  if (source->current && source->current_msn == msn)
    return he_mark_ref (source->current);
  HeMark *mark = take_next (source, msn);
  if (!mark) {
    mark = make (source, msn);
    source->late++;
  }
  he_mark_unref (source->current);
  source->current = mark;
  source->current_msn = msn;
  ask_for (source, next);
  return he_mark_ref (mark);
}

guint
he_mark_source_late (const HeMarkSource *source)
{
  return source->late;
}
