/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-crowd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "he-error.h"
#include "he-secret.h"
#include "load-viewer.h"

#define ANSWER_US (10 * G_USEC_PER_SEC)
#define LOOK_US 10000 /* how often everybody is asked whether it is time */
#define EVENTS 256
#define SCRATCH (256 * 1024)
#define FILES_BESIDES 64

typedef struct {
  struct sockaddr_storage address;
  socklen_t len;
  char *host; /* as the field Host has it */
} Edge;

typedef struct {
  HeadendLoadViewer viewer;
  HeadendAnswer answer;
  guint number;
  int socket;       /* -1: none */
  gboolean asking;  /* a request is out, or on its way */
  gboolean writing; /* what epoll watches for */
  gboolean used;    /* the connection has answered before */
  GString *out;
  gint64 wake, deadline;
} Member;

struct _HeadendCrowd {
  HeadendCrowdOptions options;
  char *channel;
  Edge *edges;
  guint n_edges;
  int epoll;
  HeadendShelf *shelf;
  HeadendLoadTally tally;
  Member *members; /* options.viewers; those that have come are the first */
  guint here;
  GError *failure; /* of a token */
  char scratch[SCRATCH];
};

static void pump (HeadendCrowd *crowd, Member *member, gint64 now);

static void
hang_up (Member *member)
{
  if (member->socket >= 0)
    close (member->socket); /* epoll forgets it */
  member->socket = -1;
  member->used = FALSE;
}

static void
watch (HeadendCrowd *crowd, Member *member, int operation, gboolean writing)
{
  struct epoll_event event
      = { .events = writing ? EPOLLOUT : EPOLLIN, .data.ptr = member };
  epoll_ctl (crowd->epoll, operation, member->socket, &event);
  member->writing = writing;
}

/* So that a limit for each address does not count the crowd as one. */
static void
bind_own (const Edge *edge, int fd, guint number)
{
  const struct sockaddr_in *to = (const struct sockaddr_in *)&edge->address;
  struct sockaddr_in from = { .sin_family = AF_INET };
  if (to->sin_family != AF_INET || (ntohl (to->sin_addr.s_addr) >> 24) != 127)
    return;
  from.sin_addr.s_addr = htonl (0x7f400001u + number);
  /* The connection fails, and is counted, where this does. */
  setsockopt (fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int) { 1 }, sizeof (int));
  bind (fd, (struct sockaddr *)&from, sizeof from);
}

static gboolean
dial (HeadendCrowd *crowd, Member *member)
{
  const Edge *edge = &crowd->edges[member->number % crowd->n_edges];
  member->socket
      = socket (edge->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (member->socket < 0)
    return FALSE;
  bind_own (edge, member->socket, member->number);
  setsockopt (member->socket, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof (int));
  if (connect (member->socket, (const struct sockaddr *)&edge->address, edge->len) < 0
      && errno != EINPROGRESS) {
    hang_up (member);
    return FALSE;
  }
  watch (crowd, member, EPOLL_CTL_ADD, TRUE);
  return TRUE;
}

/* CTA-5004: what a player says of itself. */
static void
add_cmcd (const HeadendCrowd *crowd, Member *member, gint64 now)
{
  const HeadendLoadViewer *viewer = &member->viewer;
  gint64 buffer = headend_load_viewer_buffer (viewer, now) / 1000;
  g_string_append_printf (member->out,
                          "CMCD-Object: d=%d,ot=%c\r\nCMCD-Request: bl=%d\r\n"
                          "CMCD-Session: cid=\"%s\",sf=h,sid=\"load-%u\",st=l\r\n%s",
                          (int)(viewer->duration / 1000), viewer->track == 0 ? 'v' : 'a',
                          (int)(buffer / 100 * 100), crowd->channel, member->number,
                          viewer->playing && buffer == 0 ? "CMCD-Status: bs\r\n" : "");
}

static gboolean
write_request (HeadendCrowd *crowd, Member *member, gint64 now)
{
  const HeadendLoadViewer *viewer = &member->viewer;
  const Edge *edge = &crowd->edges[member->number % crowd->n_edges];
  g_string_truncate (member->out, 0);
  if (viewer->path) {
    g_string_append_printf (member->out, "GET %s", viewer->path);
  } else {
    char *token = crowd->options.token (member->number, crowd->options.user_data,
                                        &crowd->failure);
    if (!token)
      return FALSE;
    g_string_append_printf (member->out, "GET /live/%s/main.m3u8?URISigningPackage=%s%s",
                            crowd->channel, token,
                            crowd->options.path ? "&transport=path" : "");
    he_string_wipe_free (token);
  }
  g_string_append_printf (member->out, " HTTP/1.1\r\nHost: %s\r\n", edge->host);
  if (viewer->cookie)
    g_string_append_printf (member->out, "Cookie: %s\r\n", viewer->cookie);
  if (viewer->kind == HEADEND_ASK_SEGMENT)
    add_cmcd (crowd, member, now);
  g_string_append (member->out, "User-Agent: headend-load\r\n\r\n");
  return TRUE;
}

static void
fail (HeadendCrowd *crowd, Member *member, guint reason, gint64 now)
{
  hang_up (member);
  member->asking = FALSE;
  headend_load_viewer_failed (&member->viewer, reason, now);
  member->wake = member->viewer.quiet_until;
}

/* A kept connection that the server has closed meanwhile: asked again on a new one. */
static gboolean
ask_again (HeadendCrowd *crowd, Member *member, gint64 now)
{
  if (!member->used || member->answer.line || member->answer.status)
    return FALSE;
  hang_up (member);
  headend_answer_begin (&member->answer, headend_load_viewer_reads (&member->viewer));
  return write_request (crowd, member, now) && dial (crowd, member);
}

static void
begin (HeadendCrowd *crowd, Member *member, gint64 now)
{
  if (!headend_load_viewer_next (&member->viewer, now, &member->wake))
    return;
  if (!write_request (crowd, member, now))
    return;
  member->asking = TRUE;
  member->deadline = now + ANSWER_US;
  headend_answer_begin (&member->answer, headend_load_viewer_reads (&member->viewer));
  if (member->socket < 0 && !dial (crowd, member)) {
    fail (crowd, member, HEADEND_LOAD_REFUSED, now);
    return;
  }
  if (member->used)
    pump (crowd, member, now);
}

/* The request, as far as the connection takes it. FALSE: it is of no use. */
static gboolean
send_out (HeadendCrowd *crowd, Member *member)
{
  while (member->out->len > 0) {
    gssize n = send (member->socket, member->out->str, member->out->len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno != EAGAIN)
      return FALSE;
    if (n < 0) {
      if (!member->writing)
        watch (crowd, member, EPOLL_CTL_MOD, TRUE);
      return TRUE;
    }
    g_string_erase (member->out, 0, n);
  }
  if (member->writing)
    watch (crowd, member, EPOLL_CTL_MOD, FALSE);
  return TRUE;
}

/* Bytes taken, 0: none now, -1: closed. What is only counted is never copied here. */
static gssize
receive (HeadendCrowd *crowd, Member *member)
{
  HeadendAnswer *answer = &member->answer;
  guint64 blind = headend_answer_blind (answer);
  gssize n;
  do
    n = recv (member->socket, crowd->scratch,
              blind > 0 ? (gsize)MIN (blind, SCRATCH) : SCRATCH,
              blind > 0 ? MSG_TRUNC : 0);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN)
    return 0;
  if (n <= 0)
    return -1;
  if (blind > 0)
    headend_answer_skip (answer, (guint64)n);
  else if (headend_answer_push (answer, crowd->scratch, (gsize)n) < (gsize)n)
    headend_answer_break (answer); /* more than was asked for */
  return n;
}

static void
answered (HeadendCrowd *crowd, Member *member, gint64 now)
{
  member->asking = FALSE;
  member->used = TRUE;
  if (member->answer.closes)
    hang_up (member);
  headend_load_viewer_answered (&member->viewer, &member->answer, now);
  headend_answer_clear (&member->answer);
  member->wake = now;
}

static void
pump (HeadendCrowd *crowd, Member *member, gint64 now)
{
  HeadendAnswer *answer = &member->answer;
  gssize n = 1;
  if (!member->asking) { /* what comes unasked is an end */
    hang_up (member);
    return;
  }
  gboolean open = send_out (crowd, member);
  while (open && n > 0 && member->out->len == 0 && answer->state < HEADEND_ANSWER_DONE)
    n = receive (crowd, member);
  open &= n >= 0 || headend_answer_closed (answer);
  if (answer->state == HEADEND_ANSWER_DONE)
    answered (crowd, member, now);
  else if ((!open || answer->state == HEADEND_ANSWER_BROKEN)
           && !ask_again (crowd, member, now))
    fail (crowd, member,
          member->used || answer->status ? HEADEND_LOAD_BROKEN : HEADEND_LOAD_REFUSED,
          now);
}

static void
look_around (HeadendCrowd *crowd, gint64 now)
{
  for (guint i = 0; i < crowd->here; i++) {
    Member *member = &crowd->members[i];
    if (member->asking) {
      if (now >= member->deadline)
        fail (crowd, member, HEADEND_LOAD_TIMEOUT, now);
      continue;
    }
    if (now < member->wake)
      continue;
    if (member->wake > 0)
      headend_times_add (&crowd->tally.late, now - member->wake);
    begin (crowd, member, now);
  }
}

static void
come (HeadendCrowd *crowd)
{
  Member *member = &crowd->members[crowd->here];
  *member = (Member) { .number = crowd->here, .socket = -1 };
  member->out = g_string_new (NULL);
  headend_load_viewer_init (&member->viewer, crowd->channel, crowd->shelf, &crowd->tally);
  crowd->here++;
}

static void
wait_events (HeadendCrowd *crowd)
{
  struct epoll_event events[EVENTS];
  int n = epoll_wait (crowd->epoll, events, EVENTS, LOOK_US / 1000);
  for (int i = 0; i < n; i++) {
    Member *member = events[i].data.ptr;
    gint64 now = g_get_monotonic_time ();
    if (member->socket < 0)
      continue;
    pump (crowd, member, now);
    if (!member->asking && member->wake == now)
      begin (crowd, member, now);
  }
}

gboolean
headend_crowd_run (HeadendCrowd *crowd, guint viewers, gint64 us,
                   HeadendLoadTally *ret_tally, GError **error)
{
  gint64 start = g_get_monotonic_time (), now = start, looked = 0;
  guint before = crowd->here, more = viewers > before ? viewers - before : 0;
  memset (&crowd->tally, 0, sizeof crowd->tally);
  while (now < start + us && !*crowd->options.interrupted && !crowd->failure) {
    while (crowd->here < before + more
           && (crowd->here - before) * (us / 2) <= (now - start) * more)
      come (crowd);
    if (now - looked >= LOOK_US) {
      look_around (crowd, now);
      looked = now;
    }
    wait_events (crowd);
    now = g_get_monotonic_time ();
  }
  for (guint i = 0; i < crowd->here; i++)
    headend_load_viewer_settle (&crowd->members[i].viewer, now);
  crowd->tally.viewers = crowd->here;
  crowd->tally.elapsed = now - start;
  *ret_tally = crowd->tally;
  if (!crowd->failure)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&crowd->failure));
  return FALSE;
}

gint64
headend_crowd_duration (const HeadendCrowd *crowd)
{
  gint64 longest = 0;
  for (guint i = 0; i < crowd->here; i++)
    longest = MAX (longest, crowd->members[i].viewer.duration);
  return longest;
}

static gboolean
resolve (const char *url, Edge *ret_edge, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  if (!uri || strcmp (g_uri_get_scheme (uri), "http") != 0 || !g_uri_get_host (uri)
      || g_uri_get_userinfo (uri)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "edge %s: expected http://HOST:PORT; TLS is not spoken here", url);
    return FALSE;
  }
  int port = g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : 80;
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  GList *found = g_resolver_lookup_by_name (resolver, g_uri_get_host (uri), NULL, error);
  if (!found)
    return FALSE;
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (found->data, port);
  g_resolver_free_addresses (found);
  ret_edge->len = (socklen_t)g_socket_address_get_native_size (address);
  ret_edge->host = g_strdup (url + strlen ("http://"));
  ret_edge->host[strcspn (ret_edge->host, "/?#")] = '\0';
  return g_socket_address_to_native (address, &ret_edge->address,
                                     sizeof ret_edge->address, error);
}

static gboolean
allow_files (guint viewers, GError **error)
{
  struct rlimit limit;
  rlim_t need = (rlim_t)viewers + FILES_BESIDES;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < need) {
    limit.rlim_cur = MIN (need, limit.rlim_max);
    setrlimit (RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= need)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
               "%u viewers need %u open files, and %" G_GUINT64_FORMAT
               " are allowed; raise it with `ulimit -n`",
               viewers, (guint)need, (guint64)limit.rlim_cur);
  return FALSE;
}

HeadendCrowd *
headend_crowd_new (const HeadendCrowdOptions *options, GError **error)
{
  HeadendCrowd *crowd = g_new0 (HeadendCrowd, 1);
  crowd->options = *options;
  crowd->channel = g_strdup (options->channel);
  crowd->n_edges = g_strv_length ((char **)options->edges);
  crowd->edges = g_new0 (Edge, crowd->n_edges);
  crowd->members = g_new0 (Member, options->viewers);
  crowd->shelf = headend_shelf_new ();
  crowd->epoll = epoll_create1 (EPOLL_CLOEXEC);
  gboolean ok = allow_files (options->viewers, error);
  for (guint i = 0; ok && i < crowd->n_edges; i++)
    ok = resolve (options->edges[i], &crowd->edges[i], error);
  if (!ok)
    g_clear_pointer (&crowd, headend_crowd_free);
  return crowd;
}

void
headend_crowd_free (HeadendCrowd *crowd)
{
  if (!crowd)
    return;
  for (guint i = 0; i < crowd->here; i++) {
    Member *member = &crowd->members[i];
    hang_up (member);
    headend_answer_clear (&member->answer);
    headend_load_viewer_clear (&member->viewer);
    he_string_wipe_free (g_string_free (member->out, FALSE));
  }
  for (guint i = 0; i < crowd->n_edges; i++)
    g_free (crowd->edges[i].host);
  close (crowd->epoll);
  headend_shelf_free (crowd->shelf);
  g_free (crowd->edges);
  g_free (crowd->members);
  g_free (crowd->channel);
  g_free (crowd);
}
