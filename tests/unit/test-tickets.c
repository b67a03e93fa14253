/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-keys.h"
#include "he-sign.h"
#include "he-tickets.h"
#include "vectors.h"

#define NOW G_GINT64_CONSTANT (1763712003)
#define PATHS 5000 /* more than are remembered */

static HeSecret *
publish_key (void)
{
  g_autoptr (HeSecret) master = counting_secret ();

  return he_keys_derive (master, HE_PURPOSE_PUBLISH);
}

static void
assert_good (const HeSecret *key, const char *ticket, const char *path, gint64 given)
{
  g_assert_true (
      he_ticket_verify (key, ticket, path, given + HE_TICKET_LEAST - 1, NULL));
  g_assert_false (he_ticket_verify (key, ticket, path, given + HE_TICKET_MOST, NULL));
}

static void
each_is_good_for_a_while (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autoptr (HeTickets) tickets = he_tickets_new (key);

  for (gint64 now = NOW; now < NOW + 100; now++) {
    g_autofree char *ticket = he_tickets_get (tickets, "/origin/a/demo/360p/7.ts", now);

    assert_good (key, ticket, "/origin/a/demo/360p/7.ts", now);
  }
}

static void
each_is_for_its_path (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autoptr (HeTickets) tickets = he_tickets_new (key);

  for (guint i = 0; i < 3 * PATHS; i++) {
    g_autofree char *path = g_strdup_printf ("/origin/a/demo/360p/%u.ts", i % PATHS);
    g_autofree char *ticket = he_tickets_get (tickets, path, NOW);

    g_assert_true (he_ticket_verify (key, ticket, path, NOW, NULL));
  }
}

static gpointer
ask (gpointer data)
{
  for (guint i = 0; i < 2000; i++)
    g_free (he_tickets_get (data, i % 2 ? "/a" : "/b", NOW + i / 10));
  return NULL;
}

static void
any_thread_may_ask (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autoptr (HeTickets) tickets = he_tickets_new (key);
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("asking", ask, tickets);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_autofree char *ticket = he_tickets_get (tickets, "/a", NOW);
  assert_good (key, ticket, "/a", NOW);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tickets/good-for-a-while", each_is_good_for_a_while);
  g_test_add_func ("/tickets/for-its-path", each_is_for_its_path);
  g_test_add_func ("/tickets/any-thread", any_thread_may_ask);
  return g_test_run ();
}
