/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "drill-fate.h"

G_BEGIN_DECLS

/* A network between a source and a node: takes UDP datagrams on a port of an address and
 * hands them on to another, and what comes back to whoever sent, each as its impairment
 * says. SRT is UDP too. Memory is bounded; runs in a thread of its own. */
typedef struct _HeadendRelay HeadendRelay;

typedef struct {
  guint64 taken, lost, delayed, doubled; /* datagrams, both ways */
} HeadendRelayCount;

/* listen: IPv4 address and *port, 0 for any, which is written back. target: on 127.0.0.1.
 */
HeadendRelay *headend_relay_start (const char *listen, guint *port, guint target,
                                   guint64 seed, GError **error);
void headend_relay_stop (HeadendRelay *relay); /* takes NULL */

void headend_relay_impair (HeadendRelay *relay, const HeadendImpairment *impairment);
void headend_relay_count (HeadendRelay *relay, HeadendRelayCount *ret_count);

G_END_DECLS
