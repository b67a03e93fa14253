/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "route.h"

#include <string.h>
#include "level.h"

#define CPU_SCALER "videoscale ! videoconvert"

/* By HeVideoCodec. */
static const char *const parsers[] = { "h264parse", "h265parse" };
static const char *const cpu_decoders[] = {
  "avdec_h264 output-corrupt=false max-threads=2",
  "avdec_h265 output-corrupt=false max-threads=2",
};

/* In order of preference. The stateless decoders of GStreamer 1.22 have names of their
 * own; later they have the other ones'. */
static const char *const cuda_decoders[][3] = {
  { "nvh264sldec", "nvh264dec", NULL },
  { "nvh265sldec", "nvh265dec", NULL },
};
static const char *const cuda_scalers[] = { "cudaconvertscale", "cudascale", NULL };

static void
rung_free (gpointer data)
{
  HeadendRung *rung = data;
  g_free (rung->description);
  g_free (rung);
}

void
headend_route_free (HeadendRoute *route)
{
  if (!route)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (route->decoders); i++)
    g_free (route->decoders[i]);
  g_free (route->detour);
  g_ptr_array_unref (route->rungs);
  g_free (route);
}

static const char *
first_of (const char *const *factories, const HeProbe *probe)
{
  for (; *factories; factories++)
    if (probe->has (probe->user, *factories, NULL, NULL))
      return *factories;
  return NULL;
}

static gboolean
takes_cuda (const HeadendRung *rung, const HeProbe *probe)
{
  return rung->encoder->memory == HE_MEMORY_CUDA
         && probe->takes (probe->user, rung->encoder->factory, HE_MEMORY_CUDA,
                          rung->format);
}

static gboolean
is_deep (const HeadendRung *rung)
{
  return rung->video->bit_depth > 8;
}

static gboolean
has_deep (const HeadendRoute *route)
{
  for (guint i = 0; i < route->rungs->len; i++)
    if (is_deep (route->rungs->pdata[i]))
      return TRUE;
  return FALSE;
}

/* What frames of a rung are in CUDA memory: scalers of it need not convert, but where a
 * rung has ten bits they do. */
static const char *
cuda_format (gboolean deep)
{
  return deep ? "P010_10LE" : "NV12";
}

/* Where CUDA has no decoder for a codec, frames are uploaded. */
static char *
cuda_decoder (const HeadendRoute *route, HeVideoCodec codec, const HeProbe *probe)
{
  const char *feature = he_memory_feature (HE_MEMORY_CUDA);
  const char *decoder = first_of (cuda_decoders[codec], probe);
  if (decoder)
    return g_strdup_printf ("%s ! %s ! video/x-raw(%s)", parsers[codec], decoder,
                            feature);
  return g_strdup_printf ("%s ! %s ! videoconvert ! video/x-raw,format=%s ! cudaupload",
                          parsers[codec], cpu_decoders[codec],
                          cuda_format (has_deep (route)));
}

/* Whether what a rung needs beside its encoder is there; else ret_missing. */
static gboolean
has_cuda_parts (HeadendRoute *route, const HeProbe *probe, const char **ret_missing)
{
  static const char *const carriers[] = { "cudadownload", "cudaupload" };
  const char *scaler = first_of (cuda_scalers, probe);
  if (has_deep (route) && scaler != cuda_scalers[0])
    scaler = NULL;
  *ret_missing = !first_of (cuda_decoders[HE_VIDEO_H264], probe)
                     ? cuda_decoders[HE_VIDEO_H264][1]
                 : !scaler ? cuda_scalers[0]
                           : NULL;
  for (guint i = 0; i < G_N_ELEMENTS (carriers) && !*ret_missing; i++)
    if (!probe->has (probe->user, carriers[i], NULL, NULL))
      *ret_missing = carriers[i];
  if (*ret_missing)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (route->decoders); i++)
    route->decoders[i] = cuda_decoder (route, i, probe);
  route->scaler = scaler;
  return TRUE;
}

/* Decodes into CUDA memory when an encoder takes it: one decoder serves all rungs, and
 * those of others download what they need, already scaled. */
static void
choose_memory (HeadendRoute *route, const HeProbe *probe)
{
  const char *missing = NULL;
  gboolean wanted = FALSE;
  for (guint i = 0; i < route->rungs->len; i++)
    wanted = wanted || takes_cuda (route->rungs->pdata[i], probe);
  if (!wanted || !has_cuda_parts (route, probe, &missing)) {
    for (guint i = 0; i < G_N_ELEMENTS (route->decoders); i++)
      route->decoders[i] = g_strdup_printf ("%s ! %s", parsers[i], cpu_decoders[i]);
    route->scaler = CPU_SCALER;
  }
  if (missing) {
    route->detour = g_strdup_printf (
        "frames are decoded and scaled on the CPU and uploaded by the encoder, because "
        "the GStreamer element %s is missing%s",
        missing,
        strcmp (missing, cuda_scalers[0]) == 0 ? " (it needs NVIDIA's libnvrtc)" : "");
  }
  if (!wanted || missing)
    return;
  route->memory = HE_MEMORY_CUDA;
  for (guint i = 0; i < route->rungs->len; i++) {
    HeadendRung *rung = route->rungs->pdata[i];
    if (!takes_cuda (rung, probe))
      continue;
    rung->memory = HE_MEMORY_CUDA;
    if (probe->takes (probe->user, "forensicmark", HE_MEMORY_CUDA,
                      cuda_format (is_deep (rung))))
      rung->mark = HE_MEMORY_CUDA;
  }
}

static HeadendRung *
rung_new (const HeadendVideo *video, guint64 fresh90, const HeProbe *probe,
          GError **error)
{
  const HeEncoderFamily *family = headend_encoder_of (video);
  HeEncoderRequest request
      = headend_encoder_request (video, headend_level_of (video), fresh90);
  const HeEncoder *encoder = he_encoder_choose (family, request.depth, probe, error);
  if (!encoder || !he_encoder_check_driver (encoder, probe, error))
    return NULL;
  g_autofree char *description
      = he_encoder_describe (family, encoder, &request, probe, error);
  if (!description)
    return NULL;
  HeadendRung *rung = g_new0 (HeadendRung, 1);
  rung->video = video;
  rung->encoder = encoder;
  rung->description = g_steal_pointer (&description);
  rung->format = encoder->formats[request.depth > 8 ? 1 : 0];
  return rung;
}

HeadendRoute *
headend_route_new (const HeadendModelChannel *channel, const HeProbe *probe,
                   GError **error)
{
  g_autoptr (HeadendRoute) route = g_new0 (HeadendRoute, 1);
  route->rungs = g_ptr_array_new_with_free_func (rung_free);
  route->watermark = channel->watermark;
  for (guint i = 0; i < channel->video->len; i++) {
    const HeadendVideo *video = channel->video->pdata[i];
    if (headend_encoder_copies (video->encoder))
      continue; /* then it is the only one */
    HeadendRung *rung
        = rung_new (video, channel->identical ? channel->duration90 : 0, probe, error);
    if (!rung) {
      g_prefix_error (error, "channel %s: ", channel->name);
      return NULL;
    }
    g_ptr_array_add (route->rungs, rung);
  }
  choose_memory (route, probe);
  return g_steal_pointer (&route);
}

static void
add_words (GStrvBuilder *list, const char *description)
{
  g_auto (GStrv) elements = g_strsplit (description, " ! ", -1);
  for (char **element = elements; *element; element++) {
    g_autofree char *factory = g_strndup (*element, strcspn (*element, " "));
    if (!strchr (factory, '/')) /* caps */
      g_strv_builder_add (list, factory);
  }
}

char **
headend_route_factories (const HeadendRoute *route)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  if (route->rungs->len) {
    /* Which codec the source has is not known yet. */
    add_words (list, route->decoders[HE_VIDEO_H264]);
    add_words (list, route->scaler);
    g_strv_builder_addv (list, (const char *[]) { "epochalign", "segmentencoder", NULL });
  }
  for (guint i = 0; i < route->rungs->len; i++) {
    const HeadendRung *rung = route->rungs->pdata[i];
    g_strv_builder_add (list, rung->encoder->factory);
    if (route->memory != HE_MEMORY_SYSTEM && rung->memory == HE_MEMORY_SYSTEM)
      g_strv_builder_add (list, "videoconvert");
  }
  if (route->watermark)
    g_strv_builder_add (list, "forensicmark");
  return g_strv_builder_end (list);
}

static gboolean
marks_on_cpu (const HeadendRoute *route)
{
  for (guint i = 0; i < route->rungs->len; i++) {
    const HeadendRung *rung = route->rungs->pdata[i];
    if (route->watermark && rung->memory == HE_MEMORY_CUDA
        && rung->mark != HE_MEMORY_CUDA)
      return TRUE;
  }
  return FALSE;
}

char **
headend_route_notes (const HeadendRoute *route)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  if (route->detour)
    g_strv_builder_add (list, route->detour);
  if (route->memory == HE_MEMORY_CUDA && !marks_on_cpu (route))
    g_strv_builder_add (list, "frames stay in the GPU's memory from decoder to encoder");
  if (route->memory == HE_MEMORY_CUDA && marks_on_cpu (route))
    g_strv_builder_add (
        list, "the watermark is put in on the CPU, because forensicmark does not take "
              "CUDA memory here (gst-inspect-1.0 forensicmark): each rendition is "
              "downloaded from the GPU once, marked, and uploaded for each variant");
  return g_strv_builder_end (list);
}

/* --- Text -------------------------------------------------------------------- */

static void
append_caps (GString *text, HeMemory memory, const char *format)
{
  const char *feature = he_memory_feature (memory);
  g_string_append_printf (text, "video/x-raw%s%s%s,format=%s", feature ? "(" : "",
                          feature ? feature : "", feature ? ")" : "", format);
}

static void
append_encoder (GString *text, const HeadendModelChannel *channel,
                const HeadendRung *rung, const char *pad)
{
  HeVideoCodec codec = headend_encoder_of (rung->video)->codec;
  g_string_append_printf (
      text,
      "segmentencoder agreement=%s segment-duration=%" G_GUINT64_FORMAT
      " encoder=\"%s\" ! %s config-interval=-1 "
      "! video/x-%s,stream-format=byte-stream,alignment=au ! sink.%s\n",
      headend_agreement_name (channel), channel->duration90, rung->description,
      parsers[codec], codec == HE_VIDEO_H265 ? "h265" : "h264", pad);
}

/* From the decoder's memory to that in which the mark, or else the encoder, wants it. */
static void
append_scaled (const HeadendRoute *route, GString *text, const HeadendRung *rung)
{
  const char *format
      = route->memory == HE_MEMORY_CUDA ? cuda_format (is_deep (rung)) : rung->format;
  g_string_append_printf (text, "video. ! " HEADEND_QUEUE_VIDEO " ! %s ! ",
                          route->scaler);
  append_caps (text, route->memory, format);
  g_string_append_printf (text, ",width=%u,height=%u,pixel-aspect-ratio=1/1 ! ",
                          rung->video->width, rung->video->height);
  if (route->memory == HE_MEMORY_SYSTEM
      || (rung->memory == HE_MEMORY_CUDA
          && (!route->watermark || rung->mark == HE_MEMORY_CUDA)))
    return;
  g_string_append (text, "cudadownload ! ");
  if (rung->memory == HE_MEMORY_SYSTEM)
    g_string_append (text, "videoconvert ! ");
  append_caps (text, HE_MEMORY_SYSTEM, rung->format);
  g_string_append (text, " ! ");
}

void
headend_route_append_rung (const HeadendRoute *route, GString *text,
                           const HeadendModelChannel *channel, guint index)
{
  static const struct {
    const char *variant, *prefix;
  } marked[] = { { "a", "video" }, { "b", "video_b" } };
  const HeadendRung *rung = route->rungs->pdata[index];

  append_scaled (route, text, rung);
  if (!channel->watermark) {
    g_autofree char *pad = g_strdup_printf ("video_%u", index);
    append_encoder (text, channel, rung, pad);
    return;
  }
  g_string_append_printf (text, "tee name=video-%u\n", index);
  const guint n
      = headend_model_channel_has_variants (channel) ? G_N_ELEMENTS (marked) : 1;
  for (guint i = 0; i < n; i++) {
    g_autofree char *pad = g_strdup_printf ("%s_%u", marked[i].prefix, index);
    g_string_append_printf (
        text,
        "video-%u. ! " HEADEND_QUEUE_VIDEO " ! forensicmark name=mark-%s-%u "
        "channel=%s variant=%s sparse=%u segment-duration=%" G_GUINT64_FORMAT " ! ",
        index, marked[i].variant, index, channel->name, marked[i].variant,
        channel->sparse, channel->duration90);
    if (rung->memory == HE_MEMORY_CUDA && rung->mark != HE_MEMORY_CUDA) {
      g_string_append (text, "cudaupload ! ");
      append_caps (text, HE_MEMORY_CUDA, rung->format);
      g_string_append (text, " ! ");
    }
    append_encoder (text, channel, rung, pad);
  }
}
