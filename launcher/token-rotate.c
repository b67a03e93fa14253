/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token-rotate.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>
#include "he-error.h"
#include "he-secret.h"
#include "he-token.h"
#include "token-file.h"

#define MAX_FILE (64 * 1024)

typedef struct {
  char *key, *next, *jwks;
  gboolean secret; /* HS256 */
  HeSecret *old;   /* the old key */
} Folder;

static void
folder_clear (Folder *folder)
{
  g_free (folder->key);
  g_free (folder->next);
  g_free (folder->jwks);
  he_secret_unref (folder->old);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static const char *
text_of (const HeSecret *key)
{
  return (const char *)he_secret_data (key);
}

static gboolean
open_folder (Folder *folder, const HeadendRotation *rotation, GError **error)
{
  g_autofree char *jwk = g_build_filename (rotation->dir, "token.jwk", NULL);
  folder->secret = g_file_test (jwk, G_FILE_TEST_EXISTS);
  folder->key
      = g_build_filename (rotation->dir, folder->secret ? "token.jwk" : "token.pem", NULL);
  folder->next = g_build_filename (
      rotation->dir, folder->secret ? "token.next.jwk" : "token.next.pem", NULL);
  folder->jwks = g_build_filename (rotation->dir, "tokens.jwks", NULL);
  if (rotation->algorithm
      && (strcmp (rotation->algorithm, "HS256") == 0) != folder->secret) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s: a secret (HS256) and a pair of keys do not follow each other; make "
                 "the other kind in a folder of its own",
                 folder->key);
    return FALSE;
  }
  folder->old = he_token_private_key_load (folder->key, error);
  return folder->old != NULL;
}

static gboolean
look_at (const char *path, struct stat *ret_st, GError **error)
{
  if (stat (path, ret_st) == 0)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
  return FALSE;
}

/* The new private key: the one that is on its way already, or one that is made now. */
static HeSecret *
next_key (const Folder *folder, const char *algorithm, GError **error)
{
  char *private = NULL, *jwk = NULL;
  struct stat st;
  if (g_file_test (folder->next, G_FILE_TEST_EXISTS))
    return he_token_private_key_load (folder->next, error);
  if (!look_at (folder->key, &st, error)
      || !he_token_keygen (algorithm, &private, &jwk, error))
    return NULL;
  he_string_wipe_free (jwk);
  HeSecret *key = headend_token_file_replace (folder->next, private, &st, error)
                      ? he_secret_new ((const guint8 *)private, strlen (private))
                      : NULL;
  he_string_wipe_free (private);
  return key;
}

static gboolean
publish (const Folder *folder, const HeadendRotation *rotation, GError **error)
{
  struct stat st;
  gboolean private = FALSE; /* whether it must be, is the nodes' business */
  g_autoptr (HeSecret) jwks = he_secret_read_file (folder->jwks, MAX_FILE, &private, error);
  if (!jwks || !look_at (folder->jwks, &st, error))
    return FALSE;
  g_autofree char *named
      = he_token_jwks_algorithm (text_of (jwks), text_of (folder->old), error);
  const char *algorithm = rotation->algorithm ? rotation->algorithm : named;
  g_autoptr (HeSecret) key = named ? next_key (folder, algorithm, error) : NULL;
  gint64 end = rotation->announce ? G_MAXINT64 : rotation->now + rotation->keep_seconds;
  char *fresh = key ? he_token_jwks_rotate (text_of (jwks), text_of (folder->old),
                                            text_of (key), algorithm, rotation->now, end,
                                            error)
                    : NULL;
  gboolean ok = fresh && headend_token_file_replace (folder->jwks, fresh, &st, error);
  he_string_wipe_free (fresh);
  return ok;
}

gboolean
headend_token_rotate (const HeadendRotation *rotation, GError **error)
{
  g_auto (Folder) folder = { 0 };
  if (!open_folder (&folder, rotation, error) || !publish (&folder, rotation, error))
    return FALSE;
  if (rotation->announce)
    return TRUE;
  g_usleep ((gulong)rotation->wait_seconds * G_USEC_PER_SEC);
  if (g_rename (folder.next, folder.key) == 0)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", folder.key, g_strerror (errno));
  return FALSE;
}
