/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hlsgatesink.h"

/* A folder that a pipeline wrote into. */
typedef struct {
  char *path;
} Folder;

static void
folder_clear (Folder *folder)
{
  const char *argv[] = { "rm", "-rf", folder->path, NULL };

  g_free (spawn (argv));
  g_free (folder->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Folder, folder_clear)

static Folder
folder_new (void)
{
  return (Folder) { g_dir_make_tmp ("headend-test-XXXXXX", NULL) };
}

static char *
content (const Folder *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

static gboolean
has (const Folder *folder, const char *format, guint64 msn)
{
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, msn);
  g_autofree char *name = g_strdup_printf ("demo/%s/%s.ts", format, number);
  g_autofree char *path = g_build_filename (folder->path, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static char *
sink_text (const Folder *folder, const char *more)
{
  return g_strdup_printf ("hlsgatesink name=sink channel=demo destination=file:%s %s ",
                          folder->path, more);
}

/* Names in a folder that are neither segments nor playlists. */
static guint
strangers (const Folder *folder, const char *below)
{
  g_autofree char *path = g_build_filename (folder->path, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    n += !g_str_has_suffix (name, ".ts") && !g_str_has_suffix (name, ".m3u8");
  return n;
}

/* Whether a playlist lists a segment, and what is to be removed by then is. */
typedef struct {
  const Folder *folder;
  const char *segment;
  guint64 removed;
} Listed;

static gboolean
is_listed (gpointer data)
{
  const Listed *listed = data;
  g_autofree char *media = content (listed->folder, "demo/video0/index.m3u8");
  g_autofree char *main = content (listed->folder, "demo/main.m3u8");

  return main != NULL && media != NULL && strstr (media, listed->segment) != NULL
         && !has (listed->folder, "video0", listed->removed);
}

/* Given a live channel and a folder, then its playlists list the newest window, every
 * segment that they name is there, and what left it long ago is not. */
static void
test_live_folder (void)
{
  g_auto (Folder) folder = folder_new ();
  g_autofree char *sink = sink_text (&folder, "window=3");
  g_autofree char *source = video (610, 0, X264, "video_0");
  g_autofree char *text = NULL, *main = NULL, *media = NULL;
  Listed last = { &folder, "\n892500011.ts\n", MSN + 4 };
  g_auto (Result) result = { 0 };
  g_autoptr (GstElement) pipeline = NULL;

  text = g_strconcat (sink, source, NULL);
  pipeline = parse (text);
  run_until (pipeline, &result, is_listed, &last);
  g_assert_cmpstr (result.error, ==, NULL);
  main = content (&folder, "demo/main.m3u8");
  media = content (&folder, "demo/video0/index.m3u8");
  g_assert_nonnull (strstr (main, "\nvideo0/index.m3u8\n"));
  g_assert_null (strstr (main, "INDEPENDENT")); /* nobody has said so */
  g_assert_nonnull (strstr (media, "#EXT-X-MEDIA-SEQUENCE:892500009\n"));
  g_assert_nonnull (strstr (media, "\n892500009.ts\n"));
  g_assert_nonnull (strstr (media, "\n892500011.ts\n"));
  g_assert_null (strstr (media, "892500012.ts"));
  g_assert_null (strstr (media, "ENDLIST"));
  /* A test picture is faster than a slow machine's disk: some in between are skipped. */
  for (guint i = 0; i < 5; i++)
    g_assert_false (has (&folder, "video0", MSN + i));
  for (guint i = 9; i < 12; i++)
    g_assert_true (has (&folder, "video0", MSN + i));
  g_assert_cmpuint (result.segments, >=, 3);
  g_assert_cmpuint (strangers (&folder, "demo/video0"), ==, 0);
}

/* Given encryption, then a destination needs to be told where keys are served; what it
 * is told stands in the playlist, and no key in the folder. */
static void
test_keys (void)
{
  g_auto (Folder) folder = folder_new ();
  g_autofree char *bare = sink_text (&folder, "secret=" CONTENT);
  g_autofree char *told
      = sink_text (&folder, "window=3 secret=" CONTENT
                            " key-uri=https://gate.example/live/demo/keys/"
                            " video_0::closed-gops=true");
  g_autofree char *source = video (210, 0, X264, "video_0");
  g_autofree char *first = g_strconcat (bare, source, NULL);
  g_autofree char *second = g_strconcat (told, source, NULL);
  g_autoptr (GstElement) refused = parse (first);
  g_autoptr (GstElement) taken = parse (second);
  g_autofree char *main = NULL, *media = NULL, *listing = NULL;
  g_auto (Result) bad = { 0 };
  g_auto (Result) good = { 0 };
  const char *argv[] = { "find", folder.path, "-name", "*key*", NULL };
  Listed last = { &folder, "\n892500003.ts\n", 0 };

  run (refused, &bad);
  g_assert_nonnull (bad.error);
  g_assert_nonnull (strstr (bad.error, "set key-uri"));
  g_assert_nonnull (strstr (bad.error, "leave the encryption out"));
  run_until (taken, &good, is_listed, &last);
  g_assert_cmpstr (good.error, ==, NULL);
  main = content (&folder, "demo/main.m3u8");
  g_assert_nonnull (strstr (main, "\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
  media = content (&folder, "demo/video0/index.m3u8");
  g_assert_nonnull (strstr (
      media, "METHOD=AES-128,URI=\"https://gate.example/live/demo/keys/base/29750000\""));
  listing = spawn (argv);
  g_assert_cmpstr (listing, ==, "");
}

/* Given variants, then there is nobody to choose. */
static void
test_variants (void)
{
  g_auto (Folder) folder = folder_new ();
  g_autofree char *sink = sink_text (&folder, "");
  g_autofree char *a = video (60, 0, X264, "video_0");
  g_autofree char *b = video (60, 0, X264, "video_b_0");
  g_autofree char *text = g_strconcat (sink, a, b, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_auto (Result) result = { 0 };

  run (pipeline, &result);
  g_assert_nonnull (result.error);
  g_assert_nonnull (strstr (result.error, "variants a and b"));
}

/* Given a destination that is none, or shows a password, then it is refused without
 * being quoted. */
static void
test_refused (void)
{
  static const struct {
    const char *uri, *message;
  } rows[] = {
    { "http://me:verysecret@host/path/", "credentials" },
    { "http://host/path", "slash" },
    { "ftp://host/path/", "no folder and no web server" },
    { "file:", "no folder" },
    { "http://host/path/?token=verysecret", "query" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text
        = g_strdup_printf ("fakesrc num-buffers=0 ! fakesink hlsgatesink name=sink "
                           "destination=\"%s\"",
                           rows[i].uri);
    g_autoptr (GstElement) pipeline = parse (text);
    g_auto (Result) result = { 0 };

    run (pipeline, &result);
    g_assert_nonnull (result.error);
    g_assert_nonnull (strstr (result.error, rows[i].message));
    g_assert_null (strstr (result.error, "verysecret"));
  }
}

/* Given a folder that cannot be made, then a warning says so once, and the rest flows. */
static void
test_unwritable (void)
{
  g_auto (Folder) folder = folder_new ();
  g_autofree char *file = g_build_filename (folder.path, "demo", NULL);
  g_autofree char *sink = sink_text (&folder, "");
  g_autofree char *source = video (260, 0, X264, "video_0");
  g_autofree char *text = g_strconcat (sink, source, NULL);
  g_autoptr (GstElement) pipeline = parse (text);
  g_auto (Result) result = { 0 };

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  run (pipeline, &result);
  g_assert_cmpstr (result.error, ==, NULL);
  g_assert_cmpuint (result.warnings, ==, 1);
  g_assert_cmpuint (result.segments, ==, 0);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsgatesink/destination/live-folder", test_live_folder);
  g_test_add_func ("/hlsgatesink/destination/keys-are-served-elsewhere", test_keys);
  g_test_add_func ("/hlsgatesink/destination/variants-are-refused", test_variants);
  g_test_add_func ("/hlsgatesink/destination/what-is-none-is-refused", test_refused);
  g_test_add_func ("/hlsgatesink/destination/unwritable-is-told-once", test_unwritable);
  return g_test_run ();
}
