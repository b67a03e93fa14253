/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "archive.h"
#include "he-crypto.h"
#include "he-error.h"
#include "he-keys.h"

#define MSN 880000000

typedef struct {
  char *folder;
  HeadendModelChannel *channel;
  HeSecret *content;
  HeadendArchive archive;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  const guint heights[] = { 360, 1080, 720 };
  guint8 secret[32] = { 1, 2, 3 };
  f->folder = g_dir_make_tmp ("archive-XXXXXX", NULL);
  f->channel = headend_model_channel_new ();
  f->channel->name = g_strdup ("demo");
  if (!f->channel->tier)
    f->channel->tier = g_strdup ("base");
  for (guint i = 0; i < G_N_ELEMENTS (heights); i++) {
    HeadendVideo *video = headend_video_new ();
    video->name = g_strdup_printf ("%up", heights[i]);
    video->height = heights[i];
    video->width = heights[i] * 16 / 9;
    g_ptr_array_add (f->channel->video, video);
  }
  f->content = he_secret_new (secret, sizeof secret);
  f->archive = (HeadendArchive) { f->folder, f->channel, f->content };
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *inner = g_build_filename (path, name, NULL);
    remove_all (inner);
  }
  g_remove (path);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  remove_all (f->folder);
  g_free (f->folder);
  headend_model_channel_free (f->channel);
  he_secret_unref (f->content);
}

static void
save (Fixture *f, const char *variant, const char *rendition, const void *data, gsize size)
{
  g_autofree char *folder = g_build_filename (f->folder, variant, "demo", rendition, NULL);
  g_autofree char *path = g_strdup_printf ("%s/%d.ts", folder, MSN);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, data, (gssize)size, NULL));
}

/* As a worker would. */
static GBytes *
encrypt (Fixture *f, const guint8 *data, gsize size)
{
  guint8 key[16], iv[16];
  he_content_key (f->content, f->channel->key_version, "demo", f->channel->tier,
                  he_key_period (MSN, f->channel->key_rotation), key);
  he_content_iv (MSN, iv);
  return he_aes128_cbc_encrypt (key, iv, data, size);
}

/* A transport stream of one packet that says which it is. */
static void
put (Fixture *f, const char *variant, const char *rendition, gboolean encrypted, guint8 word)
{
  guint8 packet[188] = { 0x47, word };
  g_autoptr (GBytes) body = encrypted ? encrypt (f, packet, sizeof packet)
                                      : g_bytes_new (packet, sizeof packet);
  gsize size;
  const void *data = g_bytes_get_data (body, &size);
  save (f, variant, rendition, data, size);
}

static void
assert_reads (Fixture *f, guint8 a_word, guint8 b_word)
{
  g_autoptr (GBytes) a = NULL, b = NULL;
  g_autoptr (GError) error = NULL;
  headend_archive_read (&f->archive, MSN, &a, &b, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (a), ==, 188);
  g_assert_cmpuint (((const guint8 *)g_bytes_get_data (a, NULL))[1], ==, a_word);
  g_assert_cmpuint (((const guint8 *)g_bytes_get_data (b, NULL))[1], ==, b_word);
}

static void
test_largest_with_both_variants (Fixture *f, gconstpointer data)
{
  put (f, "a", "360p", FALSE, 1);
  put (f, "b", "360p", FALSE, 2);
  put (f, "a", "1080p", FALSE, 3);
  assert_reads (f, 1, 2);
  put (f, "a", "720p", FALSE, 4);
  put (f, "b", "720p", TRUE, 5);
  assert_reads (f, 4, 5);
}

static void
assert_fails (Fixture *f, int code, const char *word)
{
  g_autoptr (GBytes) a = NULL, b = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_false (headend_archive_read (&f->archive, MSN, &a, &b, &error));
  g_assert_error (error, HE_ERROR, code);
  g_assert_nonnull (strstr (error->message, word));
  g_assert_null (a);
}

static void
test_what_is_missing_or_foreign (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  assert_fails (f, HE_ERROR_NOT_FOUND, "880000000");
  g_assert_false (headend_archive_check (&f->archive, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  put (f, "a", "360p", TRUE, 1);
  put (f, "b", "360p", TRUE, 2);
  g_assert_true (headend_archive_check (&f->archive, NULL));
  assert_reads (f, 1, 2);
  f->channel->key_version++;
  assert_fails (f, HE_ERROR_INVALID, "key-version");
}

/* Given segments whose encrypted bytes begin as a transport stream's packet, when they are
 * read, then they are decrypted. */
static void
test_encrypted_that_begins_like_clear (Fixture *f, gconstpointer data)
{
  const char *const variants[] = { "a", "b" };
  for (guint v = 0; v < G_N_ELEMENTS (variants); v++) {
    g_autoptr (GBytes) body = NULL;
    const guint8 *bytes = NULL;
    gsize size = 0;
    guint8 packet[188] = { 0x47, (guint8)(v + 1) };
    for (guint i = 0; i < 0x10000 && (!bytes || bytes[0] != 0x47); i++) {
      packet[2] = (guint8)i;
      packet[3] = (guint8)(i >> 8);
      g_clear_pointer (&body, g_bytes_unref);
      body = encrypt (f, packet, sizeof packet);
      bytes = g_bytes_get_data (body, &size);
    }
    g_assert_cmpuint (bytes[0], ==, 0x47);
    save (f, variants[v], "360p", bytes, size);
  }
  assert_reads (f, 1, 2);
}

/* Given a file that is no transport stream further on, when it is read, then it is refused. */
static void
test_clear_in_part (Fixture *f, gconstpointer data)
{
  guint8 packets[3 * 188] = { 0 };
  packets[0] = packets[188] = 0x47;
  put (f, "a", "360p", FALSE, 1);
  save (f, "b", "360p", packets, sizeof packets);
  assert_fails (f, HE_ERROR_INVALID, "transport stream");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/archive/largest-with-both-variants", Fixture, NULL, set_up, test_largest_with_both_variants, tear_down);
  g_test_add ("/archive/what-is-missing-or-foreign", Fixture, NULL, set_up, test_what_is_missing_or_foreign, tear_down);
  g_test_add ("/archive/encrypted-that-begins-like-clear", Fixture, NULL, set_up,
              test_encrypted_that_begins_like_clear, tear_down);
  g_test_add ("/archive/clear-in-part", Fixture, NULL, set_up, test_clear_in_part, tear_down);
  return g_test_run ();
}
