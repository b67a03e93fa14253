/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whom we trust, and who we are, where a server is reached by TLS ("rediss://"). Its
 * certificate has to be of a trusted authority, in its time, and name the host as it was
 * asked for. */
typedef struct _HeRedisTls HeRedisTls;

/* authorities: a PEM file with the trusted ones; NULL: those of the system. certificate: a
 * PEM file with ours and its key, that nobody else may read or write, for a server that asks
 * for one; or NULL. The error names the file, or the package that is missing. */
HeRedisTls *
he_redis_tls_new (const char *authorities, const char *certificate, GError **error);
/* Breaks off what it carries. Takes NULL. */
void he_redis_tls_free (HeRedisTls *tls);

/* A connected socket whose other end is the server's, in the clear, until either is closed;
 * -1 and why not (owned). Connection and handshake have timeout_ms. Blocks, always on the same
 * thread. */
int he_redis_tls_open (HeRedisTls *tls, const char *host, guint16 port, guint timeout_ms,
                       char **ret_why);

/* Why what was opened last broke, as TLS says it (owned), or NULL: a server that does not
 * take our certificate says so only now. On the same thread. */
char *he_redis_tls_take_why (HeRedisTls *tls);

G_END_DECLS
