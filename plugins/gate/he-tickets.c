/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-tickets.h"

#include <string.h>

#include "he-sign.h"

#define PERIOD (HE_TICKET_MOST - HE_TICKET_LEAST)
/* Paths remembered: what viewers of some channels ask for at a time. Two that fall
 * together take turns. */
#define SLOTS 1024

typedef struct {
  GMutex lock; /* guards the rest */
  char *path, *ticket;
  gint64 expires;
} Slot;

struct _HeTickets {
  HeSecret *key;
  Slot slots[SLOTS];
};

HeTickets *
he_tickets_new (HeSecret *key)
{
  HeTickets *tickets = g_new0 (HeTickets, 1);

  tickets->key = he_secret_ref (key);
  for (guint i = 0; i < SLOTS; i++)
    g_mutex_init (&tickets->slots[i].lock);
  return tickets;
}

void
he_tickets_free (HeTickets *tickets)
{
  if (tickets == NULL)
    return;
  for (guint i = 0; i < SLOTS; i++) {
    g_mutex_clear (&tickets->slots[i].lock);
    g_free (tickets->slots[i].path);
    g_free (tickets->slots[i].ticket);
  }
  he_secret_unref (tickets->key);
  g_free (tickets);
}

char *
he_tickets_get (HeTickets *tickets, const char *path, gint64 unix_seconds)
{
  gint64 expires = (unix_seconds / PERIOD) * PERIOD + HE_TICKET_MOST;
  Slot *slot = &tickets->slots[g_str_hash (path) % SLOTS];
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&slot->lock);

  if (slot->path == NULL || slot->expires != expires || strcmp (slot->path, path) != 0) {
    g_free (slot->path);
    g_free (slot->ticket);
    slot->path = g_strdup (path);
    slot->ticket = he_ticket_new (tickets->key, path, expires);
    slot->expires = expires;
  }
  return g_strdup (slot->ticket);
}
