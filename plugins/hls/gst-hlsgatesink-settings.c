/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-hlsgatesink-settings.h"

#include <string.h>

#include "gst-headend.h"
#include "he-codec.h"
#include "he-error.h"

#define RW (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define WO (G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_string (GObjectClass *klass, guint id, const char *name, const char *nick,
                const char *blurb, const char *value, GParamFlags flags)
{
  g_object_class_install_property (klass, id,
                                   g_param_spec_string (name, nick, blurb, value, flags));
}

static void
install_uint (GObjectClass *klass, guint id, const char *name, const char *nick,
              const char *blurb, guint min, guint max, guint value)
{
  g_object_class_install_property (
      klass, id, g_param_spec_uint (name, nick, blurb, min, max, value, RW));
}

static void
install_content (GObjectClass *klass)
{
  install_string (klass, GST_HLS_GATE_PROP_CHANNEL, "channel", "Channel",
                  "Name of the channel, a part of its URIs and keys", "live", RW);
  install_string (klass, GST_HLS_GATE_PROP_NODE, "node", "Node",
                  "Name of this node, told to origins", "node", RW);
  g_object_class_install_property (
      klass, GST_HLS_GATE_PROP_SEGMENT_DURATION,
      g_param_spec_uint64 ("segment-duration", "Segment duration",
                           "Constant duration of segments in 90 kHz ticks", 9000,
                           G_MAXUINT32, 180000, RW));
  install_uint (klass, GST_HLS_GATE_PROP_WINDOW, "window", "Window",
                "Segments in a media playlist", 3, 1000, 6);
  install_string (
      klass, GST_HLS_GATE_PROP_SECRET, "secret", "Secret",
      "Secret of the content keys, 64 hex digits or file:PATH (unset: segments "
      "are not encrypted)",
      NULL, WO);
  install_uint (klass, GST_HLS_GATE_PROP_KEY_VERSION, "key-version", "Key version",
                "Version of the content keys", 0, G_MAXUINT, 1);
  install_uint (klass, GST_HLS_GATE_PROP_KEY_ROTATION, "key-rotation", "Key rotation",
                "Segments per content key", 1, G_MAXUINT, 30);
  install_string (klass, GST_HLS_GATE_PROP_TIER, "tier", "Tier",
                  "Rights tier of the content keys", "base", RW);
}

static void
install_outlets (GObjectClass *klass)
{
  install_string (klass, GST_HLS_GATE_PROP_ORIGINS, "origins", "Origins",
                  "Internal listeners of origins to publish to, comma-separated: "
                  "http://HOST:PORT,…",
                  NULL, RW);
  install_string (klass, GST_HLS_GATE_PROP_PUBLISH_KEY, "publish-key", "Publish key",
                  "Secret shared with the origins, 64 hex digits or file:PATH", NULL, WO);
  install_string (klass, GST_HLS_GATE_PROP_LISTEN, "listen", "Listen",
                  "Serve viewers from here, on ADDRESS:PORT (port 0: any free one, see "
                  "port)",
                  NULL, RW);
  install_string (klass, GST_HLS_GATE_PROP_JWKS, "jwks", "JWKS",
                  "File of the public keys that viewers' tokens are checked with", NULL,
                  RW);
  install_string (klass, GST_HLS_GATE_PROP_ALGORITHMS, "algorithms", "Algorithms",
                  "Algorithms that viewers' tokens may be signed with, comma-separated: "
                  "ES256, EdDSA, RS256, PS256, HS256; keys of others are passed over",
                  "ES256", RW);
  install_string (klass, GST_HLS_GATE_PROP_ISSUER, "issuer", "Issuer",
                  "Issuer that tokens must name", "headend", RW);
  install_string (klass, GST_HLS_GATE_PROP_AUDIENCE, "audience", "Audience",
                  "Audience that tokens must name", "headend", RW);
  install_string (klass, GST_HLS_GATE_PROP_GATE_SECRET, "gate-secret", "Gate secret",
                  "Master secret of sessions and codewords, 64 hex digits or file:PATH "
                  "(unset: random, so that sessions end with the element)",
                  NULL, WO);
  install_string (
      klass, GST_HLS_GATE_PROP_ANCHOR, "anchor", "Anchor",
      "Anchor record of the timeline as JSON, for PROGRAM-DATE-TIME (unset: "
      "no offset when timestamps are within a minute of the present, else the "
      "first segment's end is taken for now)",
      NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
}

static GType
playlist_type_get_type (void)
{
  static const GEnumValue values[] = {
    { GST_HLS_GATE_LIVE, "A window that moves on", "live" },
    { GST_HLS_GATE_VOD, "Everything from the first picture to the last, at EOS", "vod" },
    { 0, NULL, NULL },
  };
  static gsize type = 0;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstHlsGatePlaylistType", values));
  return type;
}

static void
install_destination (GObjectClass *klass)
{
  install_string (klass, GST_HLS_GATE_PROP_DESTINATION, "destination", "Destination",
                  "Where segments and playlists are put as files that somebody else "
                  "serves: file:DIR, or http(s)://HOST/PATH/ of a server that takes PUT",
                  NULL, RW);
  install_string (klass, GST_HLS_GATE_PROP_CREDENTIALS, "credentials", "Credentials",
                  "file:PATH of a file with USER:PASSWORD for the destination, which "
                  "only its owner may read",
                  NULL, WO);
  g_object_class_install_property (
      klass, GST_HLS_GATE_PROP_PLAYLIST_TYPE,
      g_param_spec_enum ("playlist-type", "Playlist type",
                         "What the destination's playlists list",
                         playlist_type_get_type (), GST_HLS_GATE_LIVE, RW));
  install_string (klass, GST_HLS_GATE_PROP_KEY_URI, "key-uri", "Key URI",
                  "What the destination's playlists put in front of TIER/PERIOD for "
                  "keys: where a gate serves them, https://GATE/live/CHANNEL/keys/",
                  NULL, RW);
}

void
gst_hls_gate_settings_install (GObjectClass *klass)
{
  install_content (klass);
  install_outlets (klass);
  install_destination (klass);
}

void
gst_hls_gate_settings_init (GstHlsGateSettings *s)
{
  *s = (GstHlsGateSettings) {
    .channel = g_strdup ("live"),
    .node = g_strdup ("node"),
    .tier = g_strdup ("base"),
    .issuer = g_strdup ("headend"),
    .audience = g_strdup ("headend"),
    .algorithms = g_strdup ("ES256"),
    .accepted = HE_TOKEN_ES256,
    .duration90 = 180000,
    .window = 6,
    .key_version = 1,
    .key_rotation = 30,
  };
}

/* The text property of an id; NULL when it is none. */
static char **
string_field (GstHlsGateSettings *s, guint id)
{
  char **fields[GST_HLS_GATE_PROP_LAST] = {
    [GST_HLS_GATE_PROP_CHANNEL] = &s->channel,
    [GST_HLS_GATE_PROP_NODE] = &s->node,
    [GST_HLS_GATE_PROP_TIER] = &s->tier,
    [GST_HLS_GATE_PROP_ORIGINS] = &s->origins,
    [GST_HLS_GATE_PROP_LISTEN] = &s->listen,
    [GST_HLS_GATE_PROP_JWKS] = &s->jwks,
    [GST_HLS_GATE_PROP_ISSUER] = &s->issuer,
    [GST_HLS_GATE_PROP_AUDIENCE] = &s->audience,
    [GST_HLS_GATE_PROP_DESTINATION] = &s->destination,
    [GST_HLS_GATE_PROP_KEY_URI] = &s->key_uri,
    [GST_HLS_GATE_PROP_ALGORITHMS] = &s->algorithms,
  };

  return id < GST_HLS_GATE_PROP_LAST ? fields[id] : NULL;
}

static guint *
uint_field (GstHlsGateSettings *s, guint id)
{
  return id == GST_HLS_GATE_PROP_WINDOW         ? &s->window
         : id == GST_HLS_GATE_PROP_KEY_VERSION  ? &s->key_version
         : id == GST_HLS_GATE_PROP_KEY_ROTATION ? &s->key_rotation
                                                : NULL;
}

static HeSecret **
secret_field (GstHlsGateSettings *s, guint id)
{
  return id == GST_HLS_GATE_PROP_SECRET        ? &s->content
         : id == GST_HLS_GATE_PROP_PUBLISH_KEY ? &s->publish
         : id == GST_HLS_GATE_PROP_GATE_SECRET ? &s->gate
         : id == GST_HLS_GATE_PROP_CREDENTIALS ? &s->credentials
                                               : NULL;
}

void
gst_hls_gate_settings_clear (GstHlsGateSettings *s)
{
  for (guint id = 0; id < GST_HLS_GATE_PROP_LAST; id++) {
    char **text = string_field (s, id);
    HeSecret **secret = secret_field (s, id);

    if (text != NULL)
      g_clear_pointer (text, g_free);
    if (secret != NULL)
      g_clear_pointer (secret, he_secret_unref);
  }
}

static void
set_anchor (GstHlsGateSettings *s, GObject *object, const char *text)
{
  g_autoptr (GError) error = NULL;

  s->has_anchor = text != NULL && he_anchor_from_json (text, -1, &s->anchor, &error);
  if (error != NULL)
    GST_WARNING_OBJECT (object, "property anchor: %s", error->message);
}

/* FALSE: not a list of one or more of them. */
static gboolean
read_algorithms (GstHlsGateSettings *s, GObject *object)
{
  g_auto (GStrv) names = g_strsplit (s->algorithms != NULL ? s->algorithms : "", ",", -1);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; names[i] != NULL; i++)
    g_strstrip (names[i]);
  if (!he_token_algorithms_parse ((const char *const *)names, &s->accepted, &error))
    GST_WARNING_OBJECT (object, "property algorithms: %s", error->message);
  return error == NULL && names[0] != NULL;
}

static HeSecret *
read_secret (GObject *object, guint id, GParamSpec *pspec, const GValue *value)
{
  const char *text = g_value_get_string (value);
  g_autoptr (GError) error = NULL;
  HeSecret *secret = NULL;

  if (id != GST_HLS_GATE_PROP_CREDENTIALS)
    return gst_headend_secret_from_value (object, pspec, value);
  if (text != NULL && g_str_has_prefix (text, "file:"))
    secret = he_secret_login_from_file (text + strlen ("file:"), pspec->name, &error);
  if (error != NULL)
    GST_WARNING_OBJECT (object, "property %s: %s", pspec->name, error->message);
  return secret;
}

gboolean
gst_hls_gate_settings_set (GstHlsGateSettings *s, GObject *object, guint id,
                           const GValue *value, GParamSpec *pspec)
{
  char **text = string_field (s, id);
  guint *number = uint_field (s, id);
  HeSecret **secret = secret_field (s, id);
  gboolean readable = TRUE;

  if (text != NULL) {
    g_free (*text);
    *text = g_value_dup_string (value);
    if (id == GST_HLS_GATE_PROP_ALGORITHMS)
      readable = read_algorithms (s, object);
  } else if (number != NULL) {
    *number = g_value_get_uint (value);
  } else if (secret != NULL) {
    he_secret_unref (*secret);
    *secret = read_secret (object, id, pspec, value);
    readable = *secret != NULL || g_value_get_string (value) == NULL;
  } else if (id == GST_HLS_GATE_PROP_SEGMENT_DURATION) {
    s->duration90 = g_value_get_uint64 (value);
  } else if (id == GST_HLS_GATE_PROP_PLAYLIST_TYPE) {
    s->playlist_type = (GstHlsGatePlaylistType)g_value_get_enum (value);
  } else if (id == GST_HLS_GATE_PROP_ANCHOR) {
    set_anchor (s, object, g_value_get_string (value));
    readable = s->has_anchor || g_value_get_string (value) == NULL;
  } else {
    return FALSE;
  }
  s->bad = readable ? s->bad & ~(1u << id) : s->bad | 1u << id;
  return TRUE;
}

gboolean
gst_hls_gate_settings_get (const GstHlsGateSettings *s, guint id, GValue *value)
{
  GstHlsGateSettings *mutable = (GstHlsGateSettings *)s;
  char **text = string_field (mutable, id);
  guint *number = uint_field (mutable, id);

  if (text != NULL)
    g_value_set_string (value, *text);
  else if (number != NULL)
    g_value_set_uint (value, *number);
  else if (id == GST_HLS_GATE_PROP_SEGMENT_DURATION)
    g_value_set_uint64 (value, s->duration90);
  else if (id == GST_HLS_GATE_PROP_PLAYLIST_TYPE)
    g_value_set_enum (value, (gint)s->playlist_type);
  else if (id == GST_HLS_GATE_PROP_ANCHOR)
    g_value_take_string (value, s->has_anchor ? he_anchor_to_json (&s->anchor) : NULL);
  else
    return FALSE;
  return TRUE;
}

static gboolean
check_name (const char *property, const char *name, GError **error)
{
  if (name != NULL && he_name_is_valid (name))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "%s=\"%s\": expected 1 to 64 of A-Z a-z 0-9 _ -, first a letter or digit",
               property, name != NULL ? name : "");
  return FALSE;
}

gboolean
gst_hls_gate_settings_check (const GstHlsGateSettings *s, GError **error)
{
#define SECRET_EXPECTED                                                                  \
  "64 hex digits, or file:PATH of a file only its owner may read; \"openssl rand -hex "  \
  "32\" makes one"
  static const struct {
    guint id;
    const char *name, *expected;
  } readable[] = {
    { GST_HLS_GATE_PROP_SECRET, "secret", SECRET_EXPECTED },
    { GST_HLS_GATE_PROP_PUBLISH_KEY, "publish-key", SECRET_EXPECTED },
    { GST_HLS_GATE_PROP_GATE_SECRET, "gate-secret", SECRET_EXPECTED },
    { GST_HLS_GATE_PROP_ANCHOR, "anchor", "an anchor record as JSON" },
    { GST_HLS_GATE_PROP_CREDENTIALS, "credentials",
      "file:PATH of a file only its owner may read, with one line USER:PASSWORD" },
    { GST_HLS_GATE_PROP_ALGORITHMS, "algorithms",
      "one or more of ES256, EdDSA, RS256, PS256, HS256, comma-separated" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (readable); i++)
    if (s->bad & 1u << readable[i].id) {
      g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s could not be read: expected %s",
                   readable[i].name, readable[i].expected);
      return FALSE;
    }
  return check_name ("channel", s->channel, error) && check_name ("node", s->node, error)
         && check_name ("tier", s->tier, error);
}
