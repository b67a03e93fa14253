/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client that sends exactly the bytes it is given, from any loopback address, and does
 * not trust the server with its time. */

#include <errno.h>
#include <gio/gio.h>
#include <stddef.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
  guint status; /* 0: closed without an answer */
  char *head;   /* status line and fields */
  GBytes *body;
} Reply;

static inline void
reply_free (Reply *reply)
{
  g_free (reply->head);
  g_bytes_unref (reply->body);
  g_free (reply);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reply, reply_free)

/* from: "127.0.0.1" or another loopback address. */
static inline GSocket *
client_socket (const char *from, guint port, gboolean narrow)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) local = g_inet_socket_address_new_from_string (from, 0);
  g_autoptr (GSocketAddress) remote
      = g_inet_socket_address_new_from_string ("127.0.0.1", port);
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_socket_set_timeout (socket, 100); /* of a machine that is slow, too */
  if (narrow) {
    g_socket_set_option (socket, SOL_SOCKET, SO_RCVBUF, 2048, NULL);
    g_socket_set_option (socket, IPPROTO_TCP, TCP_MAXSEG, 536, NULL);
  }
  g_socket_bind (socket, local, TRUE, &error);
  g_assert_no_error (error);
  g_socket_connect (socket, remote, NULL, &error);
  g_assert_no_error (error);
  return socket;
}

static inline GSocket *
client_connect (const char *from, guint port)
{
  return client_socket (from, port, FALSE);
}

/* Whose kernel, and the server's for it, hold some ten kB that nobody reads, not megabytes. */
G_GNUC_UNUSED static GSocket *
client_connect_narrow (const char *from, guint port)
{
  return client_socket (from, port, TRUE);
}

/* Returns FALSE when the server no longer listens to us. */
static inline gboolean
client_send (GSocket *socket, const void *data, gsize len)
{
  const char *p = data;

  while (len > 0) {
    gssize n = g_socket_send (socket, p, len, NULL, NULL);

    if (n <= 0)
      return FALSE;
    p += n;
    len -= (gsize)n;
  }
  return TRUE;
}

/* The value of a field, or NULL; several are joined by '|'. */
static inline char *
reply_field (const Reply *reply, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (reply->head, "\r\n", -1);
  GString *value = NULL;

  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++) {
    const char *colon = strchr (lines[i], ':');

    if (colon == NULL || (gsize)(colon - lines[i]) != strlen (name)
        || g_ascii_strncasecmp (lines[i], name, strlen (name)) != 0)
      continue;
    if (value == NULL)
      value = g_string_new (NULL);
    else
      g_string_append_c (value, '|');
    g_string_append (value, colon + 1 + strspn (colon + 1, " "));
  }
  return value != NULL ? g_string_free (value, FALSE) : NULL;
}

/* Reads one answer. has_body is FALSE behind HEAD. */
static inline Reply *
client_read (GSocket *socket, gboolean has_body)
{
  Reply *reply = g_new0 (Reply, 1);
  g_autoptr (GByteArray) got = g_byte_array_new ();
  char buffer[65536], *end = NULL;
  gsize head = 0, want = 0;

  for (;;) {
    gssize n;

    if (end == NULL && got->len > 0
        && (end = memmem (got->data, got->len, "\r\n\r\n", 4)) != NULL) {
      g_autofree char *length = NULL;

      head = (gsize)((guint8 *)end - got->data) + 4;
      reply->head = g_strndup ((char *)got->data, head - 4);
      reply->status = (guint)g_ascii_strtoull (reply->head + 9, NULL, 10);
      length = reply_field (reply, "Content-Length");
      want = has_body && length != NULL ? g_ascii_strtoull (length, NULL, 10) : 0;
    }
    if (end != NULL && got->len >= head + want)
      break;
    n = g_socket_receive (socket, buffer, sizeof buffer, NULL, NULL);
    if (n <= 0)
      break;
    g_byte_array_append (got, (guint8 *)buffer, (guint)n);
  }
  if (reply->head == NULL)
    reply->head = g_strdup ("");
  reply->body
      = g_bytes_new (got->data + MIN (head, got->len), got->len - MIN (head, got->len));
  return reply;
}

/* Byte by byte, so that what follows the answer stays for the next call. */
static inline Reply *
client_read_next (GSocket *socket)
{
  Reply *reply = g_new0 (Reply, 1);
  GString *head = g_string_new (NULL);
  g_autofree char *length = NULL;
  gsize want, got = 0;
  guint8 *body;
  char c;

  while (!g_str_has_suffix (head->str, "\r\n\r\n")
         && g_socket_receive (socket, &c, 1, NULL, NULL) == 1)
    g_string_append_c (head, c);
  reply->head = g_string_free (head, FALSE);
  if (strlen (reply->head) > 9)
    reply->status = (guint)g_ascii_strtoull (reply->head + 9, NULL, 10);
  length = reply_field (reply, "Content-Length");
  want = length != NULL ? g_ascii_strtoull (length, NULL, 10) : 0;
  body = g_malloc (want + 1);
  while (got < want) {
    gssize n = g_socket_receive (socket, (char *)body + got, want - got, NULL, NULL);

    if (n <= 0)
      break;
    got += (gsize)n;
  }
  reply->body = g_bytes_new_take (body, got);
  return reply;
}

static inline char *
reply_text (const Reply *reply)
{
  gsize len;
  const char *data = g_bytes_get_data (reply->body, &len);

  return g_strndup (data != NULL ? data : "", len);
}

/* One request on a connection of its own. fields: lines that end in "\r\n". */
static inline Reply *
http (const char *from, guint port, const char *method, const char *target,
      const char *fields, GBytes *body)
{
  g_autoptr (GSocket) socket = client_connect (from, port);
  GString *text = g_string_new (NULL);
  gsize len = 0;
  const guint8 *data = body != NULL ? g_bytes_get_data (body, &len) : NULL;

  g_string_append_printf (text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s", method,
                          target, port, fields != NULL ? fields : "");
  if (body != NULL)
    g_string_append_printf (text, "Content-Length: %" G_GSIZE_FORMAT "\r\n", len);
  g_string_append (text, "\r\n");
  client_send (socket, text->str, text->len);
  g_string_free (text, TRUE);
  if (len > 0)
    client_send (socket, data, len);
  return client_read (socket, !g_str_equal (method, "HEAD"));
}

static inline Reply *
get (guint port, const char *target, const char *fields)
{
  return http ("127.0.0.1", port, "GET", target, fields, NULL);
}

/* Whether no other test has this port. They run side by side, and a port may be free for
 * long: until it is bound, and while who had it is dead. The name that says so, which all
 * tests use, stays with us until we end. */
static inline gboolean
take_port (guint port)
{
  struct sockaddr_un name = { .sun_family = AF_UNIX };
  int len = g_snprintf (name.sun_path + 1, sizeof name.sun_path - 1,
                        "headend-test-port-%u", port);
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  if (bind (fd, (struct sockaddr *)&name,
            (socklen_t)(offsetof (struct sockaddr_un, sun_path) + 1 + (gsize)len))
      == 0)
    return TRUE;
  g_assert_cmpint (errno, ==, EADDRINUSE);
  close (fd);
  return FALSE;
}

/* A port that is free and nobody else's, below those that the kernel gives to connections
 * and above those of `headend drill`. */
static inline guint
free_port (void)
{
  for (;;) {
    g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                               G_SOCKET_PROTOCOL_TCP, NULL);
    guint port = (guint)g_random_int_range (20000, 32000);
    g_autoptr (GSocketAddress) address
        = g_inet_socket_address_new_from_string ("127.0.0.1", port);

    /* First the name: to try another's port would be in its way. */
    if (take_port (port) && g_socket_bind (socket, address, FALSE, NULL))
      return port;
  }
}
