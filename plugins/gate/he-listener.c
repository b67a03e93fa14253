/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "he-address.h"
#include "he-codec.h"
#include "he-error.h"
#include "he-local-socket.h"

#define BACK_OFF_MS 100
#define LOCAL "unix:"
/* Of an answer the kernel holds so many bytes that are not on their way yet, and asks for
 * more in time. What it held besides it would send whenever the client confirms some, and
 * on loopback that is the client's processor: it spends a third less on 2 MB this way. What is
 * on its way, so the speed over long distances, is not bounded by this. */
#define UNSENT_BYTES (128 * 1024)

struct _HeConnection {
  HeListener *listener;
  int socket;
  GRefString *address;
  char *subscriber; /* whom it counts for */
};

struct _HeListener {
  GSocket *socket;
  guint port;
  char *path; /* of a Unix socket, or NULL */
  guint64 inode;
  HeListenerLimits limits;
  char **exempt;
  HeAcceptedFunc accepted;
  gpointer user_data;
  GMainContext *context;
  GSource *source; /* accepting, or waiting to try again */

  GMutex lock;             /* guards the rest */
  GHashTable *per_address; /* subscriber -> count */
  gboolean starved;        /* of descriptors, when it last accepted, or tried to */
  HeListenerStats stats;
};

static guint
count_of (HeListener *listener, const char *subscriber)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (listener->per_address, subscriber));
}

static void
set_count (HeListener *listener, const char *subscriber, guint count)
{
  if (count == 0)
    g_hash_table_remove (listener->per_address, subscriber);
  else
    g_hash_table_replace (listener->per_address, g_strdup (subscriber),
                          GUINT_TO_POINTER (count));
}

static gboolean
parse_spec (const char *spec, const char *what, GSocketAddress **ret_address,
            GError **error)
{
  const char *colon = strrchr (spec, ':');
  g_autofree char *host = NULL;
  guint64 port;
  gsize len;

  if (colon != NULL && he_uint64_decode (colon + 1, strlen (colon + 1), 65535, &port)) {
    len = (gsize)(colon - spec);
    if (len >= 2 && spec[0] == '[' && spec[len - 1] == ']')
      host = g_strndup (spec + 1, len - 2);
    else if (memchr (spec, ':', len) == NULL)
      host = g_strndup (spec, len);
    if (host != NULL && g_hostname_is_ip_address (host))
      *ret_address = g_inet_socket_address_new_from_string (host, (guint)port);
    if (*ret_address != NULL)
      return TRUE;
  }
  g_set_error (
      error, HE_ERROR, HE_ERROR_INVALID,
      "%s cannot listen on \"%s\"; expected ADDRESS:PORT, such as 127.0.0.1:8080 or "
      "[::1]:8080, or unix:PATH",
      what, spec);
  return FALSE;
}

static void
set_bind_error (GError **error, const GError *cause, const char *spec, const char *what)
{
  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    g_set_error (
        error, HE_ERROR, HE_ERROR_CONFLICT,
        "%s cannot listen on %s: the port is in use; end what holds it (\"ss -ltnp\" "
        "names it) or choose another port",
        what, spec);
  else
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s cannot listen on %s: %s", what, spec,
                 cause->message);
}

static GSocket *
listen_on_port (const char *spec, const char *what, guint *ret_port, GError **error)
{
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) cause = NULL;

  if (!parse_spec (spec, what, &address, error))
    return NULL;
  socket = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM,
                         G_SOCKET_PROTOCOL_TCP, &cause);
  if (socket != NULL) {
    g_socket_set_blocking (socket, FALSE);
    g_socket_set_listen_backlog (socket, HE_BACKLOG);
  }
  if (socket == NULL || !g_socket_bind (socket, address, TRUE, &cause)
      || !g_socket_listen (socket, &cause)
      || (bound = g_socket_get_local_address (socket, &cause)) == NULL) {
    set_bind_error (error, cause, spec, what);
    return NULL;
  }
  *ret_port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  return g_steal_pointer (&socket);
}

HeListener *
he_listener_new (const char *spec, const char *what, const HeListenerLimits *limits,
                 GError **error)
{
  const char *path = g_str_has_prefix (spec, LOCAL) ? spec + strlen (LOCAL) : NULL;
  guint64 inode = 0;
  guint port = 0;
  GSocket *socket = path != NULL ? he_local_socket_new (path, what, &inode, error)
                                 : listen_on_port (spec, what, &port, error);
  HeListener *listener;

  if (socket == NULL)
    return NULL;
  listener = g_new0 (HeListener, 1);
  listener->socket = socket;
  listener->port = port;
  listener->path = g_strdup (path);
  listener->inode = inode;
  listener->limits = *limits;
  listener->exempt = g_strdupv ((char **)limits->exempt);
  g_mutex_init (&listener->lock);
  listener->per_address = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return listener;
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

void
he_listener_stop (HeListener *listener)
{
  clear_source (&listener->source);
}

void
he_listener_free (HeListener *listener)
{
  if (listener == NULL)
    return;
  he_listener_stop (listener);
  g_hash_table_unref (listener->per_address);
  g_mutex_clear (&listener->lock);
  if (listener->path != NULL)
    he_local_socket_remove (listener->path, listener->inode);
  g_free (listener->path);
  g_socket_close (listener->socket, NULL);
  g_object_unref (listener->socket);
  g_clear_pointer (&listener->context, g_main_context_unref);
  g_strfreev (listener->exempt);
  g_free (listener);
}

guint
he_listener_port (const HeListener *listener)
{
  return listener->port;
}

void
he_listener_get_stats (HeListener *listener, HeListenerStats *ret_stats)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&listener->lock);

  *ret_stats = listener->stats;
}

gboolean
he_listener_is_crowded (HeListener *listener)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&listener->lock);
  guint most = listener->limits.max_connections;

  return listener->starved || listener->stats.open > most - most / 8;
}

/* Counts the connection, or refuses it. address: NULL of one by a Unix socket. */
static gboolean
admit (HeListener *listener, const HeAddress *address, const char *subscriber)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&listener->lock);
  const HeListenerLimits *limits = &listener->limits;
  guint count = count_of (listener, subscriber);

  if (listener->stats.open >= limits->max_connections
      || (address != NULL && limits->max_per_address != 0
          && count >= limits->max_per_address
          && !he_address_is_listed (address, (const char *const *)listener->exempt))) {
    listener->stats.refused++;
    return FALSE;
  }
  listener->stats.accepted++;
  listener->stats.open++;
  set_count (listener, subscriber, count + 1);
  return TRUE;
}

static gboolean
peer_address (const struct sockaddr_storage *peer, HeAddress *ret_address)
{
  const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;
  g_autoptr (GInetAddress) address = NULL;
  g_autofree char *text = NULL;

  if (peer->ss_family == AF_INET)
    address = g_inet_address_new_from_bytes ((const guint8 *)&in->sin_addr,
                                             G_SOCKET_FAMILY_IPV4);
  else if (peer->ss_family == AF_INET6)
    address = g_inet_address_new_from_bytes ((const guint8 *)&in6->sin6_addr,
                                             G_SOCKET_FAMILY_IPV6);
  else
    return FALSE;
  text = g_inet_address_to_string (address);
  return he_address_parse (text, ret_address);
}

static void
tune (int fd)
{
  int on = 1, unsent = UNSENT_BYTES;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static void
adopt (HeListener *listener, int fd, const struct sockaddr_storage *peer)
{
  gboolean is_local = listener->path != NULL;
  g_autofree char *subscriber = NULL;
  g_autofree char *text = NULL;
  HeAddress address, counted;
  HeConnection *connection;

  if (!is_local && !peer_address (peer, &address)) {
    close (fd);
    return;
  }
  if (is_local)
    subscriber = g_strdup (HE_ADDRESS_LOCAL);
  else {
    counted = he_address_subscriber (&address);
    subscriber = he_address_to_string (&counted);
  }
  if (!admit (listener, is_local ? NULL : &address, subscriber)) {
    close (fd);
    return;
  }
  if (!is_local)
    tune (fd);
  connection = g_new0 (HeConnection, 1);
  connection->listener = listener;
  connection->socket = fd;
  text = is_local ? g_strdup (HE_ADDRESS_LOCAL) : he_address_to_string (&address);
  connection->address = g_ref_string_new (text);
  connection->subscriber = g_steal_pointer (&subscriber);
  listener->accepted (connection, listener->user_data);
}

static gboolean try_again (gpointer data);

static void
back_off (HeListener *listener)
{
  clear_source (&listener->source);
  listener->source = g_timeout_source_new (BACK_OFF_MS);
  g_source_set_callback (listener->source, try_again, listener, NULL);
  g_source_attach (listener->source, listener->context);
}

static void
set_starved (HeListener *listener, gboolean starved)
{
  if (starved == listener->starved) /* only this thread changes it */
    return;
  g_mutex_lock (&listener->lock);
  listener->starved = starved;
  g_mutex_unlock (&listener->lock);
}

static void
count_failure (HeListener *listener, gboolean starved)
{
  g_mutex_lock (&listener->lock);
  listener->stats.failures++;
  g_mutex_unlock (&listener->lock);
  set_starved (listener, starved);
}

/* Bounded, so that a flood of connections leaves room for those that are open. */
static gboolean
acceptable (GSocket *listening, GIOCondition condition, gpointer data)
{
  HeListener *listener = data;

  for (guint i = 0; i < 16; i++) {
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof peer;
    int fd = accept4 (g_socket_get_fd (listening), (struct sockaddr *)&peer, &len,
                      SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
      set_starved (listener, FALSE);
      adopt (listener, fd, &peer);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      set_starved (listener, FALSE);
      return G_SOURCE_CONTINUE;
    }
    /* Out of descriptors or memory, or a connection that broke in the queue. Spinning on
     * a socket that stays readable would take the processor from the viewers we have. */
    count_failure (listener, errno == EMFILE || errno == ENFILE);
    back_off (listener);
    return G_SOURCE_REMOVE;
  }
  return G_SOURCE_CONTINUE;
}

static void
watch (HeListener *listener)
{
  clear_source (&listener->source);
  listener->source = g_socket_create_source (listener->socket, G_IO_IN, NULL);
  g_source_set_callback (listener->source, G_SOURCE_FUNC (acceptable), listener, NULL);
  g_source_attach (listener->source, listener->context);
}

/* At once, as it fails for want of a descriptor even where nobody waits. */
static gboolean
try_again (gpointer data)
{
  HeListener *listener = data;

  if (acceptable (listener->socket, G_IO_IN, listener))
    watch (listener);
  return G_SOURCE_REMOVE;
}

void
he_listener_start (HeListener *listener, HeAcceptedFunc accepted, gpointer user_data)
{
  listener->accepted = accepted;
  listener->user_data = user_data;
  listener->context = g_main_context_ref_thread_default ();
  watch (listener);
}

int
he_connection_socket (const HeConnection *connection)
{
  return connection->socket;
}

GRefString *
he_connection_address (const HeConnection *connection)
{
  return connection->address;
}

pid_t
he_connection_process (const HeConnection *connection)
{
  struct ucred peer;
  socklen_t len = sizeof peer;

  return connection->listener->path != NULL
                 && getsockopt (connection->socket, SOL_SOCKET, SO_PEERCRED, &peer, &len)
                        == 0
             ? peer.pid
             : 0;
}

guint
he_connection_head_seconds (const HeConnection *connection)
{
  return connection->listener->limits.head_seconds;
}

void
he_connection_close (HeConnection *connection, gboolean expired)
{
  HeListener *listener = connection->listener;

  g_mutex_lock (&listener->lock);
  listener->stats.open--;
  listener->stats.expired += expired;
  set_count (listener, connection->subscriber,
             count_of (listener, connection->subscriber) - 1);
  g_mutex_unlock (&listener->lock);
  close (connection->socket);
  g_ref_string_release (connection->address);
  g_free (connection->subscriber);
  g_free (connection);
}
