/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "description.h"
#include "notify.h"

/* A service manager's end of the socket. */
typedef struct {
  int fd;
  char *folder;
} Manager;

static Manager
manager_new (gboolean abstract)
{
  Manager manager = { .fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0) };
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  manager.folder = g_dir_make_tmp ("headend-test-XXXXXX", NULL);
  g_autofree char *name = abstract ? g_strdup_printf ("@%s", manager.folder)
                                   : g_build_filename (manager.folder, "notify", NULL);
  memcpy (address.sun_path, name, strlen (name));
  if (abstract)
    address.sun_path[0] = '\0';
  g_assert_cmpint (
      bind (manager.fd, (struct sockaddr *)&address,
            (socklen_t)(offsetof (struct sockaddr_un, sun_path) + strlen (name))),
      ==, 0);
  g_setenv ("NOTIFY_SOCKET", name, TRUE);
  return manager;
}

static void
manager_free (Manager *manager)
{
  g_autofree char *path = g_build_filename (manager->folder, "notify", NULL);
  g_unlink (path);
  g_rmdir (manager->folder);
  g_free (manager->folder);
  close (manager->fd);
}

static void
assert_told (const Manager *manager, const char *expected)
{
  char text[1024];
  gssize len = recv (manager->fd, text, sizeof text - 1, 0);
  if (!expected) {
    g_assert_cmpint (len, ==, -1);
    return;
  }
  g_assert_cmpint (len, >=, 0);
  text[len] = '\0';
  g_assert_cmpstr (text, ==, expected);
}

#define MORE_TIME "EXTEND_TIMEOUT_USEC=30000000\n"

/* Given a manager with a watchdog, then it is fed only while we are alive, readiness is
 * told once, a status when it changes, and nothing of it is left for children. */
static void
test_says_how_we_are (gconstpointer abstract)
{
  Manager manager = manager_new (GPOINTER_TO_INT (abstract));
  g_setenv ("WATCHDOG_USEC", "2000000", TRUE);
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  g_setenv ("WATCHDOG_PID", pid, TRUE);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendNotify) notify = headend_notify_new (&error);
  g_assert_no_error (error);
  g_assert_nonnull (notify);
  g_assert_null (g_getenv ("NOTIFY_SOCKET"));
  g_assert_null (g_getenv ("WATCHDOG_USEC"));
  g_assert_null (g_getenv ("WATCHDOG_PID"));
  g_assert_cmpuint (headend_notify_interval (notify), ==, 500);

  headend_notify_say (notify, TRUE, FALSE, "filling");
  assert_told (&manager, "STATUS=filling\nWATCHDOG=1\n" MORE_TIME);
  headend_notify_say (notify, FALSE, FALSE, "filling");
  assert_told (&manager, NULL);
  headend_notify_say (notify, TRUE, TRUE, "on air");
  assert_told (&manager, "READY=1\nSTATUS=on air\nWATCHDOG=1\n");
  headend_notify_say (notify, TRUE, FALSE, "stale\nREADY=0");
  assert_told (&manager, "STATUS=stale READY=0\nWATCHDOG=1\n");
  headend_notify_say (notify, TRUE, TRUE, "stale\nREADY=0");
  assert_told (&manager, "WATCHDOG=1\n");
  headend_notify_stopping (notify);
  assert_told (&manager, "STOPPING=1\nSTATUS=ending\n");
  manager_free (&manager);
}

/* Given a manager that cannot be reached for a while, then it is told later what it
 * missed. */
static void
test_tells_again_what_was_lost (void)
{
  Manager manager = manager_new (FALSE);
  g_autoptr (HeadendNotify) notify = headend_notify_new (NULL);
  g_autofree char *path = g_build_filename (manager.folder, "notify", NULL);
  g_autofree char *away = g_strconcat (path, "-away", NULL);
  g_assert_cmpint (g_rename (path, away), ==, 0);
  headend_notify_say (notify, TRUE, TRUE, "on air");
  assert_told (&manager, NULL);
  g_assert_cmpint (g_rename (away, path), ==, 0);
  headend_notify_say (notify, TRUE, TRUE, "on air");
  assert_told (&manager, "READY=1\nSTATUS=on air\n");
  manager_free (&manager);
}

/* Given a watchdog that is meant for another process, or none, then it is not fed. */
static void
test_feeds_its_own_watchdog_only (void)
{
  static const char *const others[][2]
      = { { "2000000", "1" }, { "0", NULL }, { "soon", NULL }, { "-1", NULL } };
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    Manager manager = manager_new (FALSE);
    g_setenv ("WATCHDOG_USEC", others[i][0], TRUE);
    if (others[i][1])
      g_setenv ("WATCHDOG_PID", others[i][1], TRUE);
    g_autoptr (HeadendNotify) notify = headend_notify_new (NULL);
    g_assert_cmpuint (headend_notify_interval (notify), ==, 1000);
    headend_notify_say (notify, TRUE, TRUE, "on air");
    assert_told (&manager, "READY=1\nSTATUS=on air\n");
    manager_free (&manager);
  }
}

/* Given no manager, then there is nothing; given a name that is none, an error. */
static void
test_no_manager (void)
{
  g_autoptr (GError) error = NULL;
  g_unsetenv ("NOTIFY_SOCKET");
  g_assert_null (headend_notify_new (&error));
  g_assert_no_error (error);
  g_autofree char *endless = g_strnfill (200, '/');
  const char *const names[] = { "vsock:2:1234", "relative", endless };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_setenv ("NOTIFY_SOCKET", names[i], TRUE);
    g_assert_null (headend_notify_new (&error));
    g_assert_nonnull (error);
    g_clear_error (&error);
  }
}

/* Given a status of any length and bytes, then one line of bounded, valid text is told.
 */
static void
test_a_status_is_one_bounded_line (void)
{
  Manager manager = manager_new (FALSE);
  g_autoptr (HeadendNotify) notify = headend_notify_new (NULL);
  g_autofree char *dots = g_strnfill (HEADEND_NOTIFY_STATUS_MAX - 1, '.');
  g_autofree char *status = g_strconcat (dots, "\303\244\303\244", NULL);
  g_autofree char *expected = g_strconcat ("STATUS=", dots, "\n" MORE_TIME, NULL);
  headend_notify_say (notify, TRUE, FALSE, status);
  assert_told (&manager, expected);
  manager_free (&manager);
}

/* Given a folder for state from the service manager, then relative state goes there. */
static void
test_state_goes_where_the_manager_says (void)
{
  static const char description[]
      = "{\"nodes\": [{\"name\": \"A\", \"listen\": \"127.0.0.1:1\", \"internal\": "
        "\"127.0.0.1:2\"}, {\"name\": \"B\", \"listen\": \"127.0.0.1:3\", \"internal\": "
        "\"127.0.0.1:4\", \"state\": \"b\"}, {\"name\": \"C\", \"listen\": "
        "\"127.0.0.1:5\", \"internal\": \"127.0.0.1:6\", \"state\": \"/c\"}], "
        "\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"video\": "
        "[{\"width\": 640, \"height\": 360, \"bitrate\": 800}]}]}";
  static const struct {
    const char *variable, *states[3];
  } cases[] = {
    { NULL, { "/etc/x/state-A", "/etc/x/b", "/c" } },
    { "/var/lib/x", { "/var/lib/x/state-A", "/var/lib/x/b", "/c" } },
    { "/var/lib/x:/var/lib/y", { "/etc/x/state-A", "/etc/x/b", "/c" } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    if (cases[i].variable)
      g_setenv ("STATE_DIRECTORY", cases[i].variable, TRUE);
    g_autoptr (HeadendModel) model
        = headend_description_parse (description, -1, "d.json", "/etc/x", &error);
    g_assert_no_error (error);
    for (guint j = 0; j < 3; j++)
      g_assert_cmpstr (((HeadendNode *)model->nodes->pdata[j])->state, ==,
                       cases[i].states[j]);
    g_assert_cmpstr (model->tokens.keys, ==, "/etc/x/tokens.jwks");
  }
  g_unsetenv ("STATE_DIRECTORY");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/notify/says-how-we-are", GINT_TO_POINTER (FALSE),
                        test_says_how_we_are);
  g_test_add_data_func ("/notify/says-so-to-an-abstract-socket", GINT_TO_POINTER (TRUE),
                        test_says_how_we_are);
  g_test_add_func ("/notify/tells-again-what-was-lost", test_tells_again_what_was_lost);
  g_test_add_func ("/notify/feeds-its-own-watchdog-only",
                   test_feeds_its_own_watchdog_only);
  g_test_add_func ("/notify/no-manager", test_no_manager);
  g_test_add_func ("/notify/a-status-is-one-bounded-line",
                   test_a_status_is_one_bounded_line);
  g_test_add_func ("/notify/state-goes-where-the-manager-says",
                   test_state_goes_where_the_manager_says);
  return g_test_run ();
}
