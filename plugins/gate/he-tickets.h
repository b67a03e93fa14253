/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* The tickets (he-sign.h) that a gate gives to edges with each request: all viewers of a path
 * get the same one, so it is made once in a while. Any thread. */
#define HE_TICKET_MOST 30 /* seconds that one is good for */
#define HE_TICKET_LEAST 20

typedef struct _HeTickets HeTickets;

/* Takes a reference to key. */
HeTickets *he_tickets_new (HeSecret *key);
void he_tickets_free (HeTickets *tickets); /* takes NULL */

/* Good for at least HE_TICKET_LEAST and at most HE_TICKET_MOST seconds. */
char *he_tickets_get (HeTickets *tickets, const char *path, gint64 unix_seconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeTickets, he_tickets_free)

G_END_DECLS
