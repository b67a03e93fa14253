/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* One blocking request to an origin's internal listener ("ADDRESS:PORT"), signed when
 * there is a key. Gives up after timeout seconds, however the answer trickles.
 * HE_ERROR_UNAVAILABLE when there is no answer, HE_ERROR_LIMIT when it is longer than
 * limit bytes; any other answer is a success. body may be NULL. For any thread that may
 * wait. */
GBytes *headend_http_request (const char *address, const char *method, const char *path,
                              const HeSecret *key, const char *body, guint timeout,
                              gsize limit, guint *ret_status, GError **error);

G_END_DECLS
