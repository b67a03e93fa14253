/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token-rotate.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "he-json.h"
#include "he-secret.h"
#include "he-token.h"

#define NOW G_GINT64_CONSTANT (1700000000)
#define URI "/live/demo/main.m3u8"
#define EVERY                                                                            \
  (HE_TOKEN_ES256 | HE_TOKEN_EDDSA | HE_TOKEN_RS256 | HE_TOKEN_PS256 | HE_TOKEN_HS256)

typedef struct {
  char *dir, *key, *next, *jwks;
} Folder;

static char *
read_text (const char *path)
{
  char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
write_text (const char *path, const char *text)
{
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0600), ==, 0);
}

/* more: other keys of the file, with a comma behind them. */
static void
folder_init (Folder *f, const char *algorithm, const char *more)
{
  gboolean secret = strcmp (algorithm, "HS256") == 0;
  char *private = NULL, *jwk = NULL;
  f->dir = g_dir_make_tmp ("headend-rotate-XXXXXX", NULL);
  f->key = g_build_filename (f->dir, secret ? "token.jwk" : "token.pem", NULL);
  f->next = g_build_filename (f->dir, secret ? "token.next.jwk" : "token.next.pem", NULL);
  f->jwks = g_build_filename (f->dir, "tokens.jwks", NULL);
  g_assert_true (he_token_keygen (algorithm, &private, &jwk, NULL));
  g_autofree char *jwks = g_strdup_printf ("{\"x\":1,\"keys\":[%s%s]}", more, jwk);
  write_text (f->key, private);
  write_text (f->jwks, jwks);
  he_string_wipe_free (private);
  he_string_wipe_free (jwk);
}

static void
folder_clear (Folder *f)
{
  g_remove (f->key);
  g_remove (f->next);
  g_remove (f->jwks);
  g_assert_cmpint (g_rmdir (f->dir), ==, 0); /* nothing else was left behind */
  g_free (f->dir);
  g_free (f->key);
  g_free (f->next);
  g_free (f->jwks);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static gboolean
rotate_at (Folder *f, gint64 now, gboolean announce, GError **error)
{
  const HeadendRotation rotation
      = { .dir = f->dir, .keep_seconds = 100, .announce = announce, .now = now };
  return headend_token_rotate (&rotation, error);
}

static char *
mint (Folder *f)
{
  const char *channels[] = { "demo", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = "alice",
                                   .channels = channels,
                                   .now = NOW,
                                   .ttl_seconds = 1000 };
  g_autofree char *key = read_text (f->key);
  g_autoptr (GError) error = NULL;
  char *token = he_token_mint (key, &request, &error);
  g_assert_no_error (error);
  return token;
}

static HeCode
verify (HeTokenKeys *keys, const char *text, gint64 now)
{
  const HeTokenRules rules = { keys, "headend", "headend" };
  g_autoptr (HeToken) token = NULL;
  return he_token_verify (&rules, text, strlen (text), URI, now, &token);
}

static guint
mode_of (const char *path)
{
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  return st.st_mode & 0777;
}

/* Given keys of each algorithm, when they are rotated, then nodes that run take tokens of
 * the new key at once, and of the old one as long as was said; the secret stays one. */
static void
test_rotate (void)
{
  static const char *const algorithms[] = { "ES256", "EdDSA", "HS256" };
  for (guint i = 0; i < G_N_ELEMENTS (algorithms); i++) {
    g_auto (Folder) f;
    g_autoptr (GError) error = NULL;
    folder_init (&f, algorithms[i], "");
    g_autoptr (HeTokenKeys) keys = he_token_keys_load (f.jwks, EVERY, &error);
    g_assert_no_error (error);
    g_autofree char *old = mint (&f);
    g_assert_true (rotate_at (&f, NOW, FALSE, &error));
    g_assert_no_error (error);
    g_autofree char *fresh = mint (&f);
    g_assert_cmpint (verify (keys, fresh, NOW), ==, HE_CODE_SIGNATURE);
    g_assert_true (he_token_keys_changed (keys));
    g_assert_true (he_token_keys_reload (keys, &error));
    g_assert_cmpint (verify (keys, fresh, NOW), ==, HE_CODE_OK);
    g_assert_cmpint (verify (keys, fresh, NOW + 100), ==, HE_CODE_OK);
    g_assert_cmpint (verify (keys, old, NOW + 99), ==, HE_CODE_OK);
    g_assert_cmpint (verify (keys, old, NOW + 100), ==, HE_CODE_SIGNATURE);
    g_assert_cmpuint (mode_of (f.key), ==, 0600);
    g_assert_cmpuint (mode_of (f.jwks), ==, 0600); /* as it was */
    g_assert_false (g_file_test (f.next, G_FILE_TEST_EXISTS));
  }
}

static HeJson *
keys_in (Folder *f, const HeJson **ret_list)
{
  g_autofree char *text = read_text (f->jwks);
  HeJson *root = he_json_parse (text, -1, 65536, 8, NULL);
  *ret_list = he_json_member (root, "keys");
  return root;
}

/* The new key comes first, those of others stay as they are, and one whose end has come
 * is taken out by the next rotation. */
static void
test_file (void)
{
  static const char other[]
      = "{\"kty\":\"EC\",\"kid\":\"other\",\"x5c\":[\"AAAA\",1.5,null,true],\"crv\":"
        "\"P-256\",\"use\":\"enc\"},";
  g_auto (Folder) f;
  const HeJson *list = NULL;
  folder_init (&f, "ES256", other);
  for (guint round = 0; round < 3; round++) {
    g_assert_true (rotate_at (&f, NOW + 60 * round, FALSE, NULL));
    g_autoptr (HeJson) root = keys_in (&f, &list);
    g_autofree char *key = read_text (f.key);
    g_autofree char *kid = he_token_kid (key, NULL, NULL);
    /* Two old ones overlap in the second round; the first has ended in the third. */
    g_assert_cmpuint (he_json_length (list), ==, round == 0 ? 3 : 4);
    const HeJson *first = he_json_element (list, 0);
    g_assert_cmpstr (he_json_string (he_json_member (first, "kid")), ==, kid);
    g_assert_null (he_json_member (first, "exp"));
    guint others = 0;
    for (guint i = 1; i < he_json_length (list); i++) {
      const HeJson *jwk = he_json_element (list, i);
      const HeJson *end = he_json_member (jwk, "exp");
      if (strcmp (he_json_string (he_json_member (jwk, "kid")), "other") == 0) {
        g_assert_null (end);
        g_assert_cmpuint (he_json_length (he_json_member (jwk, "x5c")), ==, 4);
        others++;
      } else {
        g_assert_cmpint (he_json_integer (end), >, NOW + 60 * round);
        g_assert_cmpint (he_json_integer (end), <=, NOW + 60 * round + 100);
      }
    }
    g_assert_cmpuint (others, ==, 1);
  }
}

/* Given a key that was announced, or one that a crash left on its way, when it is rotated
 * to, then it is that one, and until then the old one signs without an end. */
static void
test_announced (void)
{
  g_auto (Folder) f;
  folder_init (&f, "ES256", "");
  g_autofree char *before = read_text (f.key);
  g_assert_true (rotate_at (&f, NOW, TRUE, NULL));
  g_assert_true (rotate_at (&f, NOW, TRUE, NULL)); /* the same again */
  g_autofree char *still = read_text (f.key);
  g_autofree char *next = read_text (f.next);
  g_assert_cmpstr (still, ==, before);
  g_autoptr (HeTokenKeys) keys = he_token_keys_load (f.jwks, EVERY, NULL);
  g_autofree char *old = mint (&f);
  g_assert_cmpint (verify (keys, old, NOW + 500), ==, HE_CODE_OK);
  g_assert_true (rotate_at (&f, NOW, FALSE, NULL));
  g_autofree char *after = read_text (f.key);
  g_assert_cmpstr (after, ==, next);
  g_autofree char *fresh = mint (&f);
  g_assert_cmpint (verify (keys, fresh, NOW), ==, HE_CODE_OK); /* known since then */
  const HeJson *list = NULL;
  g_autoptr (HeJson) root = keys_in (&f, &list);
  g_assert_cmpuint (he_json_length (list), ==, 2);
}

/* Given files of the service's, when an administrator with a mask of his own rotates, then
 * the service may read what it read before. */
static void
test_owner (void)
{
  g_auto (Folder) f;
  struct stat st;
  folder_init (&f, "ES256", "");
  g_assert_cmpint (g_chmod (f.jwks, 0644), ==, 0);
  if (geteuid () == 0) {
    g_assert_cmpint (chown (f.key, 1, 2), ==, 0);
    g_assert_cmpint (chown (f.jwks, 1, 3), ==, 0);
  }
  mode_t mask = umask (077);
  for (guint round = 0; round < 2; round++) {
    g_autoptr (GError) error = NULL;
    gboolean announce = round == 0;
    gboolean ok = rotate_at (&f, NOW, announce, &error);
    g_assert_no_error (error);
    g_assert_true (ok);
    g_assert_cmpuint (mode_of (f.jwks), ==, 0644);
    g_assert_cmpuint (mode_of (announce ? f.next : f.key), ==, 0600);
    g_assert_cmpint (stat (announce ? f.next : f.key, &st), ==, 0);
    g_assert_cmpuint (st.st_uid, ==, geteuid () == 0 ? 1 : geteuid ());
    if (geteuid () == 0)
      g_assert_cmpuint (st.st_gid, ==, 2);
    g_assert_cmpint (stat (f.jwks, &st), ==, 0);
    g_assert_cmpuint (st.st_uid, ==, geteuid () == 0 ? 1 : geteuid ());
    if (geteuid () == 0)
      g_assert_cmpuint (st.st_gid, ==, 3);
  }
  umask (mask);
}

/* What does not fit is left as it was. */
static void
test_refused (void)
{
  g_auto (Folder) f;
  char *private = NULL, *jwk = NULL;
  g_autoptr (GError) error = NULL;
  folder_init (&f, "ES256", "");
  g_autofree char *jwks = read_text (f.jwks);
  const HeadendRotation secret
      = { .dir = f.dir, .algorithm = "HS256", .keep_seconds = 1, .now = NOW };
  g_assert_false (headend_token_rotate (&secret, &error));
  g_clear_error (&error);
  g_assert_true (he_token_keygen ("ES256", &private, &jwk, NULL));
  write_text (f.key, private); /* of another file */
  g_assert_false (rotate_at (&f, NOW, FALSE, &error));
  g_assert_nonnull (strstr (error->message, "kid"));
  g_autofree char *after = read_text (f.jwks);
  g_autofree char *key = read_text (f.key);
  g_assert_cmpstr (after, ==, jwks);
  g_assert_cmpstr (key, ==, private);
  g_assert_false (g_file_test (f.next, G_FILE_TEST_EXISTS));
  he_string_wipe_free (private);
  he_string_wipe_free (jwk);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/token/rotate/old-tokens-stay-good-for-a-while", test_rotate);
  g_test_add_func ("/token/rotate/file-keeps-what-is-others", test_file);
  g_test_add_func ("/token/rotate/goes-on-with-what-was-announced", test_announced);
  g_test_add_func ("/token/rotate/keeps-owners-and-modes", test_owner);
  g_test_add_func ("/token/rotate/refuses-what-does-not-fit", test_refused);
  return g_test_run ();
}
