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

struct _HeSecret {
  gatomicrefcount refs;
  gsize len;
  guint8 data[];
};

HeSecret *
he_secret_new (const guint8 *data, gsize len)
{
  HeSecret *secret = g_malloc (sizeof *secret + len);

  g_atomic_ref_count_init (&secret->refs);
  secret->len = len;
  if (len > 0)
    memcpy (secret->data, data, len);
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
check_private_file (int fd, const char *path, const char *what, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot inspect %s: %s", what, path,
                 g_strerror (errno));
    return FALSE;
  }
  if (!S_ISREG (st.st_mode)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s: %s is not a regular file", what,
                 path);
    return FALSE;
  }
  if ((st.st_mode & 0077) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_DENIED,
                 "%s: others may read or write %s (mode %04o); run: chmod 600 %s", what,
                 path, (guint)(st.st_mode & 07777), path);
    return FALSE;
  }
  return TRUE;
}

static gssize
read_all (int fd, char *buffer, gsize cap)
{
  gsize len = 0;

  while (len < cap) {
    gssize n = read (fd, buffer + len, cap - len);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    len += (gsize)n;
  }
  return (gssize)len;
}

typedef HeSecret *(*Reader) (const char *text, gsize len, const char *what,
                             GError **error);

static HeSecret *
read_file (const char *path, const char *what, Reader reader, GError **error)
{
  char buffer[FILE_MAX + 1];
  HeSecret *secret = NULL;
  gssize len;
  /* Non-blocking, so that a FIFO in the file's place cannot hang us. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0) {
    g_set_error (error, HE_ERROR, errno == ENOENT ? HE_ERROR_NOT_FOUND : HE_ERROR_IO,
                 "%s: cannot open %s: %s", what, path, g_strerror (errno));
    return NULL;
  }
  if (check_private_file (fd, path, what, error)) {
    len = read_all (fd, buffer, sizeof buffer);
    if (len < 0)
      g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot read %s: %s", what, path,
                   g_strerror (errno));
    else if (len > FILE_MAX)
      g_set_error (error, HE_ERROR, HE_ERROR_LIMIT, "%s: %s is larger than %d bytes",
                   what, path, FILE_MAX);
    else
      secret = reader (buffer, (gsize)len, what, error);
    OPENSSL_cleanse (buffer, sizeof buffer);
  }
  close (fd);
  return secret;
}

HeSecret *
he_secret_from_file (const char *path, const char *what, GError **error)
{
  return read_file (path, what, secret_from_text, error);
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
  return read_file (path, what, login_from_text, error);
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
