/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-peers.h"

#include <libsoup/soup.h>
#include <string.h>

#include "he-body.h"
#include "he-codec.h"
#include "he-error.h"
#include "he-sign.h"

#define MAX_REPLY (32 * 1024 * 1024)
#define READ_SIZE 65536

struct _HePeers {
  char **addresses;
  HeSecret *key;
  SoupSession *session;
  GMainContext *context;
  GHashTable *calls; /* Call, a set: those under way */
};

typedef struct {
  HePeers *peers;
  HePeerReply *replies;
  guint pending;
  gboolean late; /* the deadline is over */
  GCancellable *cancellable;
  GSource *timer;
  HePeersFunc done;
  gpointer user_data;
} Call;

/* One peer's part of a call. */
typedef struct {
  Call *call;
  HePeerReply *reply;
  SoupMessage *msg;
  GInputStream *stream;
  GByteArray *body;
} Part;

static gboolean
is_peer_address (const char *address)
{
  const char *colon = strrchr (address, ':');
  g_autofree char *text = g_strdup_printf ("http://%s/", address);
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  guint64 port;

  return colon != NULL && he_uint64_decode (colon + 1, strlen (colon + 1), 65535, &port)
         && port > 0 && uri != NULL && g_uri_get_host (uri) != NULL
         && *g_uri_get_host (uri) != '\0' && g_uri_get_port (uri) == (int)port
         && g_uri_get_userinfo (uri) == NULL && g_str_equal (g_uri_get_path (uri), "/");
}

gboolean
he_peers_check (const char *const *addresses, GError **error)
{
  for (guint i = 0; addresses != NULL && addresses[i] != NULL; i++) {
    if (i == HE_PEERS_MAX) {
      g_set_error (error, HE_ERROR, HE_ERROR_LIMIT, "more than %d peers", HE_PEERS_MAX);
      return FALSE;
    }
    if (!is_peer_address (addresses[i])) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                   "peer \"%s\": expected ADDRESS:PORT of its internal listener",
                   addresses[i]);
      return FALSE;
    }
  }
  return TRUE;
}

HePeers *
he_peers_new (const char *const *addresses, HeSecret *key)
{
  HePeers *peers = g_new0 (HePeers, 1);

  peers->addresses
      = addresses != NULL ? g_strdupv ((char **)addresses) : g_new0 (char *, 1);
  peers->key = key != NULL ? he_secret_ref (key) : NULL;
  /* No proxy: peers are on our own network, whatever the environment says. */
  peers->session
      = soup_session_new_with_options ("proxy-resolver", NULL, "max-conns-per-host", 16,
                                       "max-conns", 16 * HE_PEERS_MAX, NULL);
  peers->context = g_main_context_ref_thread_default ();
  peers->calls = g_hash_table_new (NULL, NULL);
  return peers;
}

static void
cancel_calls (HePeers *peers)
{
  g_autoptr (GPtrArray) cancellables = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer call;

  g_hash_table_iter_init (&iter, peers->calls);
  while (g_hash_table_iter_next (&iter, &call, NULL))
    g_ptr_array_add (cancellables, g_object_ref (((Call *)call)->cancellable));
  for (guint i = 0; i < cancellables->len; i++)
    g_cancellable_cancel (g_ptr_array_index (cancellables, i));
}

void
he_peers_free (HePeers *peers)
{
  if (peers == NULL)
    return;
  while (g_hash_table_size (peers->calls) > 0) {
    cancel_calls (peers);
    g_main_context_iteration (peers->context, TRUE);
  }
  soup_session_abort (peers->session);
  g_object_unref (peers->session);
  g_hash_table_unref (peers->calls);
  g_main_context_unref (peers->context);
  he_secret_unref (peers->key);
  g_strfreev (peers->addresses);
  g_free (peers);
}

guint
he_peers_count (const HePeers *peers)
{
  return g_strv_length (peers->addresses);
}

static void
call_over (Call *call)
{
  guint n = he_peers_count (call->peers);

  g_hash_table_remove (call->peers->calls, call);
  g_source_destroy (call->timer);
  g_source_unref (call->timer);
  call->done (call->replies, n, call->user_data);
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&call->replies[i].body, g_bytes_unref);
  g_free (call->replies);
  g_object_unref (call->cancellable);
  g_free (call);
}

static void
part_over (Part *part, guint status)
{
  Call *call = part->call;

  part->reply->status = status;
  part->reply->late = status == 0 && call->late;
  if (status != 0)
    part->reply->body = g_byte_array_free_to_bytes (part->body);
  else
    g_byte_array_unref (part->body);
  g_clear_object (&part->stream);
  g_object_unref (part->msg);
  g_free (part);
  if (--call->pending == 0)
    call_over (call);
}

static void read_more (Part *part);

static void
got_bytes (GObject *source, GAsyncResult *result, gpointer data)
{
  Part *part = data;
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);
  gsize len = 0;
  const guint8 *piece = bytes != NULL ? g_bytes_get_data (bytes, &len) : NULL;

  if (bytes == NULL || part->body->len + len > MAX_REPLY)
    part_over (part, 0);
  else if (len == 0)
    part_over (part, soup_message_get_status (part->msg));
  else {
    g_byte_array_append (part->body, piece, (guint)len);
    read_more (part);
  }
}

static void
read_more (Part *part)
{
  g_input_stream_read_bytes_async (part->stream, READ_SIZE, G_PRIORITY_DEFAULT,
                                   part->call->cancellable, got_bytes, part);
}

static void
got_stream (GObject *source, GAsyncResult *result, gpointer data)
{
  Part *part = data;

  part->stream = soup_session_send_finish (SOUP_SESSION (source), result, NULL);
  if (part->stream == NULL)
    part_over (part, 0);
  else
    read_more (part);
}

static gboolean
time_is_up (gpointer data)
{
  Call *call = data;

  call->late = TRUE;
  g_cancellable_cancel (call->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
nobody_to_ask (gpointer data)
{
  call_over (data);
  return G_SOURCE_REMOVE;
}

static SoupMessage *
message_new (HePeers *peers, const char *address, const char *method, const char *path,
             GBytes *body)
{
  g_autofree char *uri = g_strdup_printf ("http://%s%s", address, path);
  SoupMessage *msg = soup_message_new (method, uri);
  SoupMessageHeaders *headers = soup_message_get_request_headers (msg);
  g_autofree char *signature = NULL;
  gsize len = 0;
  const guint8 *data = body != NULL ? g_bytes_get_data (body, &len) : NULL;

  soup_message_add_flags (msg, SOUP_MESSAGE_NO_REDIRECT);
  if (body != NULL)
    he_body_set (msg, "application/json", body);
  soup_message_headers_replace (headers, "Headend-Peer", "1");
  if (peers->key != NULL) {
    signature = he_sign_request (peers->key, method, path, data, len,
                                 g_get_real_time () / G_USEC_PER_SEC);
    soup_message_headers_replace (headers, "Authorization", signature);
  }
  return msg;
}

static void
ask (Call *call, guint i, const char *method, const char *path, GBytes *body)
{
  Part *part = g_new0 (Part, 1);

  part->call = call;
  part->reply = &call->replies[i];
  part->body = g_byte_array_new ();
  part->msg = message_new (call->peers, part->reply->peer, method, path, body);
  call->pending++;
  soup_session_send_async (call->peers->session, part->msg, G_PRIORITY_DEFAULT,
                           call->cancellable, got_stream, part);
}

void
he_peers_call (HePeers *peers, guint64 which, const char *method, const char *path,
               GBytes *body, guint timeout_ms, HePeersFunc done, gpointer user_data)
{
  Call *call = g_new0 (Call, 1);
  guint n = he_peers_count (peers);

  call->peers = peers;
  call->replies = g_new0 (HePeerReply, n);
  call->cancellable = g_cancellable_new ();
  call->done = done;
  call->user_data = user_data;
  g_hash_table_add (peers->calls, call);
  for (guint i = 0; i < n; i++) {
    call->replies[i].peer = peers->addresses[i];
    if (which >> i & 1)
      ask (call, i, method, path, body);
  }
  call->timer
      = call->pending > 0 ? g_timeout_source_new (timeout_ms) : g_idle_source_new ();
  g_source_set_callback (call->timer, call->pending > 0 ? time_is_up : nobody_to_ask,
                         call, NULL);
  g_source_attach (call->timer, peers->context);
}
