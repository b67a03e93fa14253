/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-renewals.h"
#include "he-secret.h"

G_BEGIN_DECLS

/* The operator's authorizer, asked by HTTP on the thread that made it, without blocking
 * it: POST with a JSON body, and a login where one is named (Basic). Its answer is 200
 * with
 *
 *   {"renew": true, "seconds": N} or {"renew": false}
 *
 * of at most HE_AUTHORIZER_ANSWER bytes, within the time it has, where "seconds" may be
 * left out; the latter may be 403, too. Whatever else comes is a failure, a redirection
 * and an answer of a proxy among it, and so are 401 and 403 alone: they are about who
 * asks (RFC 9110 section 15.5, RFC 7662 section 2.3), and a password that was changed is
 * to end nobody's lease. */
typedef struct _HeAuthorizer HeAuthorizer;

#define HE_AUTHORIZER_ANSWER 4096

/* "http(s)://HOST[:PORT]/PATH", without user, query and fragment. */
gboolean he_authorizer_check (const char *uri, GError **error);
/* login: USER:PASSWORD, or NULL. */
HeAuthorizer *he_authorizer_new (const char *uri, HeSecret *login, guint timeout_ms);
/* What is open fails before it returns. Takes NULL. */
void he_authorizer_free (HeAuthorizer *authorizer);

/* why: of a failure, or NULL. */
typedef void (*HeAuthorizerFunc) (HeRenewalAnswer answer, guint seconds, const char *why,
                                  gpointer user_data);
void he_authorizer_ask (HeAuthorizer *authorizer, GBytes *question, HeAuthorizerFunc done,
                        gpointer user_data);

G_END_DECLS
