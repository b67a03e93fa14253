/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a service manager is told about us, in the protocol that sd_notify(3) describes:
 * datagrams of VARIABLE=VALUE lines to the socket that NOTIFY_SOCKET names. */

#define HEADEND_NOTIFY_STATUS_MAX 200 /* bytes of a status that are told */

typedef struct _HeadendNotify HeadendNotify;

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no
 * child speaks for us. NULL when nobody asked; with error set when the name is none. */
HeadendNotify *headend_notify_new (GError **error);
void headend_notify_free (HeadendNotify *notify); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendNotify, headend_notify_free)

/* How often to say how we are, in milliseconds: four times as often as the manager's
 * watchdog wants it, and at least once a second. */
guint headend_notify_interval (const HeadendNotify *notify);

/* To be called that often. alive: feed the watchdog, or as long as we were not ready yet,
 * ask for more time to become so. ready: told once, there is no way back from it. status:
 * one line, told when it changes. What could not be sent is told the next time. */
void headend_notify_say (HeadendNotify *notify, gboolean alive, gboolean ready,
                         const char *status);

void headend_notify_stopping (HeadendNotify *notify);

G_END_DECLS
