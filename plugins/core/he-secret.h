/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Secret bytes: reference-counted, immutable, wiped when the last reference goes. Nothing
 * prints them: hex leaves only through he_secret_to_hex(), for a pipe to our own child.
 */
typedef struct _HeSecret HeSecret;

HeSecret *he_secret_new (const guint8 *data, gsize len); /* copies */
HeSecret *he_secret_ref (HeSecret *secret);
void he_secret_unref (HeSecret *secret); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSecret, he_secret_unref)

const guint8 *he_secret_data (const HeSecret *secret); /* a NUL stands behind them */
gsize he_secret_len (const HeSecret *secret);

/* What a regular file of at most max bytes holds. Never waits: a pipe or a device is refused.
 * ret_private: nobody else may read or write it. Errors name the path. */
HeSecret *he_secret_read_file (const char *path, gsize max, gboolean *ret_private,
                               GError **error);

/* 64 hex digits (surrounding whitespace allowed) to 32 bytes. The error never quotes
 * the text. what names the secret in the message. */
HeSecret *he_secret_from_hex (const char *text, const char *what, GError **error);

/* The same, from a file of at most 4 KiB. Refuses a file that others may read or write,
 * naming the chmod that mends it. */
HeSecret *he_secret_from_file (const char *path, const char *what, GError **error);

/* A PEM file of at most 1 MiB with a key, as it is, on the same terms. */
HeSecret *he_secret_pem_from_file (const char *path, const char *what, GError **error);

/* USER:PASSWORD from such a file: one line without control characters, its end of line
 * left out. The error never quotes it. */
HeSecret *he_secret_login_from_file (const char *path, const char *what, GError **error);

/* Wiped by the caller: he_string_wipe_free(). */
char *he_secret_to_hex (const HeSecret *secret);
void he_string_wipe_free (char *text); /* takes NULL */

G_END_DECLS
