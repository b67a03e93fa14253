/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-http.h"

#include "he-link.h"

#define SWEEP_MS 500
/* When a listener is nearly full: how long a connection may wait for its client. An army
 * of slow ones then keeps nobody out, and who comes back later finds room. */
#define CROWDED_USEC G_USEC_PER_SEC
/* Processes remembered, of which an edge has few. */
#define PROCESSES 256

struct _HeHttp {
  HeListener *listener;
  HeBudget *budget;
  GPtrArray *parts;
  guint next;            /* part that comes first of those that have the same */
  GHashTable *processes; /* pid -> HeGroup that its connections join */
};

HePart *
he_part_ref (HePart *part)
{
  g_atomic_ref_count_inc (&part->refs);
  return part;
}

void
he_part_unref (HePart *part)
{
  if (!g_atomic_ref_count_dec (&part->refs))
    return;
  g_main_context_unref (part->context);
  g_hash_table_unref (part->links);
  g_atomic_rc_box_release (part->budget);
  g_free (part);
}

static gboolean
sweep (gpointer data)
{
  HePart *part = data;
  g_autoptr (GPtrArray) late = g_ptr_array_new ();
  gint64 now = g_get_monotonic_time ();
  gint64 since = he_listener_is_crowded (part->listener) ? now - CROWDED_USEC : 0;
  GHashTableIter iter;
  gpointer link;

  g_hash_table_iter_init (&iter, part->links);
  while (g_hash_table_iter_next (&iter, &link, NULL))
    if (now > he_link_deadline (link) || he_link_waits (link, since))
      g_ptr_array_add (late, link);
  for (guint i = 0; i < late->len; i++)
    he_link_close (g_ptr_array_index (late, i), TRUE);
  return G_SOURCE_CONTINUE;
}

static void
part_start (gpointer data)
{
  HePart *part = data;

  part->thread = g_thread_self ();
  part->sweeper = g_timeout_source_new (SWEEP_MS);
  g_source_set_callback (part->sweeper, sweep, part, NULL);
  g_source_attach (part->sweeper, part->context);
}

static void
part_stop (gpointer data)
{
  HePart *part = data;
  g_autoptr (GList) links = g_hash_table_get_keys (part->links);

  for (GList *l = links; l != NULL; l = l->next)
    he_link_close (l->data, FALSE);
  g_atomic_int_set (&part->stopped, TRUE);
  g_source_destroy (part->sweeper);
  g_source_unref (part->sweeper);
}

static HePart *
part_new (HeHttp *http, HeThreads *threads, guint i, const HeHttpFuncs *funcs,
          gpointer user_data)
{
  HePart *part = g_new0 (HePart, 1);

  g_atomic_ref_count_init (&part->refs);
  part->listener = http->listener;
  part->context = g_main_context_ref (he_threads_context (threads, i));
  part->sockets = he_threads_sockets (threads, i);
  part->funcs = funcs;
  part->user_data = user_data;
  part->budget = g_atomic_rc_box_acquire (http->budget);
  part->links = g_hash_table_new (NULL, NULL);
  return part;
}

typedef struct {
  HePart *part;
  HeGroup *group;
  HeConnection *connection;
} Handover;

static gboolean
take_over (gpointer data)
{
  Handover *handover = data;

  he_link_open (handover->part, handover->group, handover->connection);
  return G_SOURCE_REMOVE;
}

/* Which has the fewest connections. */
static HePart *
emptiest (HeHttp *http)
{
  HePart *found = NULL;
  guint least = G_MAXUINT;

  http->next++;
  for (guint i = 0; i < http->parts->len; i++) {
    HePart *part = g_ptr_array_index (http->parts, (http->next + i) % http->parts->len);
    guint open = g_atomic_int_get (&part->open);

    if (open < least) {
      found = part;
      least = open;
    }
  }
  return found;
}

/* What a process of nginx asks at a time, on connections of its own, wakes one thread,
 * once, whose answers find it awake; one thread decides more than such a process asks. One
 * of many threads, as Varnish is, opens more connections when its questions wait. */
static HeGroup *
group_of (HeHttp *http, pid_t process)
{
  gpointer key = GINT_TO_POINTER (process);
  HeGroup *group = g_hash_table_lookup (http->processes, key);
  guint open = group != NULL ? g_atomic_int_get (&group->open) : 0;

  if (open == 0 || open >= HE_HTTP_TOGETHER) {
    group = g_atomic_rc_box_new0 (HeGroup);
    group->part = emptiest (http);
    if (g_hash_table_size (http->processes) == PROCESSES)
      g_hash_table_remove_all (http->processes);
    g_hash_table_replace (http->processes, key, group);
  }
  g_atomic_int_inc (&group->open);
  return g_atomic_rc_box_acquire (group);
}

static void
accepted (HeConnection *connection, gpointer data)
{
  HeHttp *http = data;
  pid_t process = he_connection_process (connection);
  HeGroup *group = process != 0 ? group_of (http, process) : NULL;
  HePart *part = group != NULL ? group->part : emptiest (http);
  Handover *handover = g_new (Handover, 1);

  g_atomic_int_inc (&part->open);
  *handover = (Handover) { part, group, connection };
  g_main_context_invoke_full (part->context, G_PRIORITY_DEFAULT, take_over, handover,
                              g_free);
}

HeHttp *
he_http_new (HeListener *listener, HeThreads *threads, const HeHttpFuncs *funcs,
             gpointer user_data)
{
  HeHttp *http = g_new0 (HeHttp, 1);

  http->listener = listener;
  http->budget = g_atomic_rc_box_new0 (HeBudget);
  http->processes
      = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)g_atomic_rc_box_release);
  http->parts = g_ptr_array_new_with_free_func ((GDestroyNotify)he_part_unref);
  for (guint i = 0; i < he_threads_count (threads); i++) {
    HePart *part = part_new (http, threads, i, funcs, user_data);

    g_ptr_array_add (http->parts, part);
    he_threads_call (part->context, part_start, part);
  }
  he_listener_start (listener, accepted, http);
  return http;
}

void
he_http_free (HeHttp *http)
{
  if (http == NULL)
    return;
  he_listener_stop (http->listener);
  for (guint i = 0; i < http->parts->len; i++) {
    HePart *part = g_ptr_array_index (http->parts, i);

    /* Behind the connections that are being handed over. */
    he_threads_call (part->context, part_stop, part);
  }
  g_ptr_array_unref (http->parts);
  g_hash_table_unref (http->processes);
  g_atomic_rc_box_release (http->budget);
  he_listener_free (http->listener);
  g_free (http);
}

HeListener *
he_http_listener (HeHttp *http)
{
  return http->listener;
}
