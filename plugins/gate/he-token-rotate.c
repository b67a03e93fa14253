/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-token-private.h"

#include <string.h>
#include "he-error.h"

#define MAX_FILE (64 * 1024)
#define MAX_DEPTH 8

static const HeJson *
keys_of (const HeJson *root, GError **error)
{
  const HeJson *list
      = he_json_type (root) == HE_JSON_OBJECT ? he_json_member (root, "keys") : NULL;
  if (list && he_json_type (list) == HE_JSON_ARRAY)
    return list;
  he_json_set_error (error, root, "a JWKS is an object with an array \"keys\"");
  return NULL;
}

static gboolean
is_named (const HeJson *jwk, const char *kid)
{
  const char *name = NULL;
  return he_json_type (jwk) == HE_JSON_OBJECT
         && he_json_get_string (jwk, "kid", FALSE, &name, NULL)
         && g_strcmp0 (name, kid) == 0;
}

char *
he_token_jwks_algorithm (const char *jwks, const char *private_key, GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (jwks, -1, MAX_FILE, MAX_DEPTH, error);
  const HeJson *list = root ? keys_of (root, error) : NULL;
  g_autofree char *kid = list ? he_token_kid (private_key, NULL, error) : NULL;
  const char *algorithm = NULL;
  if (!kid)
    return NULL;
  for (guint i = 0; i < he_json_length (list); i++) {
    const HeJson *jwk = he_json_element (list, i);
    if (is_named (jwk, kid) && he_json_get_string (jwk, "alg", TRUE, &algorithm, error))
      return g_strdup (algorithm);
    if (is_named (jwk, kid))
      return NULL;
  }
  g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
               "the public keys do not hold that of the signing key (kid %s); is the JWKS "
               "file another one's?",
               kid);
  return NULL;
}

/* A key as it was, but for its end. */
static void
write_key (HeJsonWriter *writer, const HeJson *jwk, gint64 end)
{
  he_json_writer_open_object (writer, NULL);
  for (guint i = 0; i < he_json_length (jwk); i++)
    if (strcmp (he_json_member_name (jwk, i), "exp") != 0)
      he_json_writer_node (writer, he_json_member_name (jwk, i), he_json_element (jwk, i));
  if (end != G_MAXINT64)
    he_json_writer_int64 (writer, "exp", end);
  he_json_writer_close (writer);
}

static gint64
end_of (const HeJson *jwk)
{
  guint64 end = G_MAXINT64;
  he_json_get_uint64 (jwk, "exp", FALSE, G_MAXINT64, &end, NULL);
  return (gint64)end;
}

char *
he_token_jwks_rotate (const char *jwks, const char *old_key, const char *new_key,
                      const char *algorithm, gint64 now, gint64 old_end, GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (jwks, -1, MAX_FILE, MAX_DEPTH, error);
  const HeJson *list = root ? keys_of (root, error) : NULL;
  g_autofree char *old_kid = list ? he_token_kid (old_key, NULL, error) : NULL;
  g_autofree char *new_kid = old_kid ? he_token_kid (new_key, algorithm, error) : NULL;
  char *new_jwk = new_kid ? he_token_public_jwk (new_key, algorithm, error) : NULL;
  if (!new_jwk)
    return NULL;
  g_autoptr (HeJson) first = he_json_parse (new_jwk, -1, MAX_FILE, MAX_DEPTH, error);
  he_string_wipe_free (new_jwk);
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_open_array (writer, "keys");
  he_json_writer_node (writer, NULL, first);
  for (guint i = 0; i < he_json_length (list); i++) {
    const HeJson *jwk = he_json_element (list, i);
    if (he_json_type (jwk) != HE_JSON_OBJECT)
      continue;
    gint64 end = end_of (jwk);
    if (is_named (jwk, old_kid))
      end = MIN (end, old_end);
    if (!is_named (jwk, new_kid) && end > now)
      write_key (writer, jwk, end);
  }
  return he_json_writer_end (writer);
}
