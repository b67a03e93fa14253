/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An operator's authorizer: an HTTP server that answers as it is told, and remembers the last
 * question. An account called "mallory" is always refused by one that answers. */

#include <gio/gio.h>
#include <string.h>

typedef enum {
  SAYS_YES,
  SAYS_NO,
  SAYS_FOR_LONG, /* two hours */
  SAYS_NOTHING,  /* and keeps the connection */
  SAYS_GOODBYE,  /* closes it */
  SAYS_ODD,      /* what is in odd */
} Says;

typedef struct {
  GSocketListener *listener;
  GCancellable *cancellable;
  GThread *thread; /* one question after the other */
  guint port;
  int says;   /* atomic */
  int asked;  /* atomic */
  char *odd;  /* a whole answer */
  GMutex lock;
  char *head, *body; /* of the last question, under lock */
  GPtrArray *silent; /* connections, under lock */
} Boss;

static inline void
boss_read (Boss *boss, GInputStream *in)
{
  GString *head = g_string_new (NULL);
  char c;
  const char *length;
  gsize want;
  char *body;

  while (!g_str_has_suffix (head->str, "\r\n\r\n")
         && g_input_stream_read (in, &c, 1, boss->cancellable, NULL) == 1)
    g_string_append_c (head, c);
  length = strcasestr (head->str, "\r\nContent-Length:");
  want = length != NULL ? g_ascii_strtoull (strchr (length, ':') + 1, NULL, 10) : 0;
  body = g_malloc0 (want + 1);
  g_input_stream_read_all (in, body, want, NULL, boss->cancellable, NULL);
  g_mutex_lock (&boss->lock);
  g_free (boss->head);
  g_free (boss->body);
  boss->head = g_string_free (head, FALSE);
  boss->body = body;
  g_mutex_unlock (&boss->lock);
}

static inline void
boss_asked (Boss *boss, GSocketConnection *connection)
{
  static const char yes[] = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"renew\":true}";
  static const char no[] = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"renew\":false}";
  static const char some[]
      = "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"renew\":true,\"seconds\":7200}";
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  const char *text = NULL;
  Says says = (Says)g_atomic_int_get (&boss->says);

  boss_read (boss, g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  if (says == SAYS_YES && strstr (boss->body, "mallory") != NULL)
    says = SAYS_NO;
  switch (says) {
    case SAYS_YES:
      text = yes;
      break;
    case SAYS_NO:
      text = no;
      break;
    case SAYS_FOR_LONG:
      text = some;
      break;
    case SAYS_ODD:
      text = boss->odd;
      break;
    case SAYS_NOTHING:
      g_mutex_lock (&boss->lock);
      g_ptr_array_add (boss->silent, g_object_ref (connection));
      g_mutex_unlock (&boss->lock);
      break;
    case SAYS_GOODBYE:
      break;
  }
  g_atomic_int_inc (&boss->asked);
  if (text != NULL)
    g_output_stream_write_all (out, text, strlen (text), NULL, boss->cancellable, NULL);
}

static inline gpointer
boss_run (gpointer data)
{
  Boss *boss = data;

  while (!g_cancellable_is_cancelled (boss->cancellable)) {
    g_autoptr (GSocketConnection) connection
        = g_socket_listener_accept (boss->listener, NULL, boss->cancellable, NULL);

    if (connection != NULL)
      boss_asked (boss, connection);
  }
  return NULL;
}

static inline Boss *
boss_new (void)
{
  Boss *boss = g_new0 (Boss, 1);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  g_mutex_init (&boss->lock);
  boss->silent = g_ptr_array_new_with_free_func (g_object_unref);
  boss->cancellable = g_cancellable_new ();
  boss->listener = g_socket_listener_new ();
  g_socket_listener_add_address (boss->listener, any, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  boss->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  boss->thread = g_thread_new ("authorizer", boss_run, boss);
  return boss;
}

static inline void
boss_free (Boss *boss)
{
  g_cancellable_cancel (boss->cancellable);
  g_thread_join (boss->thread);
  g_socket_listener_close (boss->listener);
  g_object_unref (boss->listener);
  g_object_unref (boss->cancellable);
  g_ptr_array_unref (boss->silent);
  g_mutex_clear (&boss->lock);
  g_free (boss->odd);
  g_free (boss->head);
  g_free (boss->body);
  g_free (boss);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Boss, boss_free)

static inline char *
boss_uri (const Boss *boss)
{
  return g_strdup_printf ("http://127.0.0.1:%u/lease", boss->port);
}

static inline gboolean
boss_heard (Boss *boss, gboolean in_body, const char *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&boss->lock);
  const char *heard = in_body ? boss->body : boss->head;

  return heard != NULL && strstr (heard, text) != NULL;
}
