/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "he-error.h"

#define MAX_PEERS 32
#define MAX_WAITING 20000
#define MAX_DATAGRAM 2048
#define IDLE_US (30 * G_USEC_PER_SEC)
#define BURST 64 /* datagrams of one socket before the others get their turn */

/* Who sends to us has a socket of his own to the target, as behind NAT. */
typedef struct {
  struct sockaddr_in address;
  int socket;
  gint64 heard;
} Peer;

typedef struct {
  gint64 due;
  struct sockaddr_in to;
  int from; /* socket that sends it */
  gsize len;
  guint8 data[];
} Datagram;

struct _HeadendRelay {
  int socket;
  struct sockaddr_in target;
  GThread *thread;
  gint stop; /* atomic */
  GMutex lock;
  HeadendImpairment impairment; /* by lock */
  HeadendRelayCount count;      /* by lock */
  /* Of the thread: */
  HeadendDice dice;
  Peer peers[MAX_PEERS];
  guint n_peers;
  GSequence *waiting; /* Datagram, by due */
};

static int
by_due (gconstpointer a, gconstpointer b, gpointer user)
{
  gint64 left = ((const Datagram *)a)->due, right = ((const Datagram *)b)->due;
  return (left > right) - (left < right);
}

static void
decide (HeadendRelay *relay, int from, const struct sockaddr_in *to, const guint8 *data,
        gsize len)
{
  gint64 delays[HEADEND_COPIES], now = g_get_monotonic_time ();
  g_mutex_lock (&relay->lock);
  guint copies = headend_fate (&relay->dice, &relay->impairment, delays);
  relay->count.taken++;
  relay->count.lost += copies == 0;
  relay->count.doubled += copies == 2;
  relay->count.delayed += copies > 0 && delays[0] > 0;
  g_mutex_unlock (&relay->lock);
  for (guint i = 0; i < copies; i++) {
    if (delays[i] == 0) {
      sendto (from, data, len, 0, (const struct sockaddr *)to, sizeof *to);
      continue;
    }
    if (g_sequence_get_length (relay->waiting) >= MAX_WAITING)
      return;
    Datagram *datagram = g_malloc (sizeof *datagram + len);
    *datagram
        = (Datagram) { .due = now + delays[i], .to = *to, .from = from, .len = len };
    memcpy (datagram->data, data, len);
    g_sequence_insert_sorted (relay->waiting, datagram, by_due, NULL);
  }
}

/* Returns for how many milliseconds nothing is due; -1: nothing waits. */
static int
send_due (HeadendRelay *relay)
{
  gint64 now = g_get_monotonic_time ();
  for (;;) {
    GSequenceIter *first = g_sequence_get_begin_iter (relay->waiting);
    if (g_sequence_iter_is_end (first))
      return -1;
    const Datagram *datagram = g_sequence_get (first);
    if (datagram->due > now)
      return (int)((datagram->due - now + 999) / 1000);
    sendto (datagram->from, datagram->data, datagram->len, 0,
            (const struct sockaddr *)&datagram->to, sizeof datagram->to);
    g_sequence_remove (first);
  }
}

/* What waits for a socket that goes, goes too. */
static void
forget (HeadendRelay *relay, guint index)
{
  int gone = relay->peers[index].socket;
  GSequenceIter *iter = g_sequence_get_begin_iter (relay->waiting);
  while (!g_sequence_iter_is_end (iter)) {
    GSequenceIter *next = g_sequence_iter_next (iter);
    if (((const Datagram *)g_sequence_get (iter))->from == gone)
      g_sequence_remove (iter);
    iter = next;
  }
  close (gone);
  relay->peers[index] = relay->peers[--relay->n_peers];
}

static Peer *
peer_of (HeadendRelay *relay, const struct sockaddr_in *address)
{
  guint oldest = 0;
  for (guint i = 0; i < relay->n_peers; i++) {
    Peer *peer = &relay->peers[i];
    if (peer->address.sin_port == address->sin_port
        && peer->address.sin_addr.s_addr == address->sin_addr.s_addr)
      return peer;
    if (peer->heard < relay->peers[oldest].heard)
      oldest = i;
  }
  if (relay->n_peers == MAX_PEERS)
    forget (relay, oldest);
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return NULL;
  Peer *peer = &relay->peers[relay->n_peers++];
  *peer = (Peer) { .address = *address, .socket = fd };
  return peer;
}

static void
take_from_peers (HeadendRelay *relay)
{
  guint8 data[MAX_DATAGRAM];
  for (guint i = 0; i < BURST; i++) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    gssize len
        = recvfrom (relay->socket, data, sizeof data, 0, (struct sockaddr *)&from, &size);
    Peer *peer = len >= 0 ? peer_of (relay, &from) : NULL;
    if (!peer)
      return;
    peer->heard = g_get_monotonic_time ();
    decide (relay, peer->socket, &relay->target, data, (gsize)len);
  }
}

static void
take_from_target (HeadendRelay *relay, const Peer *peer)
{
  guint8 data[MAX_DATAGRAM];
  for (guint i = 0; i < BURST; i++) {
    gssize len = recv (peer->socket, data, sizeof data, 0);
    if (len < 0)
      return;
    decide (relay, relay->socket, &peer->address, data, (gsize)len);
  }
}

static gpointer
run (gpointer user)
{
  HeadendRelay *relay = user;
  while (!g_atomic_int_get (&relay->stop)) {
    struct pollfd fds[MAX_PEERS + 1] = { { .fd = relay->socket, .events = POLLIN } };
    guint n = relay->n_peers;
    for (guint i = 0; i < n; i++)
      fds[i + 1] = (struct pollfd) { .fd = relay->peers[i].socket, .events = POLLIN };
    int wait = send_due (relay);
    poll (fds, n + 1, wait < 0 || wait > 100 ? 100 : wait);
    /* Peers first: taking from new ones may move them. */
    for (guint i = 0; i < n; i++)
      if (fds[i + 1].revents)
        take_from_target (relay, &relay->peers[i]);
    if (fds[0].revents)
      take_from_peers (relay);
    for (guint i = relay->n_peers; i-- > 0;)
      if (g_get_monotonic_time () - relay->peers[i].heard > IDLE_US)
        forget (relay, i);
  }
  return NULL;
}

HeadendRelay *
headend_relay_start (const char *listen, guint *port, guint target, guint64 seed,
                     GError **error)
{
  struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons ((guint16)*port) };
  socklen_t size = sizeof own;
  int room = 4 * 1024 * 1024;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || inet_pton (AF_INET, listen, &own.sin_addr) != 1
      || bind (fd, (struct sockaddr *)&own, sizeof own) != 0
      || getsockname (fd, (struct sockaddr *)&own, &size) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "relay on %s:%u: %s", listen, *port,
                 g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  HeadendRelay *relay = g_new0 (HeadendRelay, 1);
  relay->socket = fd;
  relay->target = (struct sockaddr_in) { .sin_family = AF_INET,
                                         .sin_port = htons ((guint16)target),
                                         .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  relay->dice.state = seed;
  relay->waiting = g_sequence_new (g_free);
  g_mutex_init (&relay->lock);
  *port = ntohs (own.sin_port);
  relay->thread = g_thread_new ("relay", run, relay);
  return relay;
}

void
headend_relay_stop (HeadendRelay *relay)
{
  if (!relay)
    return;
  g_atomic_int_set (&relay->stop, TRUE);
  g_thread_join (relay->thread);
  while (relay->n_peers > 0)
    forget (relay, 0);
  close (relay->socket);
  g_sequence_free (relay->waiting);
  g_mutex_clear (&relay->lock);
  g_free (relay);
}

void
headend_relay_impair (HeadendRelay *relay, const HeadendImpairment *impairment)
{
  g_mutex_lock (&relay->lock);
  relay->impairment = *impairment;
  g_mutex_unlock (&relay->lock);
}

void
headend_relay_count (HeadendRelay *relay, HeadendRelayCount *ret_count)
{
  g_mutex_lock (&relay->lock);
  *ret_count = relay->count;
  g_mutex_unlock (&relay->lock);
}
