/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-http.h"

#include <string.h>

#include "he-request.h"

/* Seconds for everything after a request's head: many times a segment's duration, after
 * which the segment is of no use to anybody. */
#define EXCHANGE_SECONDS 60
#define IDLE_SECONDS 30
/* After a refusal the client gets this long, and may send this much, to read it and go.
 */
#define LINGER_SECONDS 2
#define LINGER_BYTES (256 * 1024)
/* Bodies on their way in, over all connections. */
#define MAX_BODIES (G_GUINT64_CONSTANT (256) * 1024 * 1024)
#define READ_SIZE (16 * 1024)
/* Requests that one connection may have answered before the others get their turn. */
#define TURN 8

typedef enum {
  READING_HEAD,
  READING_BODY,
  HANDLING, /* until the answer is there */
  WRITING,
  LINGERING, /* answered; what still comes is thrown away */
} State;

struct _HeHttp {
  HeListener *listener;
  GMainContext *context;
  const HeHttpFuncs *funcs;
  gpointer user_data;
  GHashTable *links; /* Link, a set */
  guint64 bodies;
  char scratch[READ_SIZE];
};

/* One connection and the exchange on it. */
typedef struct {
  HeHttp *http;
  HeConnection *connection;
  GSocket *socket; /* the connection's */
  State state;
  gboolean pumping;
  GSource *source; /* what the socket or the turn is waited for with, or NULL */
  GIOCondition watched;
  GByteArray *in; /* read, not yet understood; NULL: nothing */
  HeRequest *request;
  gboolean refused, keep_alive;
  guint8 *body;
  gsize body_len, body_got;
  GString *out; /* head of the answer */
  gsize out_done;
  guint64 sent, lingered;
} Link;

static void pump (Link *link);

static void
drop_watch (Link *link)
{
  if (link->source == NULL)
    return;
  g_source_destroy (link->source);
  g_clear_pointer (&link->source, g_source_unref);
  link->watched = 0;
}

static gboolean
socket_ready (GSocket *socket, GIOCondition condition, gpointer data)
{
  pump (data);
  return G_SOURCE_CONTINUE; /* pump() has destroyed this source when it is not wanted */
}

static gboolean
turn_comes (gpointer data)
{
  Link *link = data;

  drop_watch (link);
  pump (link);
  return G_SOURCE_REMOVE;
}

/* 0: the connection's next turn. */
static void
watch (Link *link, GIOCondition condition)
{
  if (link->source != NULL && condition != 0 && link->watched == condition)
    return;
  drop_watch (link);
  link->watched = condition;
  if (condition != 0) {
    link->source = g_socket_create_source (link->socket, condition, NULL);
    g_source_set_callback (link->source, G_SOURCE_FUNC (socket_ready), link, NULL);
  } else {
    link->source = g_idle_source_new ();
    g_source_set_priority (link->source, G_PRIORITY_DEFAULT);
    g_source_set_callback (link->source, turn_comes, link, NULL);
  }
  g_source_attach (link->source, link->http->context);
}

/* However the exchange ended. */
static void
exchange_over (Link *link, gboolean answered)
{
  HeHttp *http = link->http;
  HeRequest *request = g_steal_pointer (&link->request);

  http->bodies -= link->body_len;
  link->body_len = link->body_got = 0;
  g_clear_pointer (&link->body, g_free);
  if (link->out != NULL)
    g_string_free (g_steal_pointer (&link->out), TRUE);
  if (request == NULL)
    return;
  request->link = NULL;
  http->funcs->finished (link->refused ? NULL : request, answered ? request->status : 0,
                         link->sent, http->user_data);
  link->sent = 0;
  he_request_unref (request);
}

static void
link_close (Link *link)
{
  exchange_over (link, FALSE);
  drop_watch (link);
  g_clear_pointer (&link->in, g_byte_array_unref);
  g_hash_table_remove (link->http->links, link);
  he_connection_close (link->connection);
  g_free (link);
}

static void
answered (HeRequest *request, gpointer data)
{
  Link *link = data;

  link->out = he_request_render_head (request, link->keep_alive,
                                      g_get_real_time () / G_USEC_PER_SEC);
  link->out_done = 0;
  link->state = WRITING;
  pump (link); /* does nothing when it is what called the handler */
}

/* The answer goes out, and then nothing on this connection is believed any more. */
static void
refuse (Link *link, HeHead *head, guint status, const char *why)
{
  g_autofree char *text = g_strdup_printf ("%s\n", why);

  if (head == NULL) { /* unreadable: as if it had been a GET */
    head = g_new0 (HeHead, 1);
    head->method = "GET";
    head->path = "/";
    head->http11 = TRUE;
  }
  link->refused = TRUE;
  link->keep_alive = FALSE;
  link->request
      = he_request_new (head, he_connection_address (link->connection), answered, link);
  he_connection_set_deadline (link->connection, EXCHANGE_SECONDS);
  he_request_respond_text (link->request, status, text);
}

static void
handle (Link *link)
{
  HeHttp *http = link->http;
  g_autoptr (HeRequest) request = he_request_ref (link->request);

  if (link->body != NULL) {
    g_bytes_unref (request->body);
    request->body = g_bytes_new_take (g_steal_pointer (&link->body), link->body_len);
  }
  link->state = HANDLING;
  http->funcs->handle (request, http->user_data);
}

static void
start_body (Link *link, const HeHead *head)
{
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

  link->body_len = head->content_length;
  link->body = g_malloc (link->body_len);
  link->body_got = 0;
  link->http->bodies += link->body_len;
  link->state = READING_BODY;
  if (head->expect_continue && link->in == NULL)
    g_socket_send_with_blocking (link->socket, go_on, strlen (go_on), FALSE, NULL, NULL);
}

static void
take_from_input (Link *link, gsize len)
{
  g_byte_array_remove_range (link->in, 0, (guint)len);
  if (link->in->len == 0)
    g_clear_pointer (&link->in, g_byte_array_unref);
}

static void
start_request (Link *link, gsize head_len)
{
  HeHttp *http = link->http;
  const char *why = NULL;
  guint status = 0;
  HeHead *head = he_head_parse ((const char *)link->in->data, head_len, &status, &why);
  guint64 limit;

  take_from_input (link, head_len);
  if (head == NULL) {
    refuse (link, NULL, status, why);
    return;
  }
  limit = http->funcs->body_limit (head->method, head->path, http->user_data);
  if (head->content_length > limit) {
    refuse (link, head, 413,
            limit == 0 ? "this request takes no body" : "body too large");
    return;
  }
  if (http->bodies + head->content_length > MAX_BODIES) {
    refuse (link, head, 503, "too many bodies at once");
    return;
  }
  he_connection_set_deadline (link->connection, EXCHANGE_SECONDS);
  link->keep_alive = head->keep_alive;
  link->request
      = he_request_new (head, he_connection_address (link->connection), answered, link);
  if (head->content_length > 0)
    start_body (link, head);
  else
    handle (link);
}

/* Bytes read, 0 when there are none now, -1 when the connection has ended. */
static gssize
receive (Link *link, void *buffer, gsize len)
{
  g_autoptr (GError) error = NULL;
  gssize n
      = g_socket_receive_with_blocking (link->socket, buffer, len, FALSE, NULL, &error);

  if (n > 0)
    return n;
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ? 0 : -1;
}

/* Length of the head at the start of the input, 0 when it is not complete. */
static gsize
find_head (Link *link)
{
  const guint8 *end;

  /* One empty line ahead of a request is to be ignored (RFC 9112 section 2.2). */
  if (link->in != NULL && link->in->len >= 2 && memcmp (link->in->data, "\r\n", 2) == 0)
    take_from_input (link, 2);
  if (link->in == NULL)
    return 0;
  end = memmem (link->in->data, link->in->len, "\r\n\r\n", 4);
  return end != NULL ? (gsize)(end - link->in->data) + 4 : 0;
}

/* The steps return TRUE to go on, FALSE when they wait for what they watch. A link that
 * has closed is told by *ret_open. */
static gboolean
step_head (Link *link, gboolean *ret_open)
{
  HeHttp *http = link->http;
  gsize len = find_head (link);
  gssize n;

  if (len > 0 && len <= HE_FRONT_MAX_HEAD) {
    start_request (link, len);
    return TRUE;
  }
  if (link->in != NULL && link->in->len > HE_FRONT_MAX_HEAD) {
    refuse (link, NULL, 431, "head too large");
    return TRUE;
  }
  n = receive (link, http->scratch, sizeof http->scratch);
  if (n == 0) {
    watch (link, G_IO_IN);
    return FALSE;
  }
  if (n < 0) {
    link_close (link);
    return *ret_open = FALSE;
  }
  if (link->in == NULL) {
    link->in = g_byte_array_new ();
    he_connection_set_deadline (link->connection,
                                he_connection_head_seconds (link->connection));
  }
  g_byte_array_append (link->in, (guint8 *)http->scratch, (guint)n);
  return TRUE;
}

static gboolean
step_body (Link *link, gboolean *ret_open)
{
  gsize want = link->body_len - link->body_got;
  gssize n;

  if (want == 0) {
    handle (link);
    return TRUE;
  }
  if (link->in != NULL) {
    n = (gssize)MIN (want, link->in->len);
    memcpy (link->body + link->body_got, link->in->data, (gsize)n);
    take_from_input (link, (gsize)n);
  } else
    n = receive (link, link->body + link->body_got, want);
  if (n == 0) {
    watch (link, G_IO_IN);
    return FALSE;
  }
  if (n < 0) {
    link_close (link);
    return *ret_open = FALSE;
  }
  link->body_got += (gsize)n;
  return TRUE;
}

static void
exchange_written (Link *link)
{
  gboolean keep = link->keep_alive, refused = link->refused;

  exchange_over (link, TRUE);
  link->refused = FALSE;
  if (keep) {
    link->state = READING_HEAD;
    he_connection_set_deadline (link->connection, IDLE_SECONDS);
    return;
  }
  g_socket_shutdown (link->socket, FALSE, TRUE, NULL);
  link->state = LINGERING;
  link->lingered = 0;
  he_connection_set_deadline (link->connection, refused ? LINGER_SECONDS : 1);
}

static gboolean
step_write (Link *link, gboolean *ret_open)
{
  g_autoptr (GError) error = NULL;
  GBytes *answer = link->request->answer;
  gsize size = 0, rest = link->out->len - link->out_done, n_vectors = 0;
  const char *data = answer != NULL ? g_bytes_get_data (answer, &size) : NULL;
  GOutputVector vectors[2];
  gssize n;

  if (rest > 0)
    vectors[n_vectors++] = (GOutputVector) { link->out->str + link->out_done, rest };
  if (size > link->sent)
    vectors[n_vectors++] = (GOutputVector) { data + link->sent, size - link->sent };
  if (n_vectors == 0) {
    exchange_written (link);
    return TRUE;
  }
  n = g_socket_send_message (link->socket, NULL, vectors, (gint)n_vectors, NULL, 0, 0,
                             NULL, &error);
  if (n < 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
    watch (link, G_IO_OUT);
    return FALSE;
  }
  if (n < 0) {
    link_close (link);
    return *ret_open = FALSE;
  }
  link->out_done += MIN ((gsize)n, rest);
  link->sent += (gsize)n - MIN ((gsize)n, rest);
  return TRUE;
}

static gboolean
step_linger (Link *link, gboolean *ret_open)
{
  HeHttp *http = link->http;
  gssize n = receive (link, http->scratch, sizeof http->scratch);

  link->lingered += n > 0 ? (guint64)n : 0;
  if (n < 0 || link->lingered > LINGER_BYTES) {
    link_close (link);
    return *ret_open = FALSE;
  }
  if (n == 0)
    watch (link, G_IO_IN);
  return n > 0;
}

/* Goes on with the connection until it has to wait. */
static void
pump (Link *link)
{
  gboolean open = TRUE, more = TRUE;
  guint turns = 0;

  if (link->pumping)
    return;
  link->pumping = TRUE;
  while (more)
    switch (link->state) {
      case READING_HEAD:
        if (turns++ == TURN) {
          watch (link, 0);
          more = FALSE;
        } else
          more = step_head (link, &open);
        break;
      case READING_BODY:
        more = step_body (link, &open);
        break;
      case HANDLING:
        drop_watch (link);
        more = FALSE;
        break;
      case WRITING:
        more = step_write (link, &open);
        break;
      case LINGERING:
        more = step_linger (link, &open);
        break;
    }
  if (open)
    link->pumping = FALSE;
}

static void
connection_accepted (HeConnection *connection, gpointer data)
{
  HeHttp *http = data;
  Link *link = g_new0 (Link, 1);

  link->http = http;
  link->connection = connection;
  link->socket = he_connection_socket (connection);
  he_connection_set_data (connection, link);
  g_hash_table_add (http->links, link);
  watch (link, G_IO_IN);
}

static void
connection_expired (HeConnection *connection, gpointer data)
{
  link_close (he_connection_data (connection));
}

HeHttp *
he_http_new (HeListener *listener, const HeHttpFuncs *funcs, gpointer user_data)
{
  static const HeListenerFuncs listener_funcs
      = { connection_accepted, connection_expired };
  HeHttp *http = g_new0 (HeHttp, 1);

  http->listener = listener;
  http->context = g_main_context_ref_thread_default ();
  http->funcs = funcs;
  http->user_data = user_data;
  http->links = g_hash_table_new (NULL, NULL);
  he_listener_start (listener, &listener_funcs, http);
  return http;
}

void
he_http_free (HeHttp *http)
{
  g_autoptr (GList) links = NULL;

  if (http == NULL)
    return;
  links = g_hash_table_get_keys (http->links);
  for (GList *l = links; l != NULL; l = l->next)
    link_close (l->data);
  he_listener_free (http->listener);
  g_hash_table_unref (http->links);
  g_main_context_unref (http->context);
  g_free (http);
}

HeListener *
he_http_listener (HeHttp *http)
{
  return http->listener;
}
