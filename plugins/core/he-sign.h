/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* Authentication of requests between our own processes (publishing and control):
 *
 *   Authorization: Headend-HMAC t=UNIX_SECONDS,s=BASE64URL
 *
 * where s = HMAC-SHA256(key, {method, path, SHA-256 of body, t}). Requests whose time is
 * further than HE_SIGN_WINDOW from the verifier's clock are refused. */
#define HE_SIGN_WINDOW 30 /* seconds */

char *he_sign_request (const HeSecret *key, const char *method, const char *path,
                       const guint8 *body, gsize len, gint64 unix_seconds);

/* header may be NULL. HE_ERROR_DENIED says why, without quoting anything secret. */
gboolean he_sign_verify (const HeSecret *key, const char *header, const char *method,
                         const char *path, const guint8 *body, gsize len,
                         gint64 unix_seconds, GError **error);

/* A ticket lets one path be read from an internal listener until it expires; the gate gives
 * it to an edge, which shows it to any origin ("Headend-Ticket: UNIX_SECONDS.BASE64URL").
 * It is over {"ticket", path, expiry}. */
char *he_ticket_new (const HeSecret *key, const char *path, gint64 expires);
gboolean he_ticket_verify (const HeSecret *key, const char *ticket, const char *path,
                           gint64 unix_seconds, GError **error);

G_END_DECLS
