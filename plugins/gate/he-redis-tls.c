/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-redis-tls.h"

#include <sys/socket.h>
#include <unistd.h>

#include "he-error.h"
#include "he-secret.h"

/* hiredis 0.14 knows sockets alone: a thread for each connection carries between one of a
 * pair and GIO's TLS. */

struct _HeRedisTls {
  GTlsDatabase *authorities;    /* NULL: the system's */
  GTlsCertificate *certificate; /* or NULL */
  GPtrArray *carriers;
  char *why; /* atomic */
};

/* Connects, shakes hands and carries. All on a thread of its own: what GIO leaves to
 * threads of its pool goes on when we have stopped. */
typedef struct {
  HeRedisTls *tls;
  GThread *thread;
  char *host;
  guint16 port;
  GCancellable *off; /* too late, or nobody wants it any more */
  int near;
  int done;    /* atomic */
  GMutex lock; /* guards the rest */
  GCond told;
  gboolean settled; /* it carries, or why not */
  char *why;
} Carrier;

static GTlsCertificate *
read_own (const char *path, GError **error)
{
  g_autoptr (HeSecret) pem
      = he_secret_pem_from_file (path, "our certificate for Redis and its key", error);
  GTlsCertificate *own
      = pem ? g_tls_certificate_new_from_pem ((const char *)he_secret_data (pem),
                                              (gssize)he_secret_len (pem), error)
            : NULL;
  if (pem && !own)
    g_prefix_error (error, "%s, with our certificate for Redis and its key: ", path);
  return own;
}

HeRedisTls *
he_redis_tls_new (const char *authorities, const char *certificate, GError **error)
{
  g_autoptr (GTlsDatabase) trusted = NULL;
  g_autoptr (GTlsCertificate) own = NULL;

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ())) {
    g_set_error_literal (
        error, HE_ERROR, HE_ERROR_UNAVAILABLE,
        "Redis by TLS (rediss://) needs the Debian package glib-networking");
    return NULL;
  }
  if (authorities && !(trusted = g_tls_file_database_new (authorities, error))) {
    g_prefix_error (error,
                    "%s, with the authorities that Redis is trusted by: ", authorities);
    return NULL;
  }
  if (certificate && !(own = read_own (certificate, error)))
    return NULL;
  HeRedisTls *tls = g_new0 (HeRedisTls, 1);
  tls->authorities = g_steal_pointer (&trusted);
  tls->certificate = g_steal_pointer (&own);
  tls->carriers = g_ptr_array_new ();
  return tls;
}

static GIOStream *
reach (Carrier *carrier, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) address
      = g_network_address_new (carrier->host, carrier->port);
  /* Whatever the environment says: Redis is the operator's own. */
  g_socket_client_set_enable_proxy (client, FALSE);
  return (GIOStream *)g_socket_client_connect (client, address, carrier->off, error);
}

/* What is wrong with a certificate, by the flag. */
static const struct {
  GTlsCertificateFlags flag;
  const char *why;
} faults[] = {
  { G_TLS_CERTIFICATE_UNKNOWN_CA, "no trusted authority signed its certificate" },
  { G_TLS_CERTIFICATE_BAD_IDENTITY, "its certificate names another host" },
  { G_TLS_CERTIFICATE_NOT_ACTIVATED, "its certificate is not valid yet" },
  { G_TLS_CERTIFICATE_EXPIRED, "its certificate has expired" },
  { G_TLS_CERTIFICATE_REVOKED, "its certificate was revoked" },
  { G_TLS_CERTIFICATE_INSECURE, "its certificate is of a weak algorithm" },
};

static gboolean
refuse (GTlsConnection *connection, GTlsCertificate *certificate,
        GTlsCertificateFlags errors, gpointer data)
{
  const char **why = data;
  *why = "its certificate is not good";
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    if (errors & faults[i].flag) {
      *why = faults[i].why;
      break;
    }
  return FALSE;
}

static GIOStream *
secure (Carrier *carrier, GIOStream *base, GError **error)
{
  HeRedisTls *tls = carrier->tls;
  const char *why = NULL;
  g_autoptr (GSocketConnectable) identity
      = g_network_address_new (carrier->host, carrier->port);
  g_autoptr (GIOStream) stream = g_tls_client_connection_new (base, identity, error);
  if (!stream)
    return NULL;
  GTlsConnection *connection = G_TLS_CONNECTION (stream);
  if (tls->authorities)
    g_tls_connection_set_database (connection, tls->authorities);
  if (tls->certificate)
    g_tls_connection_set_certificate (connection, tls->certificate);
  gulong handler
      = g_signal_connect (connection, "accept-certificate", G_CALLBACK (refuse), &why);
  gboolean ok = g_tls_connection_handshake (connection, carrier->off, error);
  g_signal_handler_disconnect (connection, handler);
  if (ok)
    return g_steal_pointer (&stream);
  if (why) {
    g_clear_error (error);
    g_set_error_literal (error, HE_ERROR, HE_ERROR_UNAVAILABLE, why);
  }
  return NULL;
}

/* --- Carrying
 * ------------------------------------------------------------------------------ */

static void
keep_why (HeRedisTls *tls, char *why)
{
  g_free (__atomic_exchange_n (&tls->why, why, __ATOMIC_ACQ_REL));
}

char *
he_redis_tls_take_why (HeRedisTls *tls)
{
  return __atomic_exchange_n (&tls->why, NULL, __ATOMIC_ACQ_REL);
}

/* NULL: it carries. */
static void
settle (Carrier *carrier, const char *why)
{
  g_mutex_lock (&carrier->lock);
  carrier->settled = TRUE;
  carrier->why = g_strdup (why);
  g_cond_signal (&carrier->told);
  g_mutex_unlock (&carrier->lock);
}

static void
spliced (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

static gboolean
hung_up (GSocket *socket, GIOCondition condition, gpointer data)
{
  Carrier *carrier = data;
  g_cancellable_cancel (carrier->off);
  return G_SOURCE_REMOVE;
}

/* Until either end hangs up. Ours is watched, as it is read only when the server has taken
 * all before; who waits for an answer to all that he writes loses nothing by it. */
static void
splice (Carrier *carrier, GSocket *socket, GIOStream *near, GIOStream *stream)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) watch = g_socket_create_source (socket, G_IO_HUP, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_main_context_push_thread_default (context);
  g_source_set_callback (watch, G_SOURCE_FUNC (hung_up), carrier, NULL);
  g_source_attach (watch, context);
  g_io_stream_splice_async (near, stream, G_IO_STREAM_SPLICE_NONE, G_PRIORITY_DEFAULT,
                            carrier->off, spliced, &result);
  while (!result)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (watch);
  if (!g_io_stream_splice_finish (result, &error)
      && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    keep_why (carrier->tls, g_strdup (error->message));
  g_main_context_pop_thread_default (context);
}

static gpointer
carry (gpointer data)
{
  Carrier *carrier = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (carrier->near, &error);
  g_autoptr (GIOStream) base = socket ? reach (carrier, &error) : NULL;
  g_autoptr (GIOStream) stream = base ? secure (carrier, base, &error) : NULL;
  settle (carrier, stream ? NULL : error->message);
  if (stream) {
    g_autoptr (GIOStream) near
        = G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
    splice (carrier, socket, near, stream);
  }
  /* First what is below, so that nobody waits for a farewell. */
  if (base)
    g_socket_close (g_socket_connection_get_socket (G_SOCKET_CONNECTION (base)), NULL);
  if (!socket)
    close (carrier->near);
  g_clear_object (&stream);
  g_atomic_int_set (&carrier->done, TRUE);
  return NULL;
}

static void
carrier_join (Carrier *carrier)
{
  g_thread_join (carrier->thread);
  g_mutex_clear (&carrier->lock);
  g_cond_clear (&carrier->told);
  g_object_unref (carrier->off);
  g_free (carrier->host);
  g_free (carrier->why);
  g_free (carrier);
}

static void
join_done (HeRedisTls *tls, gboolean all)
{
  for (guint i = tls->carriers->len; i-- > 0;) {
    Carrier *carrier = tls->carriers->pdata[i];
    if (all || g_atomic_int_get (&carrier->done))
      carrier_join (g_ptr_array_remove_index_fast (tls->carriers, i));
  }
}

void
he_redis_tls_free (HeRedisTls *tls)
{
  if (!tls)
    return;
  for (guint i = 0; i < tls->carriers->len; i++)
    g_cancellable_cancel (((Carrier *)tls->carriers->pdata[i])->off);
  join_done (tls, TRUE);
  g_free (tls->why);
  g_ptr_array_unref (tls->carriers);
  g_clear_object (&tls->authorities);
  g_clear_object (&tls->certificate);
  g_free (tls);
}

static Carrier *
start_carrier (HeRedisTls *tls, const char *host, guint16 port, int near)
{
  Carrier *carrier = g_new0 (Carrier, 1);
  carrier->tls = tls;
  carrier->host = g_strdup (host);
  carrier->port = port;
  carrier->off = g_cancellable_new ();
  carrier->near = near;
  g_mutex_init (&carrier->lock);
  g_cond_init (&carrier->told);
  carrier->thread = g_thread_new ("redis-tls", carry, carrier);
  g_ptr_array_add (tls->carriers, carrier);
  return carrier;
}

/* Until it is settled; what is late is broken off. Why it does not carry, or NULL. */
static char *
wait_settled (Carrier *carrier, guint timeout_ms)
{
  gint64 end = g_get_monotonic_time () + (gint64)timeout_ms * 1000;
  gboolean late = FALSE;
  g_mutex_lock (&carrier->lock);
  while (!carrier->settled && !late)
    late = !g_cond_wait_until (&carrier->told, &carrier->lock, end);
  late = late && !carrier->settled;
  g_mutex_unlock (&carrier->lock);
  if (late) {
    g_cancellable_cancel (carrier->off);
    return g_strdup_printf ("no answer in %u ms", timeout_ms);
  }
  return g_steal_pointer (&carrier->why);
}

int
he_redis_tls_open (HeRedisTls *tls, const char *host, guint16 port, guint timeout_ms,
                   char **ret_why)
{
  int pair[2];
  join_done (tls, FALSE);
  keep_why (tls, NULL);
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    *ret_why = g_strdup ("no descriptor is left");
    return -1;
  }
  *ret_why = wait_settled (start_carrier (tls, host, port, pair[1]), timeout_ms);
  if (!*ret_why)
    return pair[0];
  close (pair[0]);
  return -1;
}
