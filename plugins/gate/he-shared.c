/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

/* What Redis' thread tells, and what the origin makes of it. */

static void
on_state (gboolean up, const char *why, gpointer data)
{
  HeOrigin *origin = data;

  if (up)
    he_log_state (origin->log, "sessions are in Redis, %s", why);
  else
    he_log_state (
        origin->log,
        "Redis is away (%s): who watches goes on until the lease ends, nobody else "
        "comes in",
        why);
}

static char *
on_revocations (gpointer data)
{
  HeOrigin *origin = data;

  return he_revocations_to_json (origin->revocations);
}

typedef struct {
  HeOrigin *origin;
  char *text;
  gsize len;
} Told;

static gboolean
take_told (gpointer data)
{
  Told *told = data;

  he_revoke_take (told->origin, told->text, told->len);
  return G_SOURCE_REMOVE;
}

static void
told_free (gpointer data)
{
  Told *told = data;

  g_free (told->text);
  g_free (told);
}

static void
on_revoked (const char *text, gsize len, gpointer data)
{
  HeOrigin *origin = data;
  Told *told = g_new (Told, 1);

  *told = (Told) { origin, g_strndup (text, len), len };
  g_main_context_invoke_full (origin->context, G_PRIORITY_DEFAULT, take_told, told,
                              told_free);
}

gboolean
he_shared_prepare (HeOrigin *origin, const HeOriginConfig *config, GError **error)
{
  gboolean secure = config->redis_authorities != NULL || config->redis_certificate != NULL;

  origin->redis_servers = g_strdupv ((char **)config->redis);
  origin->redis_master = g_strdup (config->redis_master);
  if (config->redis_login != NULL)
    origin->redis_login = he_secret_ref (config->redis_login);
  for (guint i = 0; config->redis != NULL && config->redis[i] != NULL; i++)
    secure = secure || g_str_has_prefix (config->redis[i], "rediss:");
  return !secure
         || (origin->redis_tls = he_redis_tls_new (config->redis_authorities,
                                                   config->redis_certificate, error))
                != NULL;
}

void
he_shared_clear (HeOrigin *origin)
{
  g_strfreev (origin->redis_servers);
  g_free (origin->redis_master);
  he_redis_tls_free (origin->redis_tls);
  he_secret_unref (origin->redis_login);
}

void
he_shared_start (HeOrigin *origin, gint64 slot_ttl)
{
  const HeRedisConfig config = {
    .servers = (const char *const *)origin->redis_servers,
    .master = origin->redis_master,
    .login = origin->redis_login,
    .tls = origin->redis_tls,
    .policy = origin->policy,
    .lease = (gint64)origin->lease_seconds * G_USEC_PER_SEC,
    .slot_ttl = slot_ttl,
    .sessions = origin->sessions,
    .revoked = on_revoked,
    .state = on_state,
    .revocations = on_revocations,
    .user_data = origin,
  };

  if (origin->redis_servers != NULL)
    origin->redis = he_redis_new (&config);
}

const char *
he_shared_reason (HeOrigin *origin)
{
  return origin->redis != NULL && !he_redis_was_up (origin->redis)
             ? "Redis has not been reached yet, so nobody comes in"
             : NULL;
}

gboolean
he_shared_is_away (HeOrigin *origin)
{
  return origin->redis != NULL && !he_redis_is_up (origin->redis);
}

void
he_shared_stop (HeOrigin *origin)
{
  g_clear_pointer (&origin->redis, he_redis_free);
}
