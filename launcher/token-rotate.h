/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *dir;       /* with token.pem (token.jwk for HS256) and tokens.jwks */
  const char *algorithm; /* of the new key; NULL: as the old one's */
  guint keep_seconds;    /* that tokens of the old key are still good for */
  guint wait_seconds;    /* between the new key's being known and its being used */
  gboolean announce;     /* only make the new key known */
  gint64 now;            /* unix seconds */
} HeadendRotation;

/* A new key for signing tokens, in three steps, each of which leaves a folder that works:
 * the key is written beside the old one (token.next.pem), tokens.jwks gets it as its first
 * and the old one its end, and it takes the old one's place. Begun again after a crash, or
 * after an announcement, it goes on with the key that is there. The new files belong to whom
 * the old ones belonged, with their modes; nothing is made known where that cannot be. */
gboolean headend_token_rotate (const HeadendRotation *rotation, GError **error);

G_END_DECLS
