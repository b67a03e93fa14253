/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-codecs.h"

#include "he-codec.h"
#include "he-epoch.h"
#include "he-nal.h"

/* profile_idc and the constraint flags that tell the profiles of one idc apart (ITU-T
 * H.264 Annex A.2). */
static const struct {
  const char *name;
  guint16 profile;
} h264_profiles[] = {
  { "constrained-baseline", 0x42c0 },
  { "baseline", 0x4200 },
  { "extended", 0x5800 },
  { "main", 0x4d40 },
  { "high", 0x6400 },
  { "progressive-high", 0x6408 },
  { "constrained-high", 0x640c },
  { "high-10", 0x6e00 },
  { "high-4:2:2", 0x7a00 },
  { "high-4:4:4", 0xf400 },
};

/* "4" and "4.0" are 40; 0: no such number. */
static guint
tenths (const char *text)
{
  gboolean two = g_ascii_isdigit (text[0]) && text[1] == '.' && g_ascii_isdigit (text[2])
                 && text[3] == '\0';

  if (two)
    return (guint)((text[0] - '0') * 10 + text[2] - '0');
  return g_ascii_isdigit (text[0]) && text[1] == '\0' ? (guint)(text[0] - '0') * 10 : 0;
}

char *
he_codecs_h264 (const char *profile, const char *level)
{
  guint level_idc = level == NULL ? 0 : g_str_equal (level, "1b") ? 9 : tenths (level);

  if (profile == NULL || level_idc == 0)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (h264_profiles); i++)
    if (g_str_equal (h264_profiles[i].name, profile))
      return g_strdup_printf ("avc1.%04X%02X", h264_profiles[i].profile, level_idc);
  return NULL;
}

/* general_profile_idc, and the profiles that a decoder may have instead: bit n stands for
 * profile n (ITU-T H.265 section A.3). */
static const struct {
  const char *name;
  guint profile, compatible;
} h265_profiles[] = {
  { "main", 1, 0x6 },
  { "main-10", 2, 0x4 },
  { "main-still-picture", 3, 0xe },
};

char *
he_codecs_h265 (const char *profile, const char *tier, const char *level)
{
  guint level_idc = level != NULL ? tenths (level) * 3 : 0;
  gboolean high = tier != NULL && g_str_equal (tier, "high");

  if (profile == NULL || level_idc == 0
      || !(high || (tier != NULL && g_str_equal (tier, "main"))))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (h265_profiles); i++)
    if (g_str_equal (h265_profiles[i].name, profile))
      return g_strdup_printf ("hvc1.%u.%X.%c%u.90", h265_profiles[i].profile,
                              h265_profiles[i].compatible, high ? 'H' : 'L', level_idc);
  return NULL;
}

char *
he_codecs_aac (const char *profile)
{
  static const struct {
    const char *name;
    guint object_type; /* ISO/IEC 14496-3 table 1.17 */
  } profiles[] = { { "main", 1 }, { "lc", 2 }, { "ssr", 3 }, { "ltp", 4 } };
  guint object_type = 2;

  for (guint i = 0; profile != NULL && i < G_N_ELEMENTS (profiles); i++)
    if (g_str_equal (profiles[i].name, profile))
      object_type = profiles[i].object_type;
  return g_strdup_printf ("mp4a.40.%u", object_type);
}

guint
he_adts_frame_ticks (const guint8 *data, gsize len)
{
  static const guint rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                 22050, 16000, 12000, 11025, 8000,  7350 };
  guint index;

  if (len < 7 || (he_read_be16 (data) & 0xfff6) != 0xfff0)
    return 0;
  index = data[2] >> 2 & 15;
  if (index >= G_N_ELEMENTS (rates))
    return 0;
  return (guint)((HE_AUDIO_FRAME * HE_TICKS_PER_SECOND + rates[index] - 1)
                 / rates[index]);
}

/* Parameter sets stand before the first slice (section 7.4.1.2.3 of H.264, 7.4.2.4.4 of
 * H.265). */
gboolean
he_h264_has_parameter_sets (const guint8 *data, gsize len)
{
  const guint8 *end = data + len;
  gboolean sps = FALSE, pps = FALSE;

  for (const guint8 *nal = he_nal_next (data, end); nal && !(sps && pps);
       nal = he_nal_next (nal, end)) {
    guint type = he_nal_h264_type (nal);

    if (type == 1 || type == 5)
      break;
    sps |= type == 7;
    pps |= type == 8;
  }
  return sps && pps;
}

gboolean
he_h265_has_parameter_sets (const guint8 *data, gsize len)
{
  const guint8 *end = data + len;
  gboolean vps = FALSE, sps = FALSE, pps = FALSE;

  for (const guint8 *nal = he_nal_next (data, end); nal && !(vps && sps && pps);
       nal = he_nal_next (nal, end)) {
    guint type = he_nal_h265_type (nal);

    if (type < 32)
      break;
    vps |= type == 32;
    sps |= type == 33;
    pps |= type == 34;
  }
  return vps && sps && pps;
}
