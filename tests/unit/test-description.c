/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "description.h"
#include "he-token.h"
#include "he-error.h"

#define RUNG "{\"width\": 640, \"height\": 360, \"bitrate\": 800}"
#define HEAD "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://127.0.0.1:9000\", "
#define TAIL "\"video\": [" RUNG "]}]}"

static HeadendModel *
parse (const char *text, GError **error)
{
  return headend_description_parse (text, -1, "d.json", "/srv/tv", error);
}

/* Given a description that says what it must, when it is read, then everything else has
 * its default. */
static void
test_defaults (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = parse (HEAD "\"audio\": [{}, {}], " TAIL, &error);
  g_assert_no_error (error);
  const HeadendModelChannel *channel = headend_model_channel (model, "demo");
  const HeadendVideo *video = channel->video->pdata[0];
  const HeadendAudio *audio = channel->audio->pdata[1];
  const HeadendNode *node = headend_model_node (model, "node");
  g_assert_cmpuint (channel->duration90, ==, 180000);
  g_assert_cmpuint (channel->window, ==, 6);
  g_assert_true (channel->encrypted);
  g_assert_true (channel->watermark);
  g_assert_cmpuint (channel->colluders, ==, 5);
  g_assert_cmpuint (channel->sparse, ==, 1);
  g_assert_cmpstr (channel->tier, ==, "base");
  g_assert_cmpstr (video->name, ==, "360p");
  g_assert_cmpstr (video->encoder, ==, "x264");
  g_assert_cmpuint (video->frame_rate.n, ==, 25);
  g_assert_cmpstr (audio->name, ==, "audio2");
  g_assert_cmpuint (audio->bitrate, ==, 128);
  g_assert_cmpuint (audio->rate, ==, 48000);
  g_assert_cmpstr (node->listen, ==, "127.0.0.1:8080");
  g_assert_cmpstr (node->internal, ==, "127.0.0.1:8090");
  g_assert_cmpstr (node->state, ==, "/srv/tv/state");
  g_assert_cmpstr (model->secret.file, ==, "/srv/tv/headend.secret");
  g_assert_cmpstr (model->tokens.keys, ==, "/srv/tv/tokens.jwks");
  g_assert_cmpuint (model->tokens.algorithms, ==, HE_TOKEN_ES256);
  g_assert_cmpuint (model->sessions.lease, ==, 300);
  g_assert_null (model->edge.listen);
}

/* Given every key with a value of its own, when it is read, then the model holds them. */
static void
test_every_key (void)
{
  static const char text[]
      = "{\"$schema\": \"x\", \"secret\": \"${HEADEND_SECRET}\", "
        "\"tokens\": {\"keys\": \"k.jwks\", \"algorithms\": [\"EdDSA\", \"PS256\"], "
        "\"issuer\": \"i\", \"audience\": \"a\"}, "
        "\"sessions\": {\"per-account\": 2, \"policy\": \"reject-newest\", \"lease\": "
        "60, "
        "\"length\": 3600}, "
        "\"nodes\": [{\"name\": \"A\", \"listen\": \"[::1]:81\", \"internal\": "
        "\"10.0.0.1:82\", \"state\": \"/var/a\"}], "
        "\"edge\": {\"listen\": \"0.0.0.0:80\", \"trusted\": [\"::1\", \"10.0.0.9\"]}, "
        "\"channels\": [{\"name\": \"n\", \"source\": \"udp://239.0.0.1:5000\", "
        "\"segment-duration\": {\"ticks\": 180180}, \"window\": 5, \"encryption\": "
        "\"none\", "
        "\"key-rotation\": 7, \"key-version\": 3, \"tier\": \"hd\", \"watermark\": "
        "false, "
        "\"video\": [{\"name\": \"v\", \"width\": 1280, \"height\": 720, \"frame-rate\": "
        "\"30000/1001\", \"bitrate\": 3000, \"encoder\": \"x264\", \"preset\": "
        "\"fast\"}], "
        "\"audio\": [{\"name\": \"s\", \"track\": 1, \"bitrate\": 96, \"rate\": 44100, "
        "\"channels\": 1, \"encoder\": \"copy\", \"language\": \"de-CH\"}]}]}";
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = parse (text, &error);
  g_assert_no_error (error);
  const HeadendModelChannel *channel = model->channels->pdata[0];
  const HeadendVideo *video = channel->video->pdata[0];
  const HeadendAudio *audio = channel->audio->pdata[0];
  g_assert_cmpstr (model->secret.variable, ==, "HEADEND_SECRET");
  g_assert_null (model->secret.file);
  g_assert_cmpstr (model->tokens.keys, ==, "/srv/tv/k.jwks");
  g_assert_cmpuint (model->tokens.algorithms, ==, HE_TOKEN_EDDSA | HE_TOKEN_PS256);
  g_assert_cmpuint (model->sessions.per_account, ==, 2);
  g_assert_true (model->sessions.reject_newest);
  g_assert_cmpuint (model->sessions.length, ==, 3600);
  g_assert_cmpstr (((HeadendNode *)model->nodes->pdata[0])->listen, ==, "[::1]:81");
  g_assert_cmpstr (((HeadendNode *)model->nodes->pdata[0])->state, ==, "/var/a");
  g_assert_cmpstr (model->edge.trusted[1], ==, "10.0.0.9");
  g_assert_cmpuint (channel->duration90, ==, 180180);
  g_assert_cmpuint (channel->window, ==, 5);
  g_assert_false (channel->encrypted);
  g_assert_cmpuint (channel->key_rotation, ==, 7);
  g_assert_cmpuint (channel->key_version, ==, 3);
  g_assert_cmpstr (channel->tier, ==, "hd");
  g_assert_false (channel->watermark);
  g_assert_cmpuint (video->frame_rate.n, ==, 30000);
  g_assert_cmpuint (video->frame_rate.d, ==, 1001);
  g_assert_cmpstr (video->preset, ==, "fast");
  g_assert_cmpuint (audio->track, ==, 1);
  g_assert_cmpuint (audio->rate, ==, 44100);
  g_assert_cmpstr (audio->encoder, ==, "copy");
  g_assert_cmpstr (audio->language, ==, "de-CH");
}

/* Given a watermark that is described, then it is there, and as it says. */
static void
test_watermark (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model
      = parse (HEAD "\"watermark\": {\"colluders\": 3, \"sparse\": 8}, " TAIL, &error);
  g_assert_no_error (error);
  const HeadendModelChannel *channel = model->channels->pdata[0];
  g_assert_true (channel->watermark);
  g_assert_cmpuint (channel->colluders, ==, 3);
  g_assert_cmpuint (channel->sparse, ==, 8);
  g_assert_true (headend_model_channel_has_variants (channel));
}

/* Given a payload, then there are no variants, and a destination may have it. */
static void
test_session (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model
      = parse (HEAD "\"watermark\": {\"payload\": \"00000000deadbeef\"}, \"encryption\": \"none\", \"destination\": "
                    "\"file:out\", " TAIL,
               &error);
  g_assert_no_error (error);
  const HeadendModelChannel *channel = model->channels->pdata[0];
  g_assert_true (channel->watermark);
  g_assert_false (headend_model_channel_has_variants (channel));
  g_assert_cmpstr (channel->payload, ==, "00000000deadbeef");
}

/* Each with the whole message: it is what a person reads. */
static const struct {
  const char *name, *text, *message;
} malformed[] = {
  { "no-json", "nonsense", "d.json:1:1: unexpected 'n'; expected" },
  { "not-an-object", "[]", "d.json:1:1: $: expected an object, not an array" },
  { "nothing", "{}",
    "d.json:1:1: $: \"channels\" is missing; expected a list of channels" },
  { "twice", "{\"channels\": [], \"channels\": []}", "stands a second time" },
  { "empty-list", "{\"channels\": []}",
    "d.json:1:14: $.channels: an array is not a list of channels; expected an array of "
    "1..256 "
    "objects" },
  { "unknown-key", HEAD "\n\"colour\": 1, " TAIL,
    "d.json:2:11: $.channels[0].colour: unknown key; known here: name, source" },
  { "near-miss", HEAD "\"water_mark\": true, " TAIL,
    "unknown key; did you mean \"watermark\"?" },
  { "near-miss-of-a-value",
    HEAD "\"video\": [{\"width\": 64, \"height\": 64, \"bitrate\": 90, \"preset\": "
         "\"superfats\"}]}]}",
    "$.channels[0].video[0].preset: \"superfats\" is not a preset of the encoder; did "
    "you mean "
    "\"superfast\"?" },
  { "preset-of-another-encoder",
    HEAD "\"video\": [{\"width\": 64, \"height\": 64, \"bitrate\": 90, \"preset\": "
         "\"medium\", \"encoder\": \"nvenc\"}]}]}",
    "$.channels[0].video[0].preset: \"medium\" is not a preset of the encoder \"nvenc\"; "
    "expected one of p1, p2, p3, p4, p5, p6, p7" },
  { "unknown-encoder",
    HEAD "\"video\": [{\"width\": 64, \"height\": 64, \"bitrate\": 90, \"encoder\": "
         "\"nvidia\"}]}]}",
    "$.channels[0].video[0].encoder: \"nvidia\" is not an encoder" },
  { "segment-longer-than-the-encoder-goes-without-a-keyframe",
    HEAD "\"segment-duration\": 30, \"video\": [{\"width\": 64, \"height\": 64, "
         "\"bitrate\": 90, \"frame-rate\": 50, \"encoder\": \"va\"}]}]}",
    "$.channels[0].video[0].encoder: \"va\" makes a keyframe after 1024 frames at the "
    "latest, and a segment has 1500; expected" },
  { "width-too-large",
    HEAD "\"video\": [{\"width\": 70000, \"height\": 360, \"bitrate\": 800}]}]}",
    "d.json:1:86: $.channels[0].video[0].width: 70000 is not a width; expected an even "
    "integer "
    "64..8192" },
  { "odd-height",
    HEAD "\"video\": [{\"width\": 640, \"height\": 361, \"bitrate\": 800}]}]}",
    "$.channels[0].video[0].height: 361 is not a height; expected an even integer "
    "64..8192" },
  { "text-for-a-number",
    HEAD "\"video\": [{\"width\": \"640\", \"height\": 360, \"bitrate\": 800}]}]}",
    "width: \"640\" is not a width" },
  { "fraction-for-an-integer", HEAD "\"window\": 3.5, " TAIL,
    "$.channels[0].window: 3.5 is not a window; expected an integer 3..60, in segments" },
  { "missing-width", HEAD "\"video\": [{\"height\": 360, \"bitrate\": 800}]}]}",
    "$.channels[0].video[0]: \"width\" is missing; expected a width: an even integer" },
  { "name-with-a-slash",
    "{\"channels\": [{\"name\": \"a/b\", \"source\": \"srt://h:1\", " TAIL,
    "$.channels[0].name: \"a/b\" is not a name of a channel; expected 1..64 letters" },
  { "same-channel-twice",
    "{\"channels\": [{\"name\": \"x\", \"source\": \"srt://h:1\", \"video\": [" RUNG
    "]}, {\"name\": \"x\", \"source\": \"srt://h:2\", \"video\": [" RUNG "]}]}",
    "$.channels[1].name: \"x\" stands at $.channels[0].name already; expected another "
    "one" },
  { "same-rendition-twice", HEAD "\"video\": [" RUNG ", " RUNG "]}]}",
    "$.channels[0].video[1].name: \"360p\" stands at $.channels[0].video[0].name "
    "already" },
  { "rendition-called-keys", HEAD "\"audio\": [{\"name\": \"keys\"}], " TAIL,
    "$.channels[0].audio[0].name: \"keys\" is where the keys are served" },
  { "same-port-twice",
    "{\"nodes\": [{\"name\": \"A\", \"listen\": \"127.0.0.1:1\", \"internal\": "
    "\"127.0.0.1:1\"}], \"channels\": [{\"name\": \"x\", \"source\": "
    "\"srt://h:1\", " TAIL,
    "$.nodes[0].internal: \"127.0.0.1:1\" stands at $.nodes[0].listen already" },
  { "wildcard-over-a-port",
    "{\"nodes\": [{\"name\": \"A\", \"listen\": \"0.0.0.0:7\", \"internal\": "
    "\"127.0.0.1:7\"}], \"channels\": [{\"name\": \"x\", \"source\": "
    "\"srt://h:1\", " TAIL,
    "$.nodes[0].listen: \"0.0.0.0:7\" takes the port of \"127.0.0.1:7\" at "
    "$.nodes[0].internal" },
  { "edge-on-the-default-port",
    "{\"edge\": {\"listen\": \"127.0.0.1:8080\"}, \"channels\": [{\"name\": \"x\", "
    "\"source\": \"srt://h:1\", " TAIL,
    "$.edge.listen: \"127.0.0.1:8080\" stands at $.nodes[0].listen already" },
  { "host-name-to-listen-on",
    "{\"edge\": {\"listen\": \"localhost:80\"}, \"channels\": []}",
    "$.edge.listen: \"localhost:80\" is not an address to listen on; expected "
    "\"ADDRESS:PORT\"" },
  { "no-port-to-listen-on", "{\"edge\": {\"listen\": \"127.0.0.1:0\"}, \"channels\": []}",
    "\"127.0.0.1:0\" is not an address to listen on" },
  { "trusted-name",
    "{\"edge\": {\"listen\": \"127.0.0.1:8\", \"trusted\": [\"me\"]}, \"channels\": []}",
    "$.edge.trusted[0]: \"me\" is not an address; expected an IPv4 or IPv6 address" },
  { "unknown-scheme",
    "{\"channels\": [{\"name\": \"x\", \"source\": \"ftp://h:1\", " TAIL,
    "$.channels[0].source: \"ftp://h:1\" has a scheme that is not known; expected "
    "srt://" },
  { "source-without-a-port",
    "{\"channels\": [{\"name\": \"x\", \"source\": \"srt://h\", " TAIL,
    "$.channels[0].source: \"srt://h\" has no port from 1 to 65535" },
  { "ticks-that-are-not-whole", HEAD "\"segment-duration\": 2.00001, " TAIL,
    "180000.9000 ticks of 90 kHz are not whole; the nearest is {\"ticks\": 180001}" },
  { "frames-that-are-not-whole", HEAD "\"segment-duration\": 2.01, " TAIL,
    "$.channels[0].segment-duration: 2.01 s is 50.2500 frames of 25/1; expected whole "
    "frames, "
    "nearest 2 or {\"ticks\": 180000}" },
  { "frames-of-ntsc",
    HEAD
    "\"segment-duration\": 2, \"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": "
    "800, \"frame-rate\": \"30000/1001\"}]}]}",
    "2 s is 59.9401 frames of 30000/1001; expected whole frames, nearest 2.002 or "
    "{\"ticks\": "
    "180180}" },
  { "default-duration-of-ntsc",
    HEAD
    "\n\"video\": [{\"width\": 640, \"height\": 360, \"bitrate\": 800, \"frame-rate\": "
    "\"30000/1001\"}]}]}",
    "d.json:1:15: $.channels[0].segment-duration: 2 s is 59.9401 frames" },
  { "two-frame-rates",
    HEAD "\"video\": [" RUNG ", {\"width\": 64, \"height\": 64, \"bitrate\": 90, "
         "\"frame-rate\": 50}]}]}",
    "$.channels[0].video[1].frame-rate: 50/1 differs from the first rendition's 25/1" },
  { "frame-rate-of-nothing",
    HEAD "\"video\": [{\"width\": 64, \"height\": 64, \"bitrate\": 90, \"frame-rate\": "
         "\"25/0\"}]}]}",
    "\"25/0\" is not a frame rate; expected \"NUMBER/NUMBER\" or an integer, 1..120" },
  { "no-level",
    HEAD "\"video\": [{\"width\": 8192, \"height\": 8192, \"bitrate\": 9000}]}]}",
    "$.channels[0].video[0]: no H.264 level takes 8192x8192 at 25/1 frames a second" },
  { "too-many-bits-of-sound",
    HEAD "\"audio\": [{\"bitrate\": 512, \"channels\": 1}], " TAIL,
    "$.channels[0].audio[0].bitrate: 512 kbit/s do not fit 1 channel(s) at 48000 Hz; "
    "expected "
    "at most 288" },
  { "odd-sample-rate", HEAD "\"audio\": [{\"rate\": 22050}], " TAIL,
    "22050 is not a sample rate; expected 32000, 44100 or 48000" },
  { "language-of-words", HEAD "\"audio\": [{\"language\": \"English\"}], " TAIL,
    "\"English\" is not a language; expected a tag of RFC 5646" },
  { "unknown-policy", "{\"sessions\": {\"policy\": \"first\"}, \"channels\": []}",
    "$.sessions.policy: \"first\" is not a policy; expected \"evict-oldest\" or" },
  { "watermark-on-copied-pictures",
    HEAD "\"video\": [{\"width\": 64, \"height\": 64, \"bitrate\": 90, \"encoder\": "
         "\"copy\"}]}]}",
    "$.channels[0].watermark: true (the default) needs pictures that are encoded here, "
    "and "
    "video[0].encoder is \"copy\"; expected \"watermark\": false, or another encoder" },
  { "copied-beside-encoded",
    HEAD "\"watermark\": false, \"video\": [" RUNG
         ", {\"width\": 64, \"height\": 64, \"bitrate\": 90, \"encoder\": \"copy\"}]}]}",
    "$.channels[0].video[1].encoder: \"copy\" cuts where the source's keyframes are, the "
    "other renditions elsewhere; expected no other video rendition" },
  { "copied-of-plain-rtp",
    "{\"channels\": [{\"name\": \"c\", \"source\": \"rtp://127.0.0.1:5004?h264=96\", "
    "\"watermark\": false, \"video\": [{\"width\": 64, \"height\": 64, \"bitrate\": "
    "90, \"encoder\": \"copy\"}]}]}",
    "$.channels[0].video[0].encoder: \"copy\" needs decoding times, and plain RTP has "
    "none; expected an encoder" },
  { "ten-bits-of-an-encoder-for-eight",
    HEAD "\"watermark\": false, \"video\": [{\"width\": 64, \"height\": 64, "
         "\"bitrate\": 90, \"bit-depth\": 10}]}]}",
    "$.channels[0].video[0].bit-depth: encoder \"x264\" makes 8 bits; expected 8, or an "
    "encoder of H.265 such as \"x265\"" },
  { "too-large-for-h265",
    HEAD "\"video\": [{\"width\": 8192, \"height\": 8192, \"bitrate\": 9000, "
         "\"encoder\": \"x265\"}]}]}",
    "$.channels[0].video[0]: no H.265 level takes 8192x8192" },
  { "unknown-audio-encoder", HEAD "\"audio\": [{\"encoder\": \"opus\"}], " TAIL,
    "$.channels[0].audio[0].encoder: \"opus\" is not an encoder" },
  { "variants-at-a-destination", HEAD "\"destination\": \"file:out\", " TAIL,
    "$.channels[0].watermark: true (the default) needs a gate that chooses" },
  { "keys-at-a-destination",
    HEAD "\"watermark\": false, \"destination\": \"file:out\", " TAIL,
    "$.channels[0].destination: holds encrypted segments, and nobody serves their keys "
    "there; expected \"key-uri\" to say where a gate does "
    "(https://GATE/live/demo/keys/), or \"encryption\": \"none\"" },
  { "two-writers-at-a-destination",
    "{\"nodes\": [{\"name\": \"A\", \"listen\": \"127.0.0.1:1\", \"internal\": "
    "\"127.0.0.1:2\"}, {\"name\": \"B\", \"listen\": \"127.0.0.1:3\", \"internal\": "
    "\"127.0.0.1:4\"}], \"channels\": [{\"name\": \"demo\", \"source\": "
    "\"srt://127.0.0.1:9000\", \"watermark\": false, \"encryption\": \"none\", "
    "\"destination\": \"file:out\", " TAIL,
    "$.channels[0].destination: each of the 2 nodes would write its files over the "
    "others'; expected one node, so give \"demo\" a description of its own" },
  { "recording-without-a-destination", HEAD "\"playlist\": \"vod\", " TAIL,
    "$.channels[0].playlist: is for a destination, and there is none" },
  { "recording-without-an-end",
    HEAD "\"watermark\": false, \"encryption\": \"none\", \"playlist\": \"vod\", "
         "\"destination\": \"file:out\", " TAIL,
    "$.channels[0].playlist: \"vod\" needs a source that ends; expected \"source\": "
    "\"file:PATH\"" },
  { "destination-of-another-kind", HEAD "\"destination\": \"ftp://h/\", " TAIL,
    "$.channels[0].destination: the destination is no folder and no web server; expected "
    "file:DIR, http://HOST/PATH/ or https://HOST/PATH/" },
  { "key-uri-without-a-slash", HEAD "\"key-uri\": \"https://gate/keys\", " TAIL,
    "$.channels[0].key-uri: \"https://gate/keys\" is not a prefix of key URIs" },
  { "colluders-beyond-the-table", HEAD "\"watermark\": {\"colluders\": 17}, " TAIL,
    "$.channels[0].watermark.colluders: 17 is not a number of colluders; expected an "
    "integer 1..16" },
  { "payload-of-another-length", HEAD "\"watermark\": {\"payload\": \"12\"}, " TAIL,
    "$.channels[0].watermark.payload: \"12\" is not a payload; expected 16 hex digits" },
  { "sparse-session",
    HEAD "\"watermark\": {\"payload\": \"0123456789abcdef\", \"sparse\": 2}, " TAIL,
    "$.channels[0].watermark.sparse: is for variants" },
  { "sparse-beyond-reason", HEAD "\"watermark\": {\"sparse\": 65}, " TAIL,
    "$.channels[0].watermark.sparse: 65 is not a number of segments; expected an integer "
    "1..64" },
  { "yes-for-true", HEAD "\"watermark\": \"yes\", " TAIL,
    "\"yes\" is not a switch; expected true, false, or an object with" },
  { "file-for-two-nodes",
    "{\"nodes\": [{\"name\": \"a\", \"listen\": \"127.0.0.1:1\", \"internal\": "
    "\"127.0.0.1:2\"}, {\"name\": \"b\", \"listen\": \"127.0.0.1:3\", \"internal\": "
    "\"127.0.0.1:4\"}], \"channels\": [{\"name\": \"demo\", \"source\": "
    "\"file:x.ts\", " TAIL,
    "$.channels[0].source: has no timeline that nodes share (each reads a file at its "
    "own "
    "pace), so 2 nodes cannot be active-active" },
  { "backup-of-rtmp",
    "{\"channels\": [{\"name\": \"x\", \"source\": \"rtmp://h/a/b\", \"backup\": "
    "\"udp://h:1\", " TAIL,
    "$.channels[0].backup: needs two live transport streams" },
  { "program-of-rtmp",
    "{\"channels\": [{\"name\": \"x\", \"source\": \"rtmp://h/a/b\", \"program\": "
    "1, " TAIL,
    "$.channels[0].program: is of a transport stream" },
  { "query-of-udp", HEAD "\"backup\": \"udp://h:1?pkt_size=1\", " TAIL,
    "$.channels[0].backup: \"udp://h:1\" has a query that is not known" },
};

/* Given a malformed description, when it is read, then the message names file, place,
 * value and what would be right. */
static void
test_malformed (gconstpointer data)
{
  const char *const *row = data;
  g_autoptr (GError) error = NULL;
  g_assert_null (parse (row[1], &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, "d.json:"));
  if (!strstr (error->message, row[2]))
    g_error ("expected \"%s\" in \"%s\"", row[2], error->message);
}

/* Given a secret where its source belongs, when it is refused, then the message is silent
 * about it. */
static void
test_secret_not_quoted (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (parse ("{\"secret\": \"0123456789abcdef\", \"channels\": []}", &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_null (strstr (error->message, "0123456789abcdef"));
  g_assert_nonnull (strstr (error->message, "${VARIABLE}"));
}

/* Given a source with a passphrase, when it is refused or shown, then without it. */
static void
test_source_without_passphrase (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *shown
      = headend_source_display ("srt://me:pw@10.0.0.1:9000?passphrase=verysecret");
  g_assert_cmpstr (shown, ==, "srt://10.0.0.1:9000");
  g_autofree char *stream = headend_source_display ("rtmp://u:p@h/live/verysecret");
  g_assert_cmpstr (stream, ==, "rtmp://h/live/");
  g_assert_null (parse ("{\"channels\": [{\"name\": \"x\", \"source\": "
                        "\"ftp://h:1?passphrase=verysecret\", " TAIL,
                        &error));
  g_assert_null (strstr (error->message, "verysecret"));
}

/* Given an environment variable, when the master secret is asked for, then it comes from
 * there, and its absence is explained. */
static void
test_secret_from_environment (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = parse (
      "{\"secret\": \"${HEADEND_TEST_SECRET}\", \"channels\": [{\"name\": \"x\", "
      "\"source\": \"srt://h:1\", " TAIL,
      &error);
  g_assert_no_error (error);
  g_unsetenv ("HEADEND_TEST_SECRET");
  g_assert_null (headend_model_load_secret (model, &error));
  g_assert_nonnull (strstr (error->message, "HEADEND_TEST_SECRET is not set"));
  g_setenv ("HEADEND_TEST_SECRET",
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", TRUE);
  g_clear_error (&error);
  g_autoptr (HeSecret) secret = headend_model_load_secret (model, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (he_secret_data (secret)[31], ==, 0x1f);
}

/* Given a file that is not there, when it is loaded, then the message names it. */
static void
test_missing_file (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (headend_description_load ("/nonexistent/d.json", NULL, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_IO);
  g_assert_nonnull (strstr (error->message, "/nonexistent/d.json"));
}

/* Given a destination with a password in it, when it is refused, then without it. */
static void
test_destination_without_password (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (
      parse (HEAD "\"destination\": \"https://me:verysecret@h/p/\", " TAIL, &error));
  g_assert_null (strstr (error->message, "verysecret"));
  g_assert_nonnull (strstr (error->message, "credentials"));
}

/* Given a relative folder, then it is the description's. */
static void
test_destination_folder (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model
      = parse (HEAD "\"watermark\": false, \"destination\": \"file:a/b\", \"key-uri\": "
                    "\"https://g/k/\", \"credentials\": {\"file\": \"pw\"}, " TAIL,
               &error);
  g_assert_no_error (error);
  const HeadendModelChannel *channel = model->channels->pdata[0];
  g_assert_cmpstr (channel->destination, ==, "file:/srv/tv/a/b");
  g_assert_cmpstr (channel->credentials, ==, "/srv/tv/pw");
  g_assert_cmpstr (channel->key_uri, ==, "https://g/k/");
  g_assert_false (channel->recording);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/description/fills-in-defaults", test_defaults);
  g_test_add_func ("/description/holds-every-key", test_every_key);
  g_test_add_func ("/description/watermark/is-as-described", test_watermark);
  g_test_add_func ("/description/watermark/for-one-recipient", test_session);
  for (guint i = 0; i < G_N_ELEMENTS (malformed); i++) {
    g_autofree char *path
        = g_strdup_printf ("/description/refuses/%s", malformed[i].name);
    g_test_add_data_func (path, &malformed[i], test_malformed);
  }
  g_test_add_func ("/description/never-quotes-a-secret", test_secret_not_quoted);
  g_test_add_func ("/description/never-shows-a-passphrase",
                   test_source_without_passphrase);
  g_test_add_func ("/description/takes-the-secret-from-the-environment",
                   test_secret_from_environment);
  g_test_add_func ("/description/never-quotes-a-destinations-password",
                   test_destination_without_password);
  g_test_add_func ("/description/destination-is-relative-to-it", test_destination_folder);
  g_test_add_func ("/description/names-a-missing-file", test_missing_file);
  return g_test_run ();
}
