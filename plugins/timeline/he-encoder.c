/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-encoder.h"

#include "he-encoder-table.h"
#include "he-epoch.h"
#include "he-error.h"

#include <string.h>

/* From this version on NVIDIA's drivers have presets p1 to p7 alone. */
#define NVIDIA_NEW_PRESETS_ONLY 590

const HeEncoder *
he_encoder_find (const char *factory)
{
  for (const HeEncoder *row = he_encoder_table (); row->factory != NULL; row++)
    if (strcmp (row->factory, factory) == 0)
      return row;
  return NULL;
}

const HeEncoderFamily *
he_encoder_family (const char *name)
{
  for (const HeEncoderFamily *row = he_encoder_family_table (); row->name != NULL; row++)
    if (strcmp (row->name, name) == 0)
      return row;
  return NULL;
}

const char *const *
he_encoder_family_names (void)
{
  static gsize names;

  if (g_once_init_enter (&names)) {
    GPtrArray *list = g_ptr_array_new ();

    for (const HeEncoderFamily *row = he_encoder_family_table (); row->name != NULL;
         row++)
      g_ptr_array_add (list, (gpointer)row->name);
    g_ptr_array_add (list, NULL);
    g_once_init_leave (&names, (gsize)g_ptr_array_free (list, FALSE));
  }
  return (const char *const *)names;
}

gboolean
he_encoder_family_takes (const HeEncoderFamily *family, guint depth)
{
  if (family->factories[0] == NULL) /* the source's own pictures */
    return depth <= 8 || family->codec == HE_VIDEO_H265;
  for (const char *const *factory = family->factories; *factory != NULL; factory++)
    if (he_encoder_find (*factory)->formats[depth > 8 ? 1 : 0] != NULL)
      return TRUE;
  return FALSE;
}

guint
he_encoder_family_speed (const HeEncoderFamily *family, const char *preset)
{
  for (const HeEncoderPreset *row = family->presets; row->name != NULL; row++)
    if (family->factories[0] != NULL && strcmp (row->name, preset) == 0)
      return row->speed;
  return 0;
}

const char **
he_encoder_family_presets (const HeEncoderFamily *family)
{
  GPtrArray *list = g_ptr_array_new ();

  for (const HeEncoderPreset *preset = family->presets; preset->name != NULL; preset++)
    g_ptr_array_add (list, (gpointer)preset->name);
  g_ptr_array_add (list, NULL);
  return (const char **)g_ptr_array_free (list, FALSE);
}

/* --- Choice ------------------------------------------------------------------ */

const HeEncoderSetting *
he_encoder_setting (const HeEncoder *encoder, HeEncoderRole role, const HeProbe *probe)
{
  const HeEncoderSetting *setting = encoder->settings;

  for (; setting != NULL && setting->role != HE_ROLE_END; setting++)
    if (setting->role == role
        && probe->has (probe->user, encoder->factory, setting->property,
                       strchr (setting->value, '{') != NULL ? NULL : setting->value))
      return setting;
  return NULL;
}

static void
say_none (const HeEncoderFamily *family, guint depth, const char *unfit, GError **error)
{
  g_autofree char *wanted = g_strjoinv (" or ", (char **)family->factories);
  const char *first = family->factories[0];
  const char *device = he_element_device (first);

  if (unfit != NULL)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "encoder \"%s\": the GStreamer element %s takes no progressive %u-bit "
                 "4:2:0 frames here; name another encoder",
                 family->name, unfit, depth);
  else if (device != NULL)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "encoder \"%s\" needs the GStreamer element %s, which is missing: it "
                 "takes %s and the Debian package %s; without, name \"%s\"",
                 family->name, wanted, device, he_element_package (first),
                 family->codec == HE_VIDEO_H265 ? "x265" : "x264");
  else
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "encoder \"%s\" needs the GStreamer element %s, which is missing; "
                 "install the Debian package %s",
                 family->name, wanted, he_element_package (first));
}

const HeEncoder *
he_encoder_choose (const HeEncoderFamily *family, guint depth, const HeProbe *probe,
                   GError **error)
{
  const char *unfit = NULL;

  for (const char *const *factory = family->factories; *factory != NULL; factory++) {
    const HeEncoder *encoder = he_encoder_find (*factory);
    const char *format = encoder->formats[depth > 8 ? 1 : 0];

    if (!probe->has (probe->user, *factory, NULL, NULL))
      continue;
    if (format != NULL && probe->takes (probe->user, *factory, HE_MEMORY_SYSTEM, format))
      return encoder;
    unfit = *factory;
  }
  say_none (family, depth, unfit, error);
  return NULL;
}

gboolean
he_encoder_check_driver (const HeEncoder *encoder, const HeProbe *probe, GError **error)
{
  if (!g_str_has_prefix (encoder->factory, "nv")
      || probe->nvidia_driver < NVIDIA_NEW_PRESETS_ONLY
      || probe->has (probe->user, encoder->factory, "preset", "p1"))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
               "%s of this GStreamer (1.22, as in Debian 12) asks NVENC for presets that "
               "NVIDIA's driver dropped with version %d, and version %u is loaded: it "
               "would fail when it opens; take GStreamer 1.24 or later (Debian 13 has "
               "1.26), or a driver before %d",
               encoder->factory, NVIDIA_NEW_PRESETS_ONLY, probe->nvidia_driver,
               NVIDIA_NEW_PRESETS_ONLY);
  return FALSE;
}

/* --- Description ------------------------------------------------------------- */

/* What the element calls a preset, or NULL: it has none that would do. */
static const char *
preset_value (const HeEncoderFamily *family, const char *name, const char *factory,
              const char *property, const HeProbe *probe)
{
  for (const HeEncoderPreset *preset = family->presets; preset->name != NULL; preset++) {
    if (strcmp (preset->name, name) != 0)
      continue;
    for (guint i = 0; i < G_N_ELEMENTS (preset->values) && preset->values[i]; i++)
      if (probe->has (probe->user, factory, property, preset->values[i]))
        return preset->values[i];
  }
  return NULL;
}

/* text with what the request says in place of "{…}"; preset may be NULL where text has
 * none. */
static char *
fill (const char *text, const HeEncoderRequest *request, const char *preset)
{
  GString *filled = g_string_new (text);
  const struct {
    const char *name;
    guint value;
  } numbers[] = {
    { "{kbit}", request->kbits },
    { "{bit}", request->kbits * 1000 },
    { "{vbv-ms}", request->vbv_ms },
    { "{vbv-kbit}", (guint)((guint64)request->kbits * request->vbv_ms / 1000) },
    { "{vbv-start}", request->vbv_start },
    { "{quality}", request->quality },
    { "{threads}", request->threads },
    { "{lookahead}", request->lookahead },
  };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_autofree char *number = g_strdup_printf ("%u", numbers[i].value);

    g_string_replace (filled, numbers[i].name, number, 0);
  }
  if (preset != NULL)
    g_string_replace (filled, "{preset}", preset, 0);
  if (request->level != NULL)
    g_string_replace (filled, "{level}", request->level, 0);
  return g_string_free (filled, FALSE);
}

/* Whether a value stands for what the request does not say. */
static gboolean
is_unsaid (const char *value, const HeEncoderRequest *request)
{
  return (request->level == NULL && strstr (value, "{level}") != NULL)
         || (request->quality == 0 && strstr (value, "{quality}") != NULL)
         || (request->vbv_start == 0 && strstr (value, "{vbv-start}") != NULL);
}

static void
append_options (GString *out, const HeEncoder *encoder, const HeEncoderRequest *request)
{
  g_auto (GStrv) more
      = g_strsplit (encoder->more_options != NULL ? encoder->more_options : "", ":", -1);

  if (encoder->options == NULL)
    return;
  g_string_append_printf (out, " option-string=%s", encoder->options);
  for (char **option = more; *option != NULL; option++) {
    g_autofree char *filled = NULL;

    if (is_unsaid (*option, request))
      continue;
    filled = fill (*option, request, NULL);
    g_string_append_printf (out, ":%s", filled);
  }
}

static void
append_caps (GString *out, const HeEncoderFamily *family, const HeEncoder *encoder,
             const HeEncoderRequest *request)
{
  gboolean h265 = family->codec == HE_VIDEO_H265;

  g_string_append_printf (out,
                          " ! capsfilter caps=video/x-%s,profile=(string)%s,"
                          "stream-format=(string)byte-stream",
                          h265 ? "h265" : "h264",
                          h265 && request->depth > 8 ? "main-10" : "main");
  if (encoder->pins_level && request->level != NULL)
    g_string_append_printf (out, ",level=(string)%s", request->level);
}

static gboolean
say_lacking (const HeEncoder *encoder, const HeEncoderSetting *setting, GError **error)
{
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
               "the GStreamer element %s has no property \"%s\" that takes what we set; "
               "name another encoder",
               encoder->factory, setting->property);
  return FALSE;
}

/* What cannot be left at a default. */
static gboolean
is_essential (HeEncoderRole role)
{
  return role == HE_ROLE_BITRATE || role == HE_ROLE_RATE_CONTROL || role == HE_ROLE_KEYS
         || role == HE_ROLE_PRESET;
}

/* What the request says nothing of; and a preset that looks ahead further is left alone.
 */
static gboolean
is_needless (const HeEncoderFamily *family, const HeEncoderRequest *request,
             const HeEncoderSetting *setting)
{
  const HeEncoderPreset *preset = family->presets;

  if (is_unsaid (setting->value, request)
      || (setting->role == HE_ROLE_CAPPED && request->quality == 0))
    return TRUE;
  if (strstr (setting->value, "{lookahead}") == NULL)
    return FALSE;
  while (preset->name != NULL && strcmp (preset->name, request->preset) != 0)
    preset++;
  return request->lookahead <= preset->lookahead;
}

static gboolean
append_settings (GString *out, const HeEncoderFamily *family, const HeEncoder *encoder,
                 const HeEncoderRequest *request, const HeProbe *probe, GError **error)
{
  guint done = 0; /* bits by role */

  for (const HeEncoderSetting *row = encoder->settings; row->role != HE_ROLE_END; row++) {
    const HeEncoderSetting *setting = he_encoder_setting (encoder, row->role, probe);
    const char *preset = NULL;
    g_autofree char *value = NULL;

    if (done & 1u << row->role || is_needless (family, request, row))
      continue;
    done |= 1u << row->role;
    if (setting != NULL && row->role == HE_ROLE_PRESET) {
      preset = preset_value (family, request->preset, encoder->factory, setting->property,
                             probe);
      setting = preset != NULL ? setting : NULL;
    }
    /* A range may end below what is asked for. */
    value = setting != NULL ? fill (setting->value, request, preset) : NULL;
    if (value != NULL
        && probe->has (probe->user, encoder->factory, setting->property, value))
      g_string_append_printf (out, " %s=%s", setting->property, value);
    else if (is_essential (row->role))
      return say_lacking (encoder, row, error);
  }
  return TRUE;
}

char *
he_encoder_describe (const HeEncoderFamily *family, const HeEncoder *encoder,
                     const HeEncoderRequest *request, const HeProbe *probe,
                     GError **error)
{
  GString *out = g_string_new (encoder->factory);

  if (!append_settings (out, family, encoder, request, probe, error)) {
    g_string_free (out, TRUE);
    return NULL;
  }
  append_options (out, encoder, request);
  append_caps (out, family, encoder, request);
  return g_string_free (out, FALSE);
}

/* --- Options and delay ------------------------------------------------------- */

/* x264 takes "key", "key=value" and "no-key", and '_' for '-'. */
static char *
option_key (const char *option)
{
  g_autofree char *key = g_strndup (option, strcspn (option, "="));

  g_strdelimit (key, "_", '-');
  return g_strdup (g_str_has_prefix (key, "no-") ? key + strlen ("no-") : key);
}

static gboolean
has_key (char **options, const char *key)
{
  for (; *options != NULL; options++) {
    g_autofree char *other = option_key (*options);

    if (strcmp (other, key) == 0)
      return TRUE;
  }
  return FALSE;
}

char *
he_encoder_merge_options (const char *given, const char *wanted)
{
  g_auto (GStrv) have = g_strsplit (given != NULL ? given : "", ":", -1);
  g_auto (GStrv) want = g_strsplit (wanted, ":", -1);
  GString *merged = g_string_new (given);

  for (char **option = want; *option != NULL; option++) {
    g_autofree char *key = option_key (*option);

    if (has_key (have, key))
      continue;
    if (merged->len > 0 && merged->str[merged->len - 1] != ':')
      g_string_append_c (merged, ':');
    g_string_append (merged, *option);
  }
  return g_string_free (merged, FALSE);
}

void
he_encoder_delay (guint delay, guint *ret_prefill, guint *ret_frames)
{
  *ret_frames = (delay + HE_AUDIO_FRAME - 1) / HE_AUDIO_FRAME;
  *ret_prefill = *ret_frames * HE_AUDIO_FRAME - delay;
}
