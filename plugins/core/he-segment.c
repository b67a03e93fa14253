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

char *
he_segment_to_header (const HeSegment *segment)
{
  return g_strdup_printf ("generation=%u;pts90=%" G_GUINT64_FORMAT
                          ";duration90=%" G_GUINT64_FORMAT ";flags=%u",
                          segment->generation, segment->pts90, segment->duration90,
                          (guint)segment->flags);
}

/* Takes "NAME=DIGITS" and what follows it, if anything may. */
static gboolean
take_field (const char **text, const char *name, char end, guint64 max,
            guint64 *ret_value)
{
  gsize name_len = strlen (name);
  const char *value = *text + name_len + 1;
  gsize len;

  if (strncmp (*text, name, name_len) != 0 || (*text)[name_len] != '=')
    return FALSE;
  len = strspn (value, "0123456789");
  if (value[len] != end || !he_uint64_decode (value, len, max, ret_value))
    return FALSE;
  *text = value + len + (end != '\0' ? 1 : 0);
  return TRUE;
}

gboolean
he_segment_read_header (HeSegment *segment, const char *value, GError **error)
{
  guint64 generation, pts90, duration90, flags, boundary;

  if (!take_field (&value, "generation", ';', G_MAXUINT, &generation)
      || !take_field (&value, "pts90", ';', G_MAXUINT64, &pts90)
      || !take_field (&value, "duration90", ';', G_MAXUINT64, &duration90)
      || !take_field (&value, "flags", '\0', FLAGS_ALL, &flags)) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "malformed header " HE_SEGMENT_HEADER
                 "; expected generation=N;pts90=N;duration90=N;flags=N");
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
  return TRUE;
}
