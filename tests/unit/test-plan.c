/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "description.h"
#include "graph.h"
#include "he-error.h"
#include "level.h"
#include "plan-kit.h"
#include "plan.h"
#include "probe-kit.h"

static const char two_nodes[]
    = "{\"nodes\": [{\"name\": \"A\", \"listen\": \"127.0.0.1:1\", \"internal\": "
      "\"127.0.0.1:2\"}, {\"name\": \"B\", \"listen\": \"127.0.0.1:3\", \"internal\": "
      "\"127.0.0.1:4\"}], \"edge\": {\"listen\": \"127.0.0.1:5\"}, \"channels\": "
      "[{\"name\": "
      "\"demo\", \"source\": \"srt://127.0.0.1:9000?passphrase=verysecret\", \"video\": "
      "[{\"width\": 640, \"height\": 360, \"bitrate\": 800}, {\"width\": 320, "
      "\"height\": 180, "
      "\"bitrate\": 300}], \"audio\": [{\"language\": \"en\"}]}]}";

static HeadendPlan *
plan_of (const HeadendModel *model, const char *node)
{
  g_autoptr (GError) error = NULL;
  HeProbe probe = kit_all_but (NULL);
  HeadendPlan *plan = headend_plan_new (model, headend_model_node (model, node),
                                        model->channels->pdata[0], &probe, &error);
  g_assert_no_error (error);
  return plan;
}

/* Given pictures of common formats, then their levels are those of table A-1, in H.265 of
 * tables A.8 and A.9. */
static void
test_levels (void)
{
  static const struct {
    HeVideoCodec codec;
    guint width, height, n, d, kbits;
    const char *level;
  } rows[] = {
    { HE_VIDEO_H264, 176, 144, 15, 1, 64, "1" },
    { HE_VIDEO_H264, 640, 360, 25, 1, 800, "3" },
    { HE_VIDEO_H264, 720, 576, 25, 1, 3000, "3" },
    { HE_VIDEO_H264, 1280, 720, 25, 1, 3000, "3.1" },
    { HE_VIDEO_H264, 1280, 720, 50, 1, 4000, "3.2" },
    { HE_VIDEO_H264, 1920, 1080, 25, 1, 6000, "4" },
    { HE_VIDEO_H264, 1920, 1080, 30000, 1001, 30000, "4.1" },
    { HE_VIDEO_H264, 1920, 1080, 60, 1, 8000, "4.2" },
    { HE_VIDEO_H264, 3840, 2160, 30, 1, 20000, "5.1" },
    { HE_VIDEO_H264, 3840, 2160, 60, 1, 20000, "5.2" },
    { HE_VIDEO_H265, 176, 144, 15, 1, 64, "1" },
    { HE_VIDEO_H265, 176, 144, 15, 1, 129, "2" },
    { HE_VIDEO_H265, 640, 360, 25, 1, 800, "2.1" },
    { HE_VIDEO_H265, 640, 360, 60, 1, 800, "3" },
    { HE_VIDEO_H265, 960, 540, 30, 1, 3000, "3" },
    { HE_VIDEO_H265, 1280, 720, 25, 1, 3000, "3.1" },
    { HE_VIDEO_H265, 1280, 720, 50, 1, 4000, "4" },
    { HE_VIDEO_H265, 1920, 1080, 30, 1, 12000, "4" },
    { HE_VIDEO_H265, 1920, 1080, 60, 1, 8000, "4.1" },
    { HE_VIDEO_H265, 3840, 2160, 30, 1, 20000, "5" },
    { HE_VIDEO_H265, 3840, 2160, 60, 1, 20000, "5.1" },
    { HE_VIDEO_H265, 3840, 2160, 120, 1, 50000, "5.2" },
    { HE_VIDEO_H265, 7680, 4320, 60, 1, 100000, "6.1" },
    { HE_VIDEO_H265, 8192, 4352, 120, 1, 240000, "6.2" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *level
        = headend_level_find (rows[i].codec, rows[i].width, rows[i].height,
                              (HeadendFraction) { rows[i].n, rows[i].d }, rows[i].kbits);
    g_assert_cmpstr (level, ==, rows[i].level);
  }
  g_assert_null (
      headend_level_find (HE_VIDEO_H264, 7680, 4320, (HeadendFraction) { 60, 1 }, 80000));
  g_assert_null (
      headend_level_find (HE_VIDEO_H265, 8192, 4400, (HeadendFraction) { 60, 1 }, 80000));
  g_assert_null (
      headend_level_find (HE_VIDEO_H265, 640, 360, (HeadendFraction) { 25, 1 }, 240001));
}

/* Given one description, when two nodes plan its channel, then they state the same of it.
 */
static void
test_nodes_agree (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autoptr (HeadendPlan) a = plan_of (model, "A");
  g_autoptr (HeadendPlan) b = plan_of (model, "B");
  const HeRendition *first = a->channel->renditions->pdata[0];
  g_assert_cmpuint (a->channel->renditions->len, ==, 3);
  g_assert_cmpstr (first->codecs, ==, "avc1.4D401E");
  g_assert_true (first->variants);
  g_assert_cmpuint (first->width, ==, 640);
  for (guint i = 0; i < 3; i++) {
    const HeRendition *x = a->channel->renditions->pdata[i];
    const HeRendition *y = b->channel->renditions->pdata[i];
    g_assert_cmpstr (x->name, ==, y->name);
    g_assert_cmpstr (x->codecs, ==, y->codecs);
    g_assert_cmpuint (x->bandwidth, ==, y->bandwidth);
    g_assert_cmpuint (x->average_bandwidth, ==, y->average_bandwidth);
    g_assert_cmpuint (x->bandwidth, >, x->average_bandwidth);
  }
}

/* Given a rung of 800 and sound of 128 kbit/s, then BANDWIDTH leaves room for what a
 * transport stream and a full rate buffer add, and not for more. */
static void
test_bandwidth (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autoptr (HeadendPlan) plan = plan_of (model, "A");
  const HeRendition *video = plan->channel->renditions->pdata[0];
  g_assert_cmpuint (video->average_bandwidth, >, 928000);
  g_assert_cmpuint (video->average_bandwidth, <, 928000 * 1.15);
  g_assert_cmpuint (video->bandwidth, >, (800 * 1.25 + 128) * 1000);
  g_assert_cmpuint (video->bandwidth, <, (800 * 1.25 + 128) * 1000 * 1.2);
}

/* Given a watermarked channel, then each rung has a pad for a and one for b; without,
 * one. */
static void
test_pads (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autoptr (HeadendPlan) marked = plan_of (model, "A");
  static const char *const expected[]
      = { "video_0", "video_b_0", "video_1", "video_b_1", "audio_0" };
  g_assert_cmpuint (marked->pads->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < marked->pads->len; i++)
    g_assert_cmpstr (((HeadendPad *)marked->pads->pdata[i])->pad, ==, expected[i]);

  ((HeadendModelChannel *)model->channels->pdata[0])->watermark = FALSE;
  g_autoptr (HeadendPlan) plain = plan_of (model, "A");
  g_assert_cmpuint (plain->pads->len, ==, 3);
  g_assert_cmpstr (((HeadendPad *)plain->pads->pdata[1])->pad, ==, "video_1");
  g_assert_null (strstr (plain->pipeline, "forensicmark"));
}

/* Given two rungs in two variants, then each rung is scaled
 * once, for both of its encoders. */
static void
test_scaled_once (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autoptr (HeadendPlan) plan = plan_of (model, "A");
  g_assert_cmpuint (count (plan->pipeline, "videoscale "), ==, 2);
  g_assert_cmpuint (count (plan->pipeline, "x264enc "), ==, 4);
}

/* Given sparse marking, then both variants' marks are told of it. */
static void
test_sparse (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  ((HeadendModelChannel *)model->channels->pdata[0])->sparse = 8;
  g_autoptr (HeadendPlan) plan = plan_of (model, "A");
  g_assert_nonnull (strstr (plan->pipeline, "variant=a sparse=8 "));
  g_assert_nonnull (strstr (plan->pipeline, "variant=b sparse=8 "));
  g_assert_null (strstr (plan->pipeline, "sparse=1 "));
}

/* Given a channel for one recipient, then each rung is encoded once, with a mark, and
 * what it says stands nowhere. */
static void
test_session (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  HeadendModelChannel *channel = model->channels->pdata[0];
  channel->payload = g_strdup ("0123456789abcdef");
  g_autoptr (HeadendPlan) plan = plan_of (model, "A");
  const HeRendition *first = plan->channel->renditions->pdata[0];
  g_assert_false (first->variants);
  g_assert_cmpuint (plan->pads->len, ==, 3);
  g_assert_nonnull (strstr (plan->pipeline, "forensicmark name=mark-a-0"));
  g_assert_null (strstr (plan->pipeline, "variant=b"));
  g_assert_null (strstr (plan->pipeline, channel->payload));
}

/* Given a node, then it publishes to its own origin first and to every other one. */
static void
test_origins (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autoptr (HeadendPlan) plan = plan_of (model, "B");
  g_assert_cmpstr (plan->origins, ==, "http://127.0.0.1:4,http://127.0.0.1:2");
}

/* Given a source with a passphrase, then neither the pipeline's text nor the graph has
 * it. */
static void
test_no_secret_in_text (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autoptr (HeadendPlan) plan = plan_of (model, "A");
  g_autofree char *text = headend_graph_text (model);
  g_autofree char *dot = headend_graph_dot (model);
  g_assert_null (strstr (plan->pipeline, "verysecret"));
  g_assert_null (strstr (text, "verysecret"));
  g_assert_null (strstr (dot, "verysecret"));
}

/* Given a file as source, then it is held to its own pace; a live source is not. */
static void
test_pace (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  HeadendModelChannel *channel = model->channels->pdata[0];
  g_autoptr (HeadendPlan) live = plan_of (model, "A");
  g_assert_null (strstr (live->pipeline, "clocksync"));
  g_free (channel->source);
  channel->source = g_strdup ("file:clip.ts");
  g_autoptr (HeadendPlan) file = plan_of (model, "A");
  g_autofree char *source = headend_source_pipeline (file->source, channel->source);
  g_assert_true (g_str_has_prefix (source, "filesrc name=source"));
  g_assert_nonnull (strstr (file->pipeline, "clocksync"));
}

static const char recorded[]
    = "{\"channels\": [{\"name\": \"clip\", \"source\": \"file:clip.ts\", "
      "\"segment-duration\": 4, \"watermark\": false, \"encryption\": \"none\", "
      "\"destination\": \"file:out\", \"playlist\": \"vod\", \"video\": [{\"width\": "
      "640, \"height\": 360, \"bitrate\": 800}], \"audio\": [{}]}]}";

/* Given a recording, then nothing holds it to a pace, and it begins on a boundary. */
static void
test_recording (void)
{
  g_autoptr (HeadendModel) model = model_of (recorded);
  g_autoptr (HeadendPlan) plan = plan_of (model, "node");
  g_assert_null (strstr (plan->pipeline, "clocksync"));
  g_assert_nonnull (strstr (plan->pipeline, " start=1080000\n"));
  g_assert_true (plan->channel->recording);
}

static void
test_source_properties (void)
{
  g_auto (GStrv) srt = headend_source_properties ("srt://h:9?mode=caller", "/srv");
  g_auto (GStrv) tcp = headend_source_properties ("tcp://h:9", "/srv");
  g_auto (GStrv) file = headend_source_properties ("file:a/b.ts", "/srv");
  g_assert_cmpstr (srt[0], ==, "uri");
  g_assert_cmpstr (srt[1], ==, "srt://h:9?mode=caller");
  g_autofree char *message = NULL;
  g_autofree char *text = headend_source_pipeline (
      headend_source_find ("tcp://h:9", &message), "tcp://h:9");
  g_assert_nonnull (strstr (text, " timeout=10 "));
  g_assert_cmpstr (tcp[1], ==, "h");
  g_assert_cmpstr (tcp[3], ==, "9");
  g_assert_cmpstr (file[1], ==, "/srv/a/b.ts");
}

/* Given a machine that is too slow, then what is skipped of a backlog is what can be read
 * again behind a gap: FLV has one header, at its beginning. */
static void
test_what_may_be_skipped (void)
{
  static const struct {
    const char *uri;
    gboolean skips, leans;
  } cases[] = {
    { "srt://h:9", TRUE, FALSE },   { "udp://239.1.1.1:9", TRUE, FALSE },
    { "rtp://h:9", TRUE, FALSE },   { "tcp://h:9", TRUE, FALSE },
    { "rtmp://h/a/s", TRUE, TRUE }, { "rtmps://h/a/s", TRUE, TRUE },
    { "file:a.ts", FALSE, FALSE },  { "rtp://127.0.0.1:5004?h264=96", TRUE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *message = NULL;
    const HeadendSource *source = headend_source_find (cases[i].uri, &message);
    g_assert_nonnull (source);
    g_assert_cmpint (source->skips, ==, cases[i].skips);
    g_assert_cmpint (source->leans, ==, cases[i].leans);
  }
}

/* Given RTP of H.264 and AAC, then packets of all four ports come in, told apart by what
 * the intake's caps say; what is not understood is said. */
static void
test_plain_rtp (void)
{
  static const char uri[] = "rtp://239.1.1.1:5004?h264=96&aac=97&aac-port=5006&"
                            "aac-config=1190&interface=eth1";
  static const char *const wrong[][2] = {
    { "rtp://127.0.0.1:5004?h264=0", "h264" },
    { "rtp://127.0.0.1:5004?aac=97&aac-port=5006&aac-config=1190", "h264" },
    { "rtp://127.0.0.1:5004?h264=96&aac=97", "together" },
    { "rtp://127.0.0.1:5004?h264=96&aac-port=5006", "together" },
    { "rtp://127.0.0.1:5004?h264=96&aac=96&aac-port=5006&aac-config=1190",
      "one payload" },
    { "rtp://127.0.0.1:5004?h264=96&aac=97&aac-port=5006&aac-config=f190", "no AAC" },
    { "rtp://127.0.0.1:5004?h264=96&aac=97&aac-port=5006&aac-config=1", "aac-config" },
    { "rtp://127.0.0.1:5004?h264=72", "RTCP" },
    { "rtp://127.0.0.1:5004?h264=96&aac=95&aac-port=5006&aac-config=1190", "RTCP" },
    { "rtp://127.0.0.1:5004?h264=96&aac=97&aac-port=5006&aac-config=1194", "1024" },
    { "rtp://127.0.0.1:5004?h264=96&aac=97&aac-port=5006&aac-config=1180", "1 to 7" },
    { "rtp://127.0.0.1:5004?h264=96&pt=7", "\"pt\"" },
    { "rtp://127.0.0.1:5004?h264=96&interface=a%20b", "interface" },
    { "rtp://sender:5004?h264=96", "numeric" },
    { "rtp://127.0.0.1:65535?h264=96", "RTCP" },
  };
  g_autofree char *message = NULL;
  const HeadendSource *source = headend_source_find (uri, &message);
  g_assert_nonnull (source);
  g_assert_false (source->common);
  g_autofree char *text = headend_source_pipeline (source, uri);
  g_autofree char *caps = headend_source_caps (source, uri);
  g_auto (GStrv) properties = headend_source_properties (uri, "/srv");
  g_assert_null (properties[0]);
  for (guint port = 5004; port <= 5007; port++) {
    g_autofree char *address
        = g_strdup_printf ("address=\"239.1.1.1\" port=%u multicast-iface=eth1 ", port);
    g_assert_nonnull (strstr (text, address));
  }
  g_assert_nonnull (strstr (text, "media=(string)audio,clock-rate=(int)48000"));
  g_assert_cmpstr (caps, ==,
                   "application/x-rtp,h264=(int)96,aac=(int)97,aac-config=(string)1190");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *why = NULL;
    g_assert_null (headend_source_find (wrong[i][0], &why));
    g_assert_nonnull (strstr (why, wrong[i][1]));
  }
  source = headend_source_find ("rtp://127.0.0.1:5004", &message);
  g_assert_true (source && source->common);
  g_assert_true (g_str_has_prefix (source->caps, "video/mpegts"));
}

/* Given a channel whose nodes make the same bytes, then its encoders see 0.32 s of their
 * pictures in advance, work on one thread, and give a segment's first picture a tenth of
 * its time in advance; one encoder that goes on needs none of it. */
static void
test_identical (void)
{
  static const struct {
    guint n, d;
    const char *wanted;
  } rates[] = { { 25, 1, " threads=1 rc-lookahead=8 " },
                { 30000, 1001, " threads=1 rc-lookahead=9 " },
                { 60000, 1001, " threads=1 rc-lookahead=19 " } };
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  HeadendModelChannel *channel = model->channels->pdata[0];
  g_assert_true (channel->identical);
  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    for (guint j = 0; j < channel->video->len; j++)
      ((HeadendVideo *)channel->video->pdata[j])->frame_rate
          = (HeadendFraction) { rates[i].n, rates[i].d };
    g_autoptr (HeadendPlan) plan = plan_of (model, "A");
    g_assert_cmpuint (count (plan->pipeline, rates[i].wanted), ==, 4);
  }
  /* As large as described: two seconds of 800 kbit/s are 2 s of 720 and what the buffer
   * holds above its half at the start, 360 of 400 kbit; 720 and 240 in half a second. */
  for (guint i = 0; i < 2; i++) {
    g_autoptr (HeadendPlan) plan = plan_of (model, "A");
    g_assert_cmpuint (count (plan->pipeline,
                             " bitrate=720 vbv-buf-capacity=555 pass=qual quantizer=10 "),
                      ==, 2);
    g_assert_cmpuint (count (plan->pipeline, i ? ":vbv-init=240 " : ":vbv-init=360 "), ==,
                      2);
    channel->duration90 = 45000;
  }
  channel->identical = FALSE;
  g_autoptr (HeadendPlan) one = plan_of (model, "A");
  g_assert_null (strstr (one->pipeline, "rc-lookahead"));
  g_assert_null (strstr (one->pipeline, "pass=qual"));
}

static const char copied[]
    = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://127.0.0.1:9000\", "
      "\"watermark\": false, \"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": "
      "800, \"encoder\": \"copy\"}], \"audio\": [{\"encoder\": \"copy\"}, "
      "{\"name\": \"low\", \"bitrate\": 64}, {\"name\": \"second\", \"track\": 1, "
      "\"encoder\": \"copy\"}]}]}";

/* Given renditions that are passed through, then nothing decodes or encodes them, and
 * what is encoded beside them takes the same track. */
static void
test_copy (void)
{
  g_autoptr (HeadendModel) model = model_of (copied);
  g_autoptr (HeadendPlan) plan = plan_of (model, "node");
  const HeRendition *video = plan->channel->renditions->pdata[0];
  g_autofree char *text = headend_graph_text (model);
  g_assert_null (strstr (plan->pipeline, "avdec_h264"));
  g_assert_null (strstr (plan->pipeline, "x264enc"));
  g_assert_nonnull (strstr (plan->pipeline, "h264parse name=copy config-interval=-1 ! "));
  g_assert_nonnull (strstr (plan->pipeline, "track-0. ! sink.audio_0\n"));
  g_assert_nonnull (strstr (plan->pipeline, "track-0. ! avdec_aac ! tee name=audio-0\n"));
  g_assert_nonnull (strstr (plan->pipeline, "track-1. ! sink.audio_2\n"));
  g_assert_null (strstr (plan->pipeline, "name=audio-1"));
  g_assert_cmpstr (video->codecs, ==, "avc1.64001E");
  g_assert_nonnull (strstr (text, "360p: h264parse, as it is (avc1.64001E)"));
}

/* Given H.265 that is passed through, then its parser stands there and its name is told.
 */
static void
test_copy_h265 (void)
{
  g_auto (GStrv) parts = g_strsplit (copied, "\"copy\"}], \"audio\"", 2);
  g_autofree char *text
      = g_strconcat (parts[0], "\"copy-h265\"}], \"audio\"", parts[1], NULL);
  g_autoptr (HeadendModel) model = model_of (text);
  g_autoptr (HeadendPlan) plan = plan_of (model, "node");
  const HeRendition *video = plan->channel->renditions->pdata[0];
  g_assert_nonnull (strstr (plan->pipeline, "h265parse name=copy config-interval=-1 ! "
                                            "video/x-h265,stream-format=byte-stream"));
  g_assert_null (plan->decoders[HE_VIDEO_H265]);
  g_assert_true (g_str_has_prefix (video->codecs, "hvc1.1.6.L"));
}

/* Given pictures that are passed through, then their GOPs are closed when the description
 * says so; those of an encoder are. */
static void
test_closed_gops (void)
{
  static const struct {
    const char *encoder;
    gboolean open;
  } rows[] = { { "\"copy\"", TRUE },
               { "\"copy\", \"closed-gops\": true", FALSE },
               { "\"x264\"", FALSE } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_auto (GStrv) parts = g_strsplit (copied, "\"copy\"}], \"audio\"", 2);
    g_autofree char *text
        = g_strconcat (parts[0], rows[i].encoder, "}], \"audio\"", parts[1], NULL);
    g_autoptr (HeadendModel) model = model_of (text);
    g_autoptr (HeadendPlan) plan = plan_of (model, "node");
    const HeRendition *video = plan->channel->renditions->pdata[0];

    g_assert_cmpint (video->open_gops, ==, rows[i].open);
  }
}

static gboolean
has_no_encoder (gpointer user, const char *factory, const char *property,
                const char *value)
{
  return strcmp (factory, "x264enc") != 0 && strcmp (factory, "avenc_aac") != 0
         && strcmp (factory, "segmentencoder") != 0;
}

/* Given nothing to encode, then no encoder is needed. */
static void
test_copy_factories (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = model_of (copied);
  HeadendModelChannel *channel = model->channels->pdata[0];
  const HeProbe probe = { .has = has_no_encoder, .takes = kit_all_takes };
  g_assert_false (headend_plan_check_factories (model, &probe, &error));
  g_clear_error (&error);
  g_ptr_array_remove_index (channel->audio, 1);
  headend_plan_check_factories (model, &probe, &error);
  g_assert_no_error (error);
}

/* Given a system without an encoder, when a description is checked, then element and
 * package are named. */
static void
test_missing_element (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  HeProbe complete = kit_all_but (NULL), incomplete = kit_all_but ("x264enc");
  g_assert_true (headend_plan_check_factories (model, &complete, &error));
  g_assert_false (headend_plan_check_factories (model, &incomplete, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "x264enc"));
  g_assert_nonnull (strstr (error->message, "gstreamer1.0-plugins-ugly"));
}

/* Given renditions in H.265 beside one in H.264, then each has its parser, level, name
 * and depth, and either kind of source has a decoder. */
static void
test_h265 (void)
{
  static const char text[]
      = "{\"channels\": [{\"name\": \"demo\", \"source\": \"file:a.ts\", \"watermark\": "
        "false, \"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": 800}, "
        "{\"name\": \"eight\", \"width\": 640, \"height\": 360, \"bitrate\": 600, "
        "\"encoder\": \"x265\"}, {\"name\": \"ten\", \"width\": 1280, \"height\": 720, "
        "\"bitrate\": 2000, \"encoder\": \"x265\", \"bit-depth\": 10}]}]}";
  static const char *const codecs[]
      = { "avc1.4D401E", "hvc1.1.6.L63.90", "hvc1.2.4.L93.90" };
  g_autoptr (HeadendModel) model = model_of (text);
  g_autoptr (HeadendPlan) plan = plan_of (model, "node");
  for (guint i = 0; i < 3; i++) {
    const HeRendition *r = plan->channel->renditions->pdata[i];
    g_assert_cmpstr (r->codecs, ==, codecs[i]);
    g_assert_cmpstr (r->video_range, ==, "SDR");
  }
  g_assert_cmpuint (count (plan->pipeline, "h264parse config-interval=-1 ! "
                                           "video/x-h264,"),
                    ==, 1);
  g_assert_cmpuint (count (plan->pipeline, "h265parse config-interval=-1 ! "
                                           "video/x-h265,"),
                    ==, 2);
  g_assert_cmpuint (count (plan->pipeline, "format=I420,width=640"), ==, 2);
  g_assert_cmpuint (count (plan->pipeline, "format=I420_10LE,width=1280"), ==, 1);
  g_assert_cmpuint (count (plan->pipeline, "profile=(string)main-10"), ==, 1);
  g_assert_cmpuint (count (plan->pipeline, ":level-idc=3.1:"), ==, 1);
  g_assert_cmpstr (plan->decoders[HE_VIDEO_H264], ==,
                   "clocksync ! h264parse ! avdec_h264 output-corrupt=false "
                   "max-threads=2");
  g_assert_cmpstr (plan->decoders[HE_VIDEO_H265], ==,
                   "clocksync ! h265parse ! avdec_h265 output-corrupt=false "
                   "max-threads=2");
}

/* Given ten bits and a watermark, then both variants are marked in ten bits. */
static void
test_marks_ten_bits (void)
{
  static const char text[]
      = "{\"channels\": [{\"name\": \"demo\", \"source\": \"file:a.ts\", \"video\": "
        "[{\"width\": 1280, \"height\": 720, \"bitrate\": 2000, \"encoder\": \"x265\", "
        "\"bit-depth\": 10}]}]}";
  g_autoptr (HeadendModel) model = model_of (text);
  g_autoptr (HeadendPlan) plan = plan_of (model, "node");
  g_assert_cmpuint (count (plan->pipeline,
                           "! videoscale ! videoconvert ! video/x-raw,format=I420_10LE,"
                           "width=1280,height=720,pixel-aspect-ratio=1/1 ! tee "),
                    ==, 1);
  g_assert_cmpuint (count (plan->pipeline, " ! forensicmark "), ==, 2);
  g_assert_cmpuint (count (plan->pipeline, "format=I420,"), ==, 0);
  g_assert_cmpuint (count (plan->pipeline, "profile=(string)main-10"), ==, 2);
}

/* Given two nodes and an edge, then the graph leads from the source through both to
 * viewers, as a text and for Graphviz. */
static void
test_graph (void)
{
  g_autoptr (HeadendModel) model = model_of (two_nodes);
  g_autofree char *text = headend_graph_text (model);
  g_autofree char *dot = headend_graph_dot (model);
  g_assert_true (g_str_has_prefix (text, "srt://127.0.0.1:9000 (channel demo)\n"));
  g_assert_nonnull (strstr (text, "node A, worker demo: srtsrc ! epochdemux"));
  g_assert_nonnull (strstr (text, "node B, origin"));
  g_assert_nonnull (strstr (text, "edge: nginx on 127.0.0.1:5"));
  g_assert_nonnull (strstr (text, "viewers"));
  g_assert_true (g_str_has_prefix (dot, "digraph headend {"));
  g_assert_cmpuint (count (dot, "{"), ==, count (dot, "}"));
  g_assert_cmpuint (count (dot, "subgraph"), ==, 4);
  g_assert_cmpuint (count (dot, "[label="), ==, 1 + 2 + 2 * 8 + 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/levels-are-the-lowest-that-fit", test_levels);
  g_test_add_func ("/plan/nodes-state-the-same", test_nodes_agree);
  g_test_add_func ("/plan/bandwidth-has-headroom", test_bandwidth);
  g_test_add_func ("/plan/pads-follow-variants", test_pads);
  g_test_add_func ("/plan/identical/encoders-look-ahead", test_identical);
  g_test_add_func ("/plan/each-rung-is-scaled-once", test_scaled_once);
  g_test_add_func ("/plan/sparse/both-variants-are-told", test_sparse);
  g_test_add_func ("/plan/session/one-encode-with-a-mark", test_session);
  g_test_add_func ("/plan/publishes-to-all-origins", test_origins);
  g_test_add_func ("/plan/no-secret-in-any-text", test_no_secret_in_text);
  g_test_add_func ("/plan/files-are-paced", test_pace);
  g_test_add_func ("/plan/recordings-are-not", test_recording);
  g_test_add_func ("/plan/sources-become-properties", test_source_properties);
  g_test_add_func ("/plan/source/what-may-be-skipped", test_what_may_be_skipped);
  g_test_add_func ("/plan/plain-rtp-comes-by-four-ports", test_plain_rtp);
  g_test_add_func ("/plan/copy/nothing-decodes", test_copy);
  g_test_add_func ("/plan/copy/h265", test_copy_h265);
  g_test_add_func ("/plan/copy/gops-are-what-the-description-says", test_closed_gops);
  g_test_add_func ("/plan/copy/needs-no-encoder", test_copy_factories);
  g_test_add_func ("/plan/names-a-missing-element", test_missing_element);
  g_test_add_func ("/plan/h265", test_h265);
  g_test_add_func ("/plan/marks-ten-bits", test_marks_ten_bits);
  g_test_add_func ("/graph/leads-from-source-to-viewers", test_graph);
  return g_test_run ();
}
