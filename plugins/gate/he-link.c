/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-link.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "he-intake.h"
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
/* Requests that one connection may have answered before the others get their turn. */
#define TURN 8

typedef enum {
  READING_HEAD,
  READING_BODY,
  HANDLING, /* until the answer is there */
  WRITING,
  LINGERING, /* answered; what still comes is thrown away */
} State;

struct _HeLink {
  HeSocket socket; /* first; the connection's */
  HePart *part;
  HeGroup *group; /* or NULL */
  HeConnection *connection;
  State state;
  gboolean pumping;
  gboolean drained; /* the last read took all there was */
  gint64 begun, deadline; /* of what it waits for */
  HeIntake in; /* read, not yet understood */
  HeRequest *request;
  gboolean refused, keep_alive;
  guint8 *body;
  gsize body_len, body_got;
  GString *out; /* head of the answer */
  gsize out_done;
  guint64 sent, lingered;
};

static void
set_deadline (HeLink *link, guint seconds)
{
  link->begun = he_sockets_now (link->part->sockets);
  link->deadline = link->begun + (gint64)seconds * G_USEC_PER_SEC;
}

static void
watch (HeLink *link, guint32 events)
{
  if (!he_sockets_watch (link->part->sockets, &link->socket, events))
    link->deadline = 0; /* swept soon */
}

/* Until then nothing need be asked of the socket. */
static void
await (HeLink *link, guint32 events)
{
  link->drained = FALSE;
  watch (link, events);
}

/* The others first. */
static void
wait_turn (HeLink *link)
{
  watch (link, 0);
  he_sockets_again (link->part->sockets, &link->socket);
}

/* However the exchange ended. */
static void
exchange_over (HeLink *link, gboolean answered)
{
  HePart *part = link->part;
  HeRequest *request = g_steal_pointer (&link->request);

  if (link->state == HANDLING && !answered)
    he_request_count (request, link->in.held, link->body_len);
  __atomic_fetch_sub (&part->budget->bodies, link->body_len, __ATOMIC_RELAXED);
  link->body_len = link->body_got = 0;
  g_clear_pointer (&link->body, g_free);
  if (link->out != NULL)
    g_string_free (g_steal_pointer (&link->out), TRUE);
  if (request == NULL)
    return;
  request->link = NULL;
  he_intake_let_go (&link->in, &part->budget->heads);
  part->funcs->finished (link->refused ? NULL : request, answered ? request->status : 0,
                         link->sent, part->user_data);
  link->sent = 0;
  he_request_unref (request);
}

void
he_link_close (HeLink *link, gboolean expired)
{
  HePart *part = link->part;

  exchange_over (link, FALSE);
  he_sockets_forget (part->sockets, &link->socket);
  he_intake_clear (&link->in, &part->budget->heads);
  g_hash_table_remove (part->links, link);
  g_atomic_int_dec_and_test (&part->open);
  if (link->group != NULL) {
    g_atomic_int_dec_and_test (&link->group->open);
    g_atomic_rc_box_release (link->group);
  }
  he_connection_close (link->connection, expired);
  g_free (link);
}

gint64
he_link_deadline (const HeLink *link)
{
  return link->deadline;
}

gboolean
he_link_waits (const HeLink *link, gint64 since)
{
  return link->state == READING_HEAD && link->begun < since;
}

static void pump (HeLink *link);

void
he_link_answered (HeLink *link, HeRequest *request)
{
  link->out = he_request_render_head (request, link->keep_alive,
                                      g_get_real_time () / G_USEC_PER_SEC);
  link->out_done = 0;
  link->state = WRITING;
  pump (link); /* does nothing when it is what called the handler */
}

static void
begin_request (HeLink *link, HeHead *head)
{
  HePart *part = link->part;

  link->request
      = he_request_new (head, he_connection_address (link->connection), part, link);
  if (part->funcs->begun != NULL)
    part->funcs->begun (link->request, part->user_data);
}

/* The answer goes out, and then nothing on this connection is believed any more. head NULL:
 * what came is unreadable, and an answer to HEAD has no body even so. */
static void
refuse (HeLink *link, HeHead *head, guint status, const char *why)
{
  g_autofree char *text = g_strdup_printf ("%s\n", why);

  if (head == NULL) {
    gboolean is_head = link->in.len >= 5 && memcmp (link->in.bytes, "HEAD ", 5) == 0;

    head = g_new0 (HeHead, 1);
    head->method = is_head ? "HEAD" : "GET";
    head->path = "/";
    head->http11 = TRUE;
  }
  link->refused = TRUE;
  link->keep_alive = FALSE;
  begin_request (link, head);
  set_deadline (link, EXCHANGE_SECONDS);
  he_request_respond_text (link->request, status, text);
}

static void
handle (HeLink *link)
{
  HePart *part = link->part;
  g_autoptr (HeRequest) request = he_request_ref (link->request);

  if (link->body != NULL) {
    request->body = g_bytes_new_take (g_steal_pointer (&link->body), link->body_len);
  }
  link->state = HANDLING;
  part->funcs->handle (request, part->user_data);
}

static void
start_body (HeLink *link, const HeHead *head)
{
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

  link->body_len = head->content_length;
  link->body = g_malloc (link->body_len);
  link->body_got = 0;
  __atomic_fetch_add (&link->part->budget->bodies, link->body_len, __ATOMIC_RELAXED);
  link->state = READING_BODY;
  if (head->expect_continue && link->in.len == 0)
    send (link->socket.fd, go_on, strlen (go_on), MSG_NOSIGNAL);
}

static void
start_request (HeLink *link, gsize head_len)
{
  HePart *part = link->part;
  const char *why = NULL;
  guint status = 0;
  HeHead *head = he_head_parse (link->in.bytes, head_len, &status, &why);
  guint64 limit;

  if (head == NULL) {
    refuse (link, NULL, status, why);
    return;
  }
  if (!he_intake_hold_head (&link->in, head_len, &part->budget->heads)) {
    refuse (link, head, 503, "too many long heads at once");
    return;
  }
  limit = part->funcs->body_limit (head->method, head->path, part->user_data);
  if (head->content_length > limit) {
    refuse (link, head, 413,
            limit == 0 ? "this request takes no body" : "body too large");
    return;
  }
  if (__atomic_load_n (&part->budget->bodies, __ATOMIC_RELAXED) + head->content_length
      > MAX_BODIES) {
    refuse (link, head, 503, "too many bodies at once");
    return;
  }
  set_deadline (link, EXCHANGE_SECONDS);
  link->keep_alive = head->keep_alive;
  begin_request (link, head);
  if (head->content_length > 0)
    start_body (link, head);
  else
    handle (link);
}

/* Bytes read, 0 when there are none now, -1 when the connection has ended. */
static gssize
receive (HeLink *link, void *buffer, gsize len)
{
  gssize n;

  do
    n = recv (link->socket.fd, buffer, len, 0);
  while (n < 0 && errno == EINTR);
  link->drained = n < (gssize)len;
  if (n > 0)
    return n;
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

/* The steps return TRUE to go on, FALSE when they wait for what they watch. A link that
 * has closed is told by *ret_open. */
static gboolean
step_head (HeLink *link, gboolean *ret_open)
{
  HePart *part = link->part;
  const char *why = NULL;
  guint status;
  gsize len = he_intake_find_head (&link->in, &part->budget->heads, &status, &why);
  gssize n;

  if (len > 0) {
    start_request (link, len);
    return TRUE;
  }
  if (status != 0) {
    refuse (link, NULL, status, why);
    return TRUE;
  }
  n = link->drained ? 0 : receive (link, part->scratch, sizeof part->scratch);
  if (n == 0) {
    await (link, EPOLLIN);
    return FALSE;
  }
  if (n < 0) {
    he_link_close (link, FALSE);
    return *ret_open = FALSE;
  }
  if (link->in.len == 0 && !link->in.blank)
    set_deadline (link, he_connection_head_seconds (link->connection));
  if (!he_intake_add (&link->in, part->scratch, (gsize)n, &part->budget->heads))
    refuse (link, NULL, 503, "too many long heads at once");
  return TRUE;
}

static gboolean
step_body (HeLink *link, gboolean *ret_open)
{
  gsize want = link->body_len - link->body_got;
  gssize n;

  if (want == 0) {
    handle (link);
    return TRUE;
  }
  if (link->in.len > 0) {
    n = (gssize)MIN (want, link->in.len);
    memcpy (link->body + link->body_got, link->in.bytes, (gsize)n);
    he_intake_drop (&link->in, (gsize)n, &link->part->budget->heads);
  } else
    n = receive (link, link->body + link->body_got, want);
  if (n == 0) {
    await (link, EPOLLIN);
    return FALSE;
  }
  if (n < 0) {
    he_link_close (link, FALSE);
    return *ret_open = FALSE;
  }
  link->body_got += (gsize)n;
  return TRUE;
}

static void
exchange_written (HeLink *link)
{
  gboolean keep = link->keep_alive, refused = link->refused;

  exchange_over (link, TRUE);
  link->refused = FALSE;
  if (keep) {
    link->state = READING_HEAD;
    set_deadline (link, IDLE_SECONDS);
    return;
  }
  shutdown (link->socket.fd, SHUT_WR);
  link->state = LINGERING;
  link->lingered = 0;
  set_deadline (link, refused ? LINGER_SECONDS : 1);
}

/* Bytes that the socket took of the answer, or -1. */
static gssize
send_answer (HeLink *link)
{
  const HeRequest *request = link->request;
  gsize size = 0, rest = link->out->len - link->out_done;
  const char *data
      = request->answer != NULL ? g_bytes_get_data (request->answer, &size) : NULL;
  gboolean from_file = size > 0 && request->file >= 0;
  struct iovec vectors[] = {
    { link->out->str + link->out_done, rest },
    { (char *)data + link->sent, from_file ? 0 : size - link->sent },
  };
  struct msghdr message = { .msg_iov = vectors, .msg_iovlen = 2 };
  off_t offset = request->offset + (gint64)link->sent;

  if (size == 0)
    return send (link->socket.fd, vectors[0].iov_base, rest, MSG_NOSIGNAL);
  if (from_file && rest == 0)
    return sendfile (link->socket.fd, request->file, &offset, size - link->sent);
  return sendmsg (link->socket.fd, &message, MSG_NOSIGNAL | (from_file ? MSG_MORE : 0));
}

static gboolean
step_write (HeLink *link, gboolean *ret_open)
{
  GBytes *answer = link->request->answer;
  gsize rest = link->out->len - link->out_done;
  gssize n;

  if (rest == 0 && (answer == NULL || link->sent == g_bytes_get_size (answer))) {
    exchange_written (link);
    return TRUE;
  }
  do
    n = send_answer (link);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    await (link, EPOLLOUT);
    return FALSE;
  }
  if (n <= 0) {
    he_link_close (link, FALSE);
    return *ret_open = FALSE;
  }
  link->out_done += MIN ((gsize)n, rest);
  link->sent += (gsize)n - MIN ((gsize)n, rest);
  return TRUE;
}

static gboolean
step_linger (HeLink *link, gboolean *ret_open)
{
  HePart *part = link->part;
  gssize n = receive (link, part->scratch, sizeof part->scratch);

  link->lingered += n > 0 ? (guint64)n : 0;
  if (n < 0 || link->lingered > LINGER_BYTES) {
    he_link_close (link, FALSE);
    return *ret_open = FALSE;
  }
  if (n == 0)
    await (link, EPOLLIN);
  return n > 0;
}

/* Goes on with the connection until it has to wait; may close it. */
static void
pump (HeLink *link)
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
          wait_turn (link);
          more = FALSE;
        } else
          more = step_head (link, &open);
        break;
      case READING_BODY:
        more = step_body (link, &open);
        break;
      case HANDLING:
        watch (link, 0);
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
ready (HeSocket *socket)
{
  pump ((HeLink *)socket);
}

void
he_link_open (HePart *part, HeGroup *group, HeConnection *connection)
{
  HeLink *link = g_new0 (HeLink, 1);

  link->part = part;
  link->group = group;
  link->connection = connection;
  link->socket.fd = he_connection_socket (connection);
  link->socket.ready = ready;
  set_deadline (link, he_connection_head_seconds (connection));
  g_hash_table_add (part->links, link);
  pump (link);
}
