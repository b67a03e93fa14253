/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive.h"

#include <errno.h>
#include <glib/gstdio.h>
#include "he-crypto.h"
#include "he-error.h"
#include "he-keys.h"
#include "probe.h"

#define SYNC 0x47 /* each packet of a transport stream begins with it */
#define PACKET 188
#define PACKETS_SEEN 16 /* in what is encrypted they begin so by chance once in 2^128 */

static char *
folder_of (const HeadendArchive *archive, HeVariant variant)
{
  return g_build_filename (archive->folder, he_variant_name (variant), archive->channel->name, NULL);
}

gboolean
headend_archive_check (const HeadendArchive *archive, GError **error)
{
  const HeVariant variants[] = { HE_VARIANT_A, HE_VARIANT_B };
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++) {
    g_autofree char *folder = folder_of (archive, variants[i]);
    if (g_file_test (folder, G_FILE_TEST_IS_DIR))
      continue;
    g_set_error (error, HE_ERROR, HE_ERROR_IO,
                 "there is no folder %s; expected segments named "
                 "%s/VARIANT/CHANNEL/RENDITION/MSN.ts, of the variants a and b",
                 folder, archive->folder);
    return FALSE;
  }
  return TRUE;
}

static char *
path_of (const HeadendArchive *archive, const HeadendVideo *video, HeVariant variant, guint64 msn)
{
  g_autofree char *folder = folder_of (archive, variant);
  g_autofree char *name = g_strdup_printf ("%" G_GUINT64_FORMAT ".ts", msn);
  return g_build_filename (folder, video->name, name, NULL);
}

static gboolean
is_there (const HeadendArchive *archive, const HeadendVideo *video, guint64 msn)
{
  g_autofree char *a = path_of (archive, video, HE_VARIANT_A, msn);
  g_autofree char *b = path_of (archive, video, HE_VARIANT_B, msn);
  return g_file_test (a, G_FILE_TEST_IS_REGULAR) && g_file_test (b, G_FILE_TEST_IS_REGULAR);
}

static gboolean
is_clear (const guint8 *data, gsize len)
{
  if (!len || len % PACKET)
    return FALSE;
  for (gsize i = 0; i < MIN (len / PACKET, PACKETS_SEEN); i++)
    if (data[i * PACKET] != SYNC)
      return FALSE;
  return TRUE;
}

static GBytes *
decrypt (const HeadendArchive *archive, const char *path, guint64 msn, const guint8 *data,
         gsize len, GError **error)
{
  const HeadendModelChannel *channel = archive->channel;
  guint8 key[16], iv[16];
  he_content_key (archive->content, channel->key_version, channel->name, channel->tier,
                  he_key_period (msn, channel->key_rotation), key);
  he_content_iv (msn, iv);
  g_autoptr (GBytes) clear = he_aes128_cbc_decrypt (key, iv, data, len, NULL);
  gsize size = 0;
  const guint8 *bytes = clear ? g_bytes_get_data (clear, &size) : NULL;
  if (bytes && is_clear (bytes, size))
    return g_steal_pointer (&clear);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "%s is no transport stream, and cannot be decrypted as one with the keys of this "
               "description; check its secret, key-version, tier and key-rotation, and the file",
               path);
  return NULL;
}

static GBytes *
read_file (const HeadendArchive *archive, const HeadendVideo *video, HeVariant variant,
           guint64 msn, GError **error)
{
  g_autofree char *path = path_of (archive, video, variant, msn);
  g_autofree char *data = NULL;
  gsize len;
  GStatBuf status;
  if (g_stat (path, &status) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
    return NULL;
  }
  if (status.st_size > HEADEND_SEGMENT_MAX) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s has more than %d bytes", path,
                 HEADEND_SEGMENT_MAX);
    return NULL;
  }
  if (!g_file_get_contents (path, &data, &len, error))
    return NULL;
  if (is_clear ((const guint8 *)data, len))
    return g_bytes_new_take (g_steal_pointer (&data), len);
  return decrypt (archive, path, msn, (const guint8 *)data, len, error);
}

gboolean
headend_archive_read (const HeadendArchive *archive, guint64 msn, GBytes **ret_a, GBytes **ret_b,
                      GError **error)
{
  const HeadendVideo *best = NULL;
  for (guint i = 0; i < archive->channel->video->len; i++) {
    const HeadendVideo *video = archive->channel->video->pdata[i];
    if ((!best || video->width * video->height > best->width * best->height)
        && is_there (archive, video, msn))
      best = video;
  }
  if (!best) {
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
                 "%s has not both variants of segment %" G_GUINT64_FORMAT, archive->folder, msn);
    return FALSE;
  }
  g_autoptr (GBytes) a = read_file (archive, best, HE_VARIANT_A, msn, error);
  GBytes *b = a ? read_file (archive, best, HE_VARIANT_B, msn, error) : NULL;
  if (!b)
    return FALSE;
  *ret_a = g_steal_pointer (&a);
  *ret_b = b;
  return TRUE;
}
