/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-secret.h"
#include "he-codec.h"
#include "he-error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_LEN 32
#define FILE_MAX 4096
#define PEM_MAX (1024 * 1024)

struct _HeSecret {
  gatomicrefcount refs;
  gsize len;
  guint8 data[];
};

/* Room for room bytes and the NUL behind them; none is there yet. */
static HeSecret *
secret_alloc (gsize room)
{
  HeSecret *secret = g_malloc (sizeof *secret + room + 1);

  g_atomic_ref_count_init (&secret->refs);
  secret->len = 0;
  secret->data[0] = 0;
  return secret;
}

HeSecret *
he_secret_new (const guint8 *data, gsize len)
{
  HeSecret *secret = secret_alloc (len);

  if (len > 0)
    memcpy (secret->data, data, len);
  secret->len = len;
  secret->data[len] = 0;
  return secret;
}

HeSecret *
he_secret_ref (HeSecret *secret)
{
  g_atomic_ref_count_inc (&secret->refs);
  return secret;
}

void
he_secret_unref (HeSecret *secret)
{
  if (secret == NULL || !g_atomic_ref_count_dec (&secret->refs))
    return;
  OPENSSL_cleanse (secret->data, secret->len);
  g_free (secret);
}

const guint8 *
he_secret_data (const HeSecret *secret)
{
  return secret->data;
}

gsize
he_secret_len (const HeSecret *secret)
{
  return secret->len;
}

static HeSecret *
secret_from_text (const char *text, gsize len, const char *what, GError **error)
{
  guint8 bytes[SECRET_LEN];
  HeSecret *secret;

  while (len > 0 && g_ascii_isspace (text[0])) {
    text++;
    len--;
  }
  while (len > 0 && g_ascii_isspace (text[len - 1]))
    len--;

  if (!he_hex_decode (text, len, bytes, sizeof bytes)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s is not 64 hexadecimal digits; make one with: openssl rand -hex 32",
                 what);
    return NULL;
  }
  secret = he_secret_new (bytes, sizeof bytes);
  OPENSSL_cleanse (bytes, sizeof bytes);
  return secret;
}

HeSecret *
he_secret_from_hex (const char *text, const char *what, GError **error)
{
  return secret_from_text (text, strnlen (text, FILE_MAX + 1), what, error);
}

/* Looks at the open file, not at the name, so that nothing can be swapped in between. */
static gboolean
check_open_file (int fd, const char *path, gsize max, struct stat *ret_stat,
                 GError **error)
{
  if (fstat (fd, ret_stat) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "cannot inspect %s: %s", path,
                 g_strerror (errno));
    return FALSE;
  }
  if (!S_ISREG (ret_stat->st_mode)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s is not a regular file", path);
    return FALSE;
  }
  if ((guint64)ret_stat->st_size > max) {
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                 "%s is larger than %" G_GSIZE_FORMAT " bytes", path, max);
    return FALSE;
  }
  return TRUE;
}

/* As far as it was when it was inspected: one that grows meanwhile is somebody's mistake,
 * and its text says so. */
static gboolean
read_all (int fd, HeSecret *secret, gsize len)
{
  while (secret->len < len) {
    gssize n = read (fd, secret->data + secret->len, len - secret->len);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    if (n == 0)
      break;
    secret->len += (gsize)n;
  }
  secret->data[secret->len] = 0;
  return TRUE;
}

HeSecret *
he_secret_read_file (const char *path, gsize max, gboolean *ret_private, GError **error)
{
  /* Non-blocking, so that a FIFO in the file's place cannot hang us. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  g_autoptr (HeSecret) secret = NULL;
  struct stat st;

  if (fd < 0) {
    g_set_error (error, HE_ERROR, errno == ENOENT ? HE_ERROR_NOT_FOUND : HE_ERROR_IO,
                 "cannot open %s: %s", path, g_strerror (errno));
    return NULL;
  }
  if (check_open_file (fd, path, max, &st, error)) {
    secret = secret_alloc ((gsize)st.st_size);
    if (!read_all (fd, secret, (gsize)st.st_size)) {
      g_set_error (error, HE_ERROR, HE_ERROR_IO, "cannot read %s: %s", path,
                   g_strerror (errno));
      g_clear_pointer (&secret, he_secret_unref);
    }
    *ret_private = (st.st_mode & 0077) == 0;
  }
  close (fd);
  return g_steal_pointer (&secret);
}

typedef HeSecret *(*Reader) (const char *text, gsize len, const char *what,
                             GError **error);

static HeSecret *
read_private (const char *path, gsize max, const char *what, Reader reader,
              GError **error)
{
  gboolean private = FALSE;
  g_autoptr (HeSecret) file = he_secret_read_file (path, max, &private, error);

  if (file == NULL) {
    g_prefix_error (error, "%s: ", what);
    return NULL;
  }
  if (!private) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "%s: others may read or write %s; run: chmod 600 %s", what, path, path);
    return NULL;
  }
  return reader ((const char *)file->data, file->len, what, error);
}

HeSecret *
he_secret_from_file (const char *path, const char *what, GError **error)
{
  return read_private (path, FILE_MAX, what, secret_from_text, error);
}

static HeSecret *
login_from_text (const char *text, gsize len, const char *what, GError **error)
{
  gboolean good;

  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
    len--;
  good = len > 0 && memchr (text, ':', len) != NULL;
  for (gsize i = 0; i < len; i++)
    good &= !g_ascii_iscntrl (text[i]);
  if (good)
    return he_secret_new ((const guint8 *)text, len);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s: expected one line, USER:PASSWORD",
               what);
  return NULL;
}

HeSecret *
he_secret_login_from_file (const char *path, const char *what, GError **error)
{
  return read_private (path, FILE_MAX, what, login_from_text, error);
}

static HeSecret *
pem_from_text (const char *text, gsize len, const char *what, GError **error)
{
  return he_secret_new ((const guint8 *)text, len);
}

HeSecret *
he_secret_pem_from_file (const char *path, const char *what, GError **error)
{
  return read_private (path, PEM_MAX, what, pem_from_text, error);
}

char *
he_secret_to_hex (const HeSecret *secret)
{
  return he_hex_encode (secret->data, secret->len);
}

void
he_string_wipe_free (char *text)
{
  if (text == NULL)
    return;
  OPENSSL_cleanse (text, strlen (text));
  g_free (text);
}
