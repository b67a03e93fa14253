/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-segment.h"
#include "he-codec.h"
#include "he-error.h"

#include <string.h>

#define FLAGS_ALL (HE_SEGMENT_FILLED | HE_SEGMENT_DAMAGED)
#define PATH_MAX_LEN 256

static const char *const variant_names[] = {
  [HE_VARIANT_NONE] = "none",
  [HE_VARIANT_A] = "a",
  [HE_VARIANT_B] = "b",
};

const char *
he_variant_name (HeVariant variant)
{
  g_assert ((guint)variant < G_N_ELEMENTS (variant_names));
  return variant_names[variant];
}

gboolean
he_variant_from_name (const char *name, HeVariant *ret_variant)
{
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (variant_names); i++)
    if (strcmp (name, variant_names[i]) == 0) {
      *ret_variant = (HeVariant)i;
      return TRUE;
    }
  return FALSE;
}

HeSegment *
he_segment_copy (const HeSegment *segment)
{
  HeSegment *copy = g_memdup2 (segment, sizeof *segment);

  copy->channel = g_strdup (segment->channel);
  copy->rendition = g_strdup (segment->rendition);
  return copy;
}

void
he_segment_free (HeSegment *segment)
{
  if (segment == NULL)
    return;
  g_free (segment->channel);
  g_free (segment->rendition);
  g_free (segment);
}

char *
he_segment_path (const HeSegment *segment)
{
  return g_strdup_printf ("/origin/%s/%s/%s/%" G_GUINT64_FORMAT ".ts",
                          he_variant_name (segment->variant), segment->channel,
                          segment->rendition, segment->msn);
}

static gboolean
parse_path (char **parts, HeSegment *segment)
{
  char *suffix;

  if (g_strv_length (parts) != 6 || parts[0][0] != '\0'
      || strcmp (parts[1], "origin") != 0)
    return FALSE;
  if (!he_variant_from_name (parts[2], &segment->variant) || !he_name_is_valid (parts[3])
      || !he_name_is_valid (parts[4]))
    return FALSE;
  suffix = strchr (parts[5], '.');
  return suffix != NULL && strcmp (suffix, ".ts") == 0
         && he_uint64_decode (parts[5], (gsize)(suffix - parts[5]), G_MAXUINT64,
                              &segment->msn);
}

HeSegment *
he_segment_from_path (const char *path, GError **error)
{
  g_auto (GStrv) parts = NULL;
  HeSegment parsed = { 0 };

  if (strnlen (path, PATH_MAX_LEN + 1) <= PATH_MAX_LEN)
    parts = g_strsplit (path, "/", 7);
  if (parts == NULL || !parse_path (parts, &parsed)) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "not a segment's path; expected /origin/VARIANT/CHANNEL/RENDITION/MSN.ts");
    return NULL;
  }
  parsed.channel = parts[3];
  parsed.rendition = parts[4];
  return he_segment_copy (&parsed);
}

const char *
he_segment_apart (const HeSegment *a, const HeSegment *b)
{
  if (a->pts90 != b->pts90 || a->duration90 != b->duration90)
    return "other boundaries";
  if (a->frames != 0 && b->frames != 0 && a->frames != b->frames)
    return "another number of frames";
  if (a->has_signature && b->has_signature
      && !he_signature_alike (&a->signature, &b->signature))
    return "another picture";
  return NULL;
}

char *
he_segment_to_header (const HeSegment *segment)
{
  GString *text = g_string_new (NULL);

  g_string_printf (text,
                   "generation=%u;pts90=%" G_GUINT64_FORMAT
                   ";duration90=%" G_GUINT64_FORMAT ";flags=%u",
                   segment->generation, segment->pts90, segment->duration90,
                   (guint)segment->flags);
  if (segment->frames != 0)
    g_string_append_printf (text, ";frames=%u", segment->frames);
  if (segment->has_signature) {
    g_autofree char *signature = he_signature_to_text (&segment->signature);

    g_string_append_printf (text, ";signature=%s", signature);
  }
  return g_string_free (text, FALSE);
}

/* Takes "NAME=DIGITS", and the semicolon behind it or the end. */
static gboolean
take_field (const char **text, const char *name, guint64 max, guint64 *ret_value)
{
  gsize name_len = strlen (name);
  const char *value = *text + name_len + 1;
  gsize len;

  if (strncmp (*text, name, name_len) != 0 || (*text)[name_len] != '=')
    return FALSE;
  len = strspn (value, "0123456789");
  if ((value[len] != ';' && value[len] != '\0')
      || !he_uint64_decode (value, len, max, ret_value))
    return FALSE;
  *text = value + len;
  return TRUE;
}

static gboolean
take_semicolon (const char **text)
{
  if (**text != ';')
    return FALSE;
  (*text)++;
  return TRUE;
}

/* What may be absent. */
static gboolean
take_looks (const char **text, guint64 *ret_frames, gboolean *ret_has_signature,
            HeSignature *ret_signature)
{
  static const char signature[] = "signature=";
  gboolean more = take_semicolon (text);

  *ret_has_signature = FALSE;
  if (more && g_str_has_prefix (*text, "frames=")) {
    if (!take_field (text, "frames", G_MAXUINT, ret_frames) || *ret_frames == 0)
      return FALSE;
    more = take_semicolon (text);
  }
  if (!more)
    return **text == '\0';
  *ret_has_signature = TRUE;
  return g_str_has_prefix (*text, signature)
         && he_signature_from_text (*text + strlen (signature),
                                    strlen (*text + strlen (signature)), ret_signature);
}

gboolean
he_segment_read_header (HeSegment *segment, const char *value, GError **error)
{
  guint64 generation, pts90, duration90, flags, boundary, frames = 0;
  HeSignature signature = { 0 };
  gboolean has_signature;

  if (!take_field (&value, "generation", G_MAXUINT, &generation)
      || !take_semicolon (&value) || !take_field (&value, "pts90", G_MAXUINT64, &pts90)
      || !take_semicolon (&value)
      || !take_field (&value, "duration90", G_MAXUINT64, &duration90)
      || !take_semicolon (&value) || !take_field (&value, "flags", FLAGS_ALL, &flags)
      || !take_looks (&value, &frames, &has_signature, &signature)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "malformed header " HE_SEGMENT_HEADER
                 "; expected generation=N;pts90=N;duration90=N;flags=N and perhaps "
                 ";frames=N;signature=BASE64URL");
    return FALSE;
  }
  if (duration90 == 0 || !g_uint64_checked_mul (&boundary, segment->msn, duration90)
      || boundary != pts90) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "header " HE_SEGMENT_HEADER ": pts90 %" G_GUINT64_FORMAT
                 " is not the boundary of segment %" G_GUINT64_FORMAT
                 " at %" G_GUINT64_FORMAT " ticks a segment",
                 pts90, segment->msn, duration90);
    return FALSE;
  }
  segment->generation = (guint)generation;
  segment->pts90 = pts90;
  segment->duration90 = duration90;
  segment->flags = (HeSegmentFlags)flags;
  segment->frames = (guint)frames;
  segment->has_signature = has_signature;
  segment->signature = signature;
  return TRUE;
}
