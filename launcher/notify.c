/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "he-error.h"

#define MORE_TIME "EXTEND_TIMEOUT_USEC=30000000\n"

struct _HeadendNotify {
  int fd;
  struct sockaddr_un address;
  socklen_t length;
  guint64 watchdog; /* microseconds; 0: the manager has none */
  gboolean was_ready;
  char *status; /* as told last */
};

static guint64
take_watchdog (void)
{
  const char *usec = g_getenv ("WATCHDOG_USEC");
  const char *pid = g_getenv ("WATCHDOG_PID");
  guint64 value = 0;
  if (!usec
      || !g_ascii_string_to_unsigned (usec, 10, 1, G_MAXUINT32 * 1000000ull, &value, NULL)
      || (pid && g_ascii_strtoull (pid, NULL, 10) != (guint64)getpid ()))
    value = 0;
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
  return value;
}

HeadendNotify *
headend_notify_new (GError **error)
{
  g_autofree char *name = g_strdup (g_getenv ("NOTIFY_SOCKET"));
  HeadendNotify notify = { .address.sun_family = AF_UNIX, .watchdog = take_watchdog () };
  g_unsetenv ("NOTIFY_SOCKET");
  if (!name || !*name)
    return NULL;
  gsize len = strlen (name);
  if ((*name != '/' && *name != '@') || len >= sizeof notify.address.sun_path) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "NOTIFY_SOCKET=%s: expected an absolute path or @NAME, up to %zu bytes",
                 name, sizeof notify.address.sun_path - 1);
    return NULL;
  }
  memcpy (notify.address.sun_path, name, len);
  if (*name == '@')
    notify.address.sun_path[0] = '\0'; /* an abstract socket */
  notify.length = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + len);
  notify.fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (notify.fd < 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "NOTIFY_SOCKET: no socket: %s",
                 g_strerror (errno));
    return NULL;
  }
  return g_memdup2 (&notify, sizeof notify);
}

void
headend_notify_free (HeadendNotify *notify)
{
  if (!notify)
    return;
  close (notify->fd);
  g_free (notify->status);
  g_free (notify);
}

guint
headend_notify_interval (const HeadendNotify *notify)
{
  guint64 quarter = notify->watchdog / 4000;
  return notify->watchdog ? (guint)CLAMP (quarter, 1, 1000) : 1000;
}

/* Never waits: who does not read is no reason to stand still. */
static gboolean
send_text (const HeadendNotify *notify, const char *text)
{
  return sendto (notify->fd, text, strlen (text), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (const struct sockaddr *)&notify->address, notify->length)
         >= 0;
}

/* As one line of bounded length. */
static char *
tidy (const char *status)
{
  g_autofree char *cut = g_strndup (status, HEADEND_NOTIFY_STATUS_MAX);
  const char *end;
  g_utf8_validate (cut, -1, &end);
  cut[end - cut] = '\0';
  return g_strdup (g_strdelimit (cut, "\r\n", ' '));
}

void
headend_notify_say (HeadendNotify *notify, gboolean alive, gboolean ready,
                    const char *status)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *line = tidy (status);
  gboolean news = g_strcmp0 (line, notify->status) != 0;
  if (ready && !notify->was_ready)
    g_string_append (text, "READY=1\n");
  if (news)
    g_string_append_printf (text, "STATUS=%s\n", line);
  if (alive && notify->watchdog)
    g_string_append (text, "WATCHDOG=1\n");
  if (alive && !ready && !notify->was_ready)
    g_string_append (text, MORE_TIME);
  if (text->len == 0 || !send_text (notify, text->str))
    return;
  notify->was_ready |= ready;
  if (news) {
    g_free (notify->status);
    notify->status = g_steal_pointer (&line);
  }
}

void
headend_notify_stopping (HeadendNotify *notify)
{
  send_text (notify, "STOPPING=1\nSTATUS=ending\n");
}
