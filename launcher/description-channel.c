/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

#include <string.h>
#include "encoder.h"
#include "he-codec.h"
#include "he-codeword.h"
#include "he-keys.h"
#include "he-place.h"
#include "source.h"

/* What stands below "channels": readers of its own kinds of values, then one table an
 * object, innermost first. */

static gboolean
read_frame_rate (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                 gpointer field, GError **error)
{
  gint64 n = 0, d = 1;
  if (he_json_type (value) == HE_JSON_INTEGER) {
    n = he_json_integer (value);
  } else if (he_json_type (value) == HE_JSON_STRING) {
    g_auto (GStrv) parts = g_strsplit (he_json_string (value), "/", 0);
    guint64 numbers[2] = { 0, 0 };
    if (g_strv_length (parts) != 2)
      return headend_read_refuse (reader, key, value, error);
    for (guint i = 0; i < 2; i++)
      if (parts[i][0] == '0'
          || !g_ascii_string_to_unsigned (parts[i], 10, 1, 1000000, &numbers[i], NULL))
        return headend_read_refuse (reader, key, value, error);
    n = (gint64)numbers[0];
    d = (gint64)numbers[1];
  }
  if (n < d || n > 120 * d)
    return headend_read_refuse (reader, key, value, error);
  *(HeadendFraction *)field = (HeadendFraction) { (guint)n, (guint)d };
  return TRUE;
}

static gboolean
read_encoder (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  HeadendKey with_names = *key;
  with_names.data = he_encoder_family_names ();
  return headend_read_one_of (reader, &with_names, value, field, error);
}

static gboolean
read_audio_encoder (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                    gpointer field, GError **error)
{
  static const char *const names[] = { "aac", "copy", NULL };
  HeadendKey with_names = *key;
  with_names.data = names;
  return headend_read_one_of (reader, &with_names, value, field, error);
}

static gboolean
read_language (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
               gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING
      || !g_regex_match_simple ("^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}\\z",
                                he_json_string (value), 0, 0))
    return headend_read_refuse (reader, key, value, error);
  g_free (*(char **)field);
  *(char **)field = g_strdup (he_json_string (value));
  return TRUE;
}

/* Even numbers: 4:2:0 has one chroma sample for two by two pixels. */
static gboolean
read_even (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
           gpointer field, GError **error)
{
  if (!headend_read_uint (reader, key, value, field, error))
    return FALSE;
  return *(guint *)field % 2 == 0 || headend_read_refuse (reader, key, value, error);
}

static gboolean
read_bit_depth (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_INTEGER
      || (he_json_integer (value) != 8 && he_json_integer (value) != 10))
    return headend_read_refuse (reader, key, value, error);
  *(guint *)field = (guint)he_json_integer (value);
  return TRUE;
}

static gboolean
read_sample_rate (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                  gpointer field, GError **error)
{
  if (he_json_type (value) == HE_JSON_INTEGER)
    switch (he_json_integer (value)) {
      case 32000:
      case 44100:
      case 48000:
        *(guint *)field = (guint)he_json_integer (value);
        return TRUE;
      default:
        break;
    }
  return headend_read_refuse (reader, key, value, error);
}

static const HeadendKey video_keys[] = {
  { "name", headend_read_name, G_STRUCT_OFFSET (HeadendVideo, name), FALSE,
    "a name of a rendition",
    HEADEND_NAME_EXPECTED },
  { "width", read_even, G_STRUCT_OFFSET (HeadendVideo, width), TRUE, "a width",
    "an even integer 64..8192", 64, 8192 },
  { "height", read_even, G_STRUCT_OFFSET (HeadendVideo, height), TRUE, "a height",
    "an even integer 64..8192", 64, 8192 },
  { "frame-rate", read_frame_rate, G_STRUCT_OFFSET (HeadendVideo, frame_rate), FALSE,
    "a frame rate", "\"NUMBER/NUMBER\" or an integer, 1..120 frames a second" },
  { "bitrate", headend_read_uint, G_STRUCT_OFFSET (HeadendVideo, bitrate), TRUE,
    "a bit rate", "an integer 32..200000 in kbit/s", 32, 200000 },
  { "bit-depth", read_bit_depth, G_STRUCT_OFFSET (HeadendVideo, bit_depth), FALSE,
    "a bit depth", "8 or 10" },
  { "encoder", read_encoder, G_STRUCT_OFFSET (HeadendVideo, encoder), FALSE, "an encoder",
    "one of x264, x265, openh264, nvenc, nvenc-h265, va, va-h265, qsv, qsv-h265, or "
    "\"copy\" or \"copy-h265\" to pass the source through" },
  /* Which presets there are depends on the encoder, whose key may stand behind:
   * description-check.c */
  { "preset", headend_read_text, G_STRUCT_OFFSET (HeadendVideo, preset), FALSE,
    "a preset of the encoder", "1..32 characters", 1, 32 },
  { "closed-gops", headend_read_boolean, G_STRUCT_OFFSET (HeadendVideo, closed_gops),
    FALSE, "a switch", "true or false" },
  { NULL },
};

static const HeadendKey audio_keys[] = {
  { "name", headend_read_name, G_STRUCT_OFFSET (HeadendAudio, name), FALSE,
    "a name of a rendition",
    HEADEND_NAME_EXPECTED },
  { "track", headend_read_uint, G_STRUCT_OFFSET (HeadendAudio, track), FALSE,
    "a track of the source", "an integer 0..15", 0, 15 },
  { "bitrate", headend_read_uint, G_STRUCT_OFFSET (HeadendAudio, bitrate), FALSE,
    "a bit rate", "an integer 16..512 in kbit/s", 16, 512 },
  { "rate", read_sample_rate, G_STRUCT_OFFSET (HeadendAudio, rate), FALSE,
    "a sample rate", "32000, 44100 or 48000" },
  { "channels", headend_read_uint, G_STRUCT_OFFSET (HeadendAudio, channels), FALSE,
    "a number of audio channels", "1 or 2", 1, 2 },
  { "encoder", read_audio_encoder, G_STRUCT_OFFSET (HeadendAudio, encoder), FALSE,
    "an encoder", "\"aac\", or \"copy\" to pass the source through" },
  { "language", read_language, G_STRUCT_OFFSET (HeadendAudio, language), FALSE,
    "a language", "a tag of RFC 5646 such as \"en\" or \"de-CH\"" },
  { NULL },
};

static gboolean
read_source (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
             gpointer field, GError **error)
{
  g_autofree char *message = NULL;
  if (!headend_read_text (reader, key, value, field, error))
    return FALSE;
  if (headend_source_find (he_json_string (value), &message))
    return TRUE;
  g_autofree char *shown = headend_source_display (he_json_string (value));
  return headend_read_error (reader, value, error, "\"%s\" %s", shown, message);
}

#define MAX_DURATION90 (30 * 90000)

static const HeadendKey ticks_keys[] = {
  { "ticks", headend_read_uint, 0, TRUE, "a duration", "an integer 45000..2700000", 45000,
    MAX_DURATION90 },
  { NULL },
};

/* Seconds whose 90 kHz ticks are whole, or {"ticks": N}. */
static gboolean
read_duration (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
               gpointer field, GError **error)
{
  guint ticks = 0;
  HeJsonType type = he_json_type (value);
  if (type == HE_JSON_OBJECT) {
    if (!headend_read_object (reader, ticks_keys, value, &ticks, error))
      return FALSE;
  } else if (type == HE_JSON_INTEGER || type == HE_JSON_NUMBER) {
    double exact = he_json_number (value) * 90000;
    if (!(exact >= 45000 && exact <= MAX_DURATION90))
      return headend_read_refuse (reader, key, value, error);
    ticks = (guint)(exact + 0.5);
    /* A decimal of a whole number of ticks is off by rounding alone. */
    if (exact - ticks > 1e-6 || exact - ticks < -1e-6) {
      char nearest[G_ASCII_DTOSTR_BUF_SIZE];
      g_ascii_formatd (nearest, sizeof nearest, "%.9g", ticks / 90000.0);
      return headend_read_error (reader, value, error,
                                 "%.4f ticks of 90 kHz are not whole; the nearest is "
                                 "{\"ticks\": %u} (about %s s)",
                                 exact, ticks, nearest);
    }
  } else {
    return headend_read_refuse (reader, key, value, error);
  }
  *(guint64 *)field = ticks;
  return TRUE;
}

static const char *const encryption_names[] = { "none", "aes-128" };
static const char *const agreement_names[] = { "interchangeable", "identical" };
static const char *const playlist_names[] = { "live", "vod" };

/* The value is never quoted: it may hold a password. */
static gboolean
read_destination (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                  gpointer field, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autofree char *folder = NULL;
  if (he_json_type (value) != HE_JSON_STRING
      || strlen (he_json_string (value)) > (gsize)key->max)
    return headend_read_error (reader, value, error, "expected %s", key->expected);
  if (!he_place_check (he_json_string (value), &wrong))
    return headend_read_error (reader, value, error, "%s", wrong->message);
  folder = he_place_folder (he_json_string (value), reader->model->folder);
  g_free (*(char **)field);
  *(char **)field
      = folder ? g_strconcat ("file:", folder, NULL) : g_strdup (he_json_string (value));
  return TRUE;
}

/* What TIER/PERIOD can stand behind, in a quoted string of a playlist. */
static gboolean
read_key_uri (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  if (he_json_type (value) != HE_JSON_STRING
      || !g_regex_match_simple ("^https?://[^/?#\"@\\s]+/([^?#\"\\s]*/)?\\z",
                                he_json_string (value), 0, 0))
    return headend_read_refuse (reader, key, value, error);
  return headend_read_text (reader, key, value, field, error);
}

static gboolean
read_payload (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
              gpointer field, GError **error)
{
  guint8 bytes[8];
  if (he_json_type (value) != HE_JSON_STRING
      || !he_hex_decode (he_json_string (value), strlen (he_json_string (value)), bytes,
                         sizeof bytes))
    return headend_read_refuse (reader, key, value, error);
  return headend_read_text (reader, key, value, field, error);
}

static const HeadendKey watermark_keys[] = {
  { "payload", read_payload, G_STRUCT_OFFSET (HeadendModelChannel, payload), FALSE,
    "a payload", "16 hex digits", 16, 16 },
  { "colluders", headend_read_uint, G_STRUCT_OFFSET (HeadendModelChannel, colluders),
    FALSE, "a number of colluders", "an integer 1..16", 1, HE_CODEWORD_MAX_COLLUDERS },
  { "sparse", headend_read_uint, G_STRUCT_OFFSET (HeadendModelChannel, sparse), FALSE,
    "a number of segments", "an integer 1..64", 1, HE_SPARSE_MAX },
  { NULL },
};

/* Whether there is one, or in an object, which says that there is, what it is like. */
static gboolean
read_watermark (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                gpointer field, GError **error)
{
  HeadendModelChannel *channel = field;
  if (he_json_type (value) == HE_JSON_OBJECT) {
    channel->watermark = TRUE;
    return headend_read_object (reader, watermark_keys, value, channel, error);
  }
  return headend_read_boolean (reader, key, value, &channel->watermark, error);
}

static const HeadendKey credentials_keys[] = {
  { "file", headend_read_path, 0, TRUE, "a file", "a path" },
  { NULL },
};

const HeadendKey headend_channel_keys[] = {
  { "name", headend_read_name, G_STRUCT_OFFSET (HeadendModelChannel, name), TRUE,
    "a name of a channel", HEADEND_NAME_EXPECTED },
  { "source", read_source, G_STRUCT_OFFSET (HeadendModelChannel, source), TRUE,
    "a source", HEADEND_SOURCE_FORMS },
  { "backup", read_source, G_STRUCT_OFFSET (HeadendModelChannel, backup), FALSE,
    "a source", HEADEND_SOURCE_FORMS },
  { "program", headend_read_uint, G_STRUCT_OFFSET (HeadendModelChannel, program), FALSE,
    "a program number", "an integer 1..65535", 1, 65535 },
  { "common-timeline", headend_read_boolean,
    G_STRUCT_OFFSET (HeadendModelChannel, common_timeline), FALSE, "a switch",
    "true or false" },
  { "segment-duration", read_duration, G_STRUCT_OFFSET (HeadendModelChannel, duration90),
    FALSE, "a duration of a segment", "seconds 0.5..30, or {\"ticks\": N} of 90 kHz" },
  { "window", headend_read_uint, G_STRUCT_OFFSET (HeadendModelChannel, window), FALSE,
    "a window", "an integer 3..60, in segments", 3, 60 },
  { "encryption", headend_read_choice, G_STRUCT_OFFSET (HeadendModelChannel, encrypted),
    FALSE, "an encryption", "\"aes-128\" or \"none\"", .data = encryption_names },
  { "key-rotation", headend_read_uint,
    G_STRUCT_OFFSET (HeadendModelChannel, key_rotation), FALSE, "a key rotation",
    "an integer 1..100000, in segments", 1, 100000 },
  { "key-version", headend_read_uint, G_STRUCT_OFFSET (HeadendModelChannel, key_version),
    FALSE, "a key version", "an integer 1..1000000", 1, 1000000 },
  { "tier", headend_read_name, G_STRUCT_OFFSET (HeadendModelChannel, tier), FALSE,
    "a rights tier", HEADEND_NAME_EXPECTED },
  { "watermark", read_watermark, 0, FALSE, "a switch",
    "true, false, or an object with payload, colluders, sparse" },
  { "agreement", headend_read_choice, G_STRUCT_OFFSET (HeadendModelChannel, identical),
    FALSE, "an agreement", "\"identical\" or \"interchangeable\"",
    .data = agreement_names },
  { "destination", read_destination, G_STRUCT_OFFSET (HeadendModelChannel, destination),
    FALSE, "a destination", "file:DIR, http://HOST/PATH/ or https://HOST/PATH/", 1,
    1024 },
  { "credentials", headend_read_part, G_STRUCT_OFFSET (HeadendModelChannel, credentials), FALSE,
    "an object", "file", .data = credentials_keys },
  { "key-uri", read_key_uri, G_STRUCT_OFFSET (HeadendModelChannel, key_uri), FALSE,
    "a prefix of key URIs", "http(s)://HOST/PATH/", 1, 1024 },
  { "playlist", headend_read_choice, G_STRUCT_OFFSET (HeadendModelChannel, recording),
    FALSE, "a type of playlist", "\"live\" or \"vod\"", .data = playlist_names },
  { "video", headend_read_list, G_STRUCT_OFFSET (HeadendModelChannel, video), TRUE,
    "a list of video renditions", "an array of 1..16 objects", 1, 16,
    &(const HeadendList) { video_keys, (gpointer (*) (void))headend_video_new } },
  { "audio", headend_read_list, G_STRUCT_OFFSET (HeadendModelChannel, audio), FALSE,
    "a list of audio renditions", "an array of at most 16 objects", 0, 16,
    &(const HeadendList) { audio_keys, (gpointer (*) (void))headend_audio_new } },
  { NULL },
};
