/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsgatesink serving viewers itself. */
#include <libsoup/soup.h>

#include "he-crypto.h"
#include "he-token.h"
#include "hlsgatesink.h"

typedef struct {
  char *folder, *jwks;
  char *pem;       /* of ES256 */
  char *other_pem; /* of EdDSA */
} Keys;

static void
keys_make (Keys *keys)
{
  g_autofree char *jwk = NULL;
  g_autofree char *other_jwk = NULL;
  g_autofree char *text = NULL;

  g_assert_true (he_token_keygen ("ES256", &keys->pem, &jwk, NULL));
  g_assert_true (he_token_keygen ("EdDSA", &keys->other_pem, &other_jwk, NULL));
  keys->folder = g_dir_make_tmp ("hlsgatesink-XXXXXX", NULL);
  keys->jwks = g_build_filename (keys->folder, "tokens.jwks", NULL);
  text = g_strdup_printf ("{\"keys\":[%s,%s]}", jwk, other_jwk);
  g_assert_true (g_file_set_contents (keys->jwks, text, -1, NULL));
}

static void
keys_clear (Keys *keys)
{
  g_unlink (keys->jwks);
  g_rmdir (keys->folder);
  g_free (keys->folder);
  g_free (keys->jwks);
  g_free (keys->pem);
  g_free (keys->other_pem);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Keys, keys_clear)

static char *
mint (const char *pem)
{
  static const char *const channels[] = { "demo", NULL };
  HeTokenRequest request = { .issuer = "headend",
                             .audience = "headend",
                             .account = "viewer",
                             .channels = channels,
                             .now = g_get_real_time () / G_USEC_PER_SEC,
                             .ttl_seconds = 60 };
  g_autoptr (GError) error = NULL;
  char *token = he_token_mint (pem, &request, &error);

  g_assert_no_error (error);
  return token;
}

static GBytes *
fetch (SoupSession *session, guint port, const char *path, guint expected)
{
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u%s", port, path);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GError) error = NULL;
  GBytes *body = soup_session_send_and_read (session, message, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (soup_message_get_status (message), ==, expected);
  return body;
}

static char *
fetch_text (SoupSession *session, guint port, const char *path)
{
  g_autoptr (GBytes) body = fetch (session, port, path, 200);

  return g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
}

/* What follows prefix on a line, up to the end character. */
static char *
find (const char *text, const char *prefix, char end)
{
  const char *begin = strstr (text, prefix);

  g_assert_nonnull (begin);
  begin += strlen (prefix);
  g_assert_nonnull (strchr (begin, end));
  return g_strndup (begin, (gsize)(strchr (begin, end) - begin));
}

static GBytes *
fetch_and_decrypt (SoupSession *session, guint port)
{
  g_autofree char *list = fetch_text (session, port, "/live/demo/video0/index.m3u8");
  g_autofree char *key_uri = find (list, "URI=\"../", '"');
  g_autofree char *msn = find (list, "EXTINF:2.000,\n", '.');
  g_autofree char *key_path = g_strconcat ("/live/demo/", key_uri, NULL);
  g_autofree char *path = g_strconcat ("/live/demo/video0/", msn, ".ts", NULL);
  g_autoptr (GBytes) key = fetch (session, port, key_path, 200);
  g_autoptr (GBytes) body = fetch (session, port, path, 200);
  GBytes *clear;
  guint8 iv[16] = { 0 };

  g_assert_cmpuint (g_bytes_get_size (key), ==, 16);
  GST_WRITE_UINT64_BE (iv + 8, g_ascii_strtoull (msn, NULL, 10)); /* RFC 8216 5.2 */
  clear = he_aes128_cbc_decrypt (g_bytes_get_data (key, NULL), iv,
                                 g_bytes_get_data (body, NULL), g_bytes_get_size (body),
                                 NULL);
  g_assert_nonnull (clear);
  g_assert_cmpuint (g_bytes_get_size (clear) % (16 * 188), ==, 0);
  return clear;
}

typedef struct {
  const char *format, *encoder;
  guint8 sps; /* the first byte of its NAL unit */
  const char *range;
} Codec;

static const Codec h264 = { "I420", X264, 0x67, "SDR" };
static const Codec h265 = { "I420", X265, 0x42, "SDR" };
static const Codec h265_10 = { "I420_10LE,colorimetry=bt2100-pq", X265, 0x42, "PQ" };

/* The RFC 6381 name that follows from the sequence parameter set of a segment (ISO/IEC
 * 14496-15 section E.3), which the first packet of its first picture holds. */
static char *
codecs_in (GBytes *segment, const Codec *codec)
{
  const guint8 start[] = { 0, 0, 1, codec->sps };
  gsize len, n = 0, zeros = 0;
  const guint8 *data = g_bytes_get_data (segment, &len);
  const guint8 *at = memmem (data, len, start, sizeof start);
  guint8 sps[16];
  guint32 compatible = 0;

  g_assert_nonnull (at);
  for (at += sizeof start; n < sizeof sps; at++) {
    gboolean emulation = zeros == 2 && *at == 3;

    zeros = *at == 0 ? zeros + 1 : 0;
    if (!emulation)
      sps[n++] = *at;
  }
  if (codec->sps == 0x67)
    return g_strdup_printf ("avc1.%02X%02X%02X", sps[0], sps[1], sps[2]);
  for (guint i = 0; i < 32; i++)
    compatible |= (guint32)(sps[3 + i / 8] >> (7 - i % 8) & 1) << i;
  for (guint i = 8; i < 13; i++)
    g_assert_cmphex (sps[i], ==, 0); /* else there are more parts */
  return g_strdup_printf ("hvc1.%u.%X.%c%u.%02X", sps[2] & 0x1f, compatible,
                          sps[2] & 0x20 ? 'H' : 'L', sps[13], sps[7]);
}

#define HELD(name)                                                                       \
  "queue name=" name " max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! "

typedef struct {
  GstPad *pads[2];
  gulong blocks[2];
  gint running;
} Hold;

static GstPadProbeReturn
count_ends (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Hold *hold = data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS
      && g_atomic_int_dec_and_test (&hold->running))
    for (guint i = 0; i < 2; i++)
      gst_pad_remove_probe (hold->pads[i], hold->blocks[i]);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return GST_PAD_PROBE_OK;
}

static void
hold_free (gpointer data)
{
  Hold *hold = data;

  for (guint i = 0; i < 2; i++)
    gst_object_unref (hold->pads[i]);
  g_free (hold);
}

/* Both streams are encoded to their end before anything of them goes on: an origin
 * forgets a channel for which nothing comes for long, and encoders may be slow. */
static void
hold_back (GstElement *pipeline)
{
  static const char *const names[] = { "video", "audio" };
  Hold *hold = g_new0 (Hold, 1);

  hold->running = 2;
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstElement) queue = gst_bin_get_by_name (GST_BIN (pipeline), names[i]);
    g_autoptr (GstPad) in = gst_element_get_static_pad (queue, "sink");

    hold->pads[i] = gst_element_get_static_pad (queue, "src");
    /* Encoders wait for answers to queries, which go on. */
    hold->blocks[i] = gst_pad_add_probe (
        hold->pads[i], GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER, block, NULL,
        NULL);
    gst_pad_add_probe (in, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, count_ends, hold, NULL);
  }
  g_object_set_data_full (G_OBJECT (pipeline), "hold", hold, hold_free);
}

static GstElement *
embedded_new (const Keys *keys, const Codec *codec)
{
  g_autofree char *source
      = video_of (codec->format, 210, 0, codec->encoder, HELD ("video"), "video_0");
  g_autofree char *text = g_strdup_printf (
      "hlsgatesink name=sink channel=demo secret=" CONTENT " window=3 listen=127.0.0.1:0"
      " jwks=%s %s" AUDIO_BEHIND (HELD ("audio")),
      keys->jwks, source);
  GstElement *pipeline = parse (text);

  hold_back (pipeline);
  return pipeline;
}

/* Plays to the end and leaves the pipeline running, so that it serves on. */
static guint
play_on (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstMessage) message = NULL;
  guint port;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 3600 * GST_SECOND,
                                        GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  g_object_get (sink, "port", &port, NULL);
  g_assert_cmpuint (port, >, 0);
  return port;
}

/* Given listen, then a stranger gets nothing, and a viewer with a token the playlists,
 * the key and segments that decrypt with it. */
static void
test_serves (gconstpointer data)
{
  const Codec *codec = data;
  g_auto (Keys) keys = { 0 };
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (SoupSession) session
      = soup_session_new_with_options ("proxy-resolver", NULL, NULL);
  g_autoptr (SoupSessionFeature) jar = (SoupSessionFeature *)soup_cookie_jar_new ();
  g_autoptr (GBytes) denied = NULL;
  g_autofree char *token = NULL;
  g_autofree char *entry = NULL;
  g_autofree char *main_list = NULL;
  g_autofree char *codecs = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *range = NULL;
  g_autoptr (GBytes) segment = NULL;
  guint port;

  keys_make (&keys);
  pipeline = embedded_new (&keys, codec);
  port = play_on (pipeline);
  denied = fetch (session, port, "/live/demo/main.m3u8", 401);
  soup_session_add_feature (session, jar);
  token = mint (keys.pem);
  entry = g_strconcat ("/live/demo/main.m3u8?URISigningPackage=", token, NULL);
  main_list = fetch_text (session, port, entry);
  g_assert_nonnull (strstr (main_list, "RESOLUTION=128x64,FRAME-RATE=25.000"));
  range = g_strdup_printf (",VIDEO-RANGE=%s,", codec->range);
  g_assert_nonnull (strstr (main_list, range));
  segment = fetch_and_decrypt (session, port);
  codecs = codecs_in (segment, codec);
  expected = g_strdup_printf ("CODECS=\"%s,mp4a.40.2\"", codecs);
  g_test_message ("%s", expected);
  g_assert_nonnull (strstr (main_list, expected));
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* Given the embedded gate, when ffmpeg plays what it serves, then it has nothing to say.
 */
static void
test_plays (gconstpointer codec)
{
  g_auto (Keys) keys = { 0 };
  g_autoptr (GstElement) pipeline = NULL;
  g_autofree char *token = NULL;
  g_autofree char *url = NULL;
  g_autofree char *nothing = NULL;
  const char *argv[] = { "ffmpeg", "-nostdin", "-v", "warning", "-i", NULL,
                         "-t",     "5",        "-f", "null",    "-",  NULL };
  guint port;

  keys_make (&keys);
  pipeline = embedded_new (&keys, codec);
  port = play_on (pipeline);
  token = mint (keys.pem);
  argv[5] = url = g_strdup_printf (
      "http://127.0.0.1:%u/live/demo/main.m3u8?URISigningPackage=%s", port, token);
  nothing = spawn (argv);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* The status of an entry with a token by a key, and the playlist asked for. */
static guint
enter (guint port, const char *pem)
{
  g_autofree char *token = mint (pem);
  g_autofree char *url = g_strdup_printf (
      "http://127.0.0.1:%u/live/demo/main.m3u8?URISigningPackage=%s", port, token);
  g_autoptr (SoupSession) session
      = soup_session_new_with_options ("proxy-resolver", NULL, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = NULL;

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  body = soup_session_send_and_read (session, message, NULL, &error);
  g_assert_no_error (error);
  return soup_message_get_status (message);
}

/* Given algorithms, then tokens by those alone are taken, whatever keys there are. */
static void
test_algorithms (void)
{
  static const struct {
    const char *algorithms;
    gboolean es256, eddsa;
  } rows[] = {
    { "ES256", TRUE, FALSE },
    { "EdDSA", FALSE, TRUE },
    { "RS256, EdDSA,ES256", TRUE, TRUE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_auto (Keys) keys = { 0 };
    g_autoptr (GstElement) sink = gst_element_factory_make ("hlsgatesink", NULL);
    guint port;

    keys_make (&keys);
    gst_object_ref_sink (sink);
    g_object_set (sink, "channel", "demo", "listen", "127.0.0.1:0", "jwks", keys.jwks,
                  "algorithms", rows[i].algorithms, NULL);
    g_assert_cmpint (gst_element_set_state (sink, GST_STATE_PAUSED), !=,
                     GST_STATE_CHANGE_FAILURE);
    g_object_get (sink, "port", &port, NULL);
    g_test_message ("%s", rows[i].algorithms);
    /* Nothing is on air: who is let in learns that. */
    g_assert_cmpuint (enter (port, keys.pem), ==, rows[i].es256 ? 404 : 403);
    g_assert_cmpuint (enter (port, keys.other_pem), ==, rows[i].eddsa ? 404 : 403);
    gst_element_set_state (sink, GST_STATE_NULL);
  }
}

/* Given what is no list of algorithms, then the element does not start, and says why. */
static void
test_no_algorithms (void)
{
  static const char *const rows[] = { "none", "", "ES256,", "HS257", "es256" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = g_strdup_printf (
        "fakesrc num-buffers=0 ! fakesink hlsgatesink listen=127.0.0.1:0 jwks=none"
        " algorithms=\"%s\"",
        rows[i]);
    g_autoptr (GstElement) pipeline = parse (text);
    g_auto (Result) result = { 0 };

    run (pipeline, &result);
    g_assert_nonnull (result.error);
    g_test_message ("%s", result.error);
    g_assert_nonnull (strstr (result.error, "algorithms could not be read: expected one"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_data_func ("/hlsgatesink/serves/viewers-with-a-token", &h264, test_serves);
  g_test_add_data_func ("/hlsgatesink/serves/what-ffmpeg-plays", &h264, test_plays);
  g_test_add_data_func ("/hlsgatesink/serves/h265", &h265, test_serves);
  g_test_add_data_func ("/hlsgatesink/serves/h265-in-10-bit", &h265_10, test_serves);
  g_test_add_data_func ("/hlsgatesink/serves/h265-as-ffmpeg-plays-it", &h265_10,
                        test_plays);
  g_test_add_func ("/hlsgatesink/algorithms/accepts-these-alone", test_algorithms);
  g_test_add_func ("/hlsgatesink/algorithms/what-is-none-is-refused", test_no_algorithms);
  return g_test_run ();
}
