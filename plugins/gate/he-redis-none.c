/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-redis.h"

#include "he-error.h"

/* Where there is no hiredis. */

gboolean
he_redis_check (GError **error)
{
  g_set_error_literal (
      error, HE_ERROR, HE_ERROR_UNAVAILABLE,
      "sessions cannot be kept in Redis: this was built without hiredis; "
      "install libhiredis-dev and build again");
  return FALSE;
}

HeRedis *
he_redis_new (const HeRedisConfig *config)
{
  g_assert_not_reached ();
}

void
he_redis_free (HeRedis *redis)
{
}

gboolean
he_redis_is_up (HeRedis *redis)
{
  return FALSE;
}

gboolean
he_redis_was_up (HeRedis *redis)
{
  return FALSE;
}

void
he_redis_ask (HeRedis *redis, const HeSessionRecord *contents, HeTouch how,
              const char *replaces, HeRedisFunc done, gpointer user_data)
{
  done (HE_CODE_UNAVAILABLE, FALSE, user_data);
}

void
he_redis_revoke (HeRedis *redis, const char *list)
{
}
