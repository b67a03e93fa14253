/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One line an event on standard error: UTC time, node, process, what happened. */

/* Names this process; its GLib messages take the same form from now on. */
void headend_log_init (const char *node, const char *process);
void headend_log (const char *format, ...) G_GNUC_PRINTF (1, 2);

G_END_DECLS
