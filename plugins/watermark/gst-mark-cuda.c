/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-mark-cuda.h"

#include "gst-cuda-api.h"
#include "he-error.h"

static const char source[] =
#include "he-mark-gpu-text.h"
    ;

#define TILE_X 32
#define TILE_Y 8

enum { ACTIVITY, STRENGTH, SCALE, PIXELS, N_KERNELS };

struct _GstMarkCuda {
  const CudaApi *api;
  GstVideoInfo info;

  /* Of the GPU that the last frame was on; NULL before the first one. */
  GstObject *context;
  GstBufferPool *pool;
  Cuda module, kernels[N_KERNELS];
  CudaPointer work;    /* squares, scale, activity, strengths: see embed() */
  CudaPointer pattern; /* of mark */
  HeMark *mark;
};

/* What NVRTC compiles for follows from the driver and not from the GPU. NULL: it cannot,
 * as one that is newer than gstcuda knows of. */
static const char *
compiled (void)
{
  static gsize once;
  static char *ptx;

  if (g_once_init_enter (&once)) {
    const CudaApi *api = gst_cuda_api ();
    ptx = api ? api->compile (source) : NULL;
    if (api && !ptx)
      GST_WARNING (
          "NVRTC cannot compile the watermark's kernels, so frames are marked on "
          "the CPU; its log is in GST_DEBUG=cudanvrtc:1");
    g_once_init_leave (&once, 1);
  }
  return ptx;
}

gboolean
gst_mark_cuda_available (void)
{
  return compiled () != NULL;
}

GstMarkCuda *
gst_mark_cuda_new (const GstVideoInfo *info)
{
  GstMarkCuda *cuda = g_new0 (GstMarkCuda, 1);
  cuda->api = gst_cuda_api ();
  cuda->info = *info;
  return cuda;
}

static gsize
count_blocks (const GstVideoInfo *info)
{
  return (gsize)((info->width + 7) / 8) * (gsize)((info->height + 7) / 8);
}

/* Whether the driver did what it was asked to. */
static gboolean
check (const GstMarkCuda *cuda, gint result, const char *what, GError **error)
{
  const char *name = NULL;

  if (result == 0)
    return TRUE;
  cuda->api->error_name (result, &name);
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "the GPU cannot %s: %s", what,
               name ? name : "unknown error");
  return FALSE;
}

static void
leave_context (GstMarkCuda *cuda)
{
  const CudaApi *api = cuda->api;

  if (cuda->pool)
    gst_buffer_pool_set_active (cuda->pool, FALSE);
  gst_clear_object (&cuda->pool);
  if (cuda->context && api->push (cuda->context)) {
    if (cuda->pattern)
      api->release (cuda->pattern);
    if (cuda->work)
      api->release (cuda->work);
    if (cuda->module)
      api->module_unload (cuda->module);
    api->pop (NULL);
  }
  cuda->pattern = cuda->work = 0;
  cuda->module = NULL;
  g_clear_pointer (&cuda->mark, he_mark_unref);
  gst_clear_object (&cuda->context);
}

void
gst_mark_cuda_free (GstMarkCuda *cuda)
{
  if (!cuda)
    return;
  leave_context (cuda);
  g_free (cuda);
}

/* In the context. */
static gboolean
load_kernels (GstMarkCuda *cuda, GError **error)
{
  static const char *const names[N_KERNELS]
      = { "he_mark_activity", "he_mark_strength", "he_mark_scale", "he_mark_pixels" };

  if (!check (cuda, cuda->api->module_load (&cuda->module, compiled ()),
              "load the kernels", error))
    return FALSE;
  for (guint i = 0; i < N_KERNELS; i++)
    if (!check (cuda,
                cuda->api->module_function (&cuda->kernels[i], cuda->module, names[i]),
                "find a kernel", error))
      return FALSE;
  return check (cuda,
                cuda->api->allocate (&cuda->work, 16 + 3 * count_blocks (&cuda->info)),
                "allocate memory", error);
}

static gboolean
make_pool (GstMarkCuda *cuda, GError **error)
{
  g_autoptr (GstCaps) caps = gst_video_info_to_caps (&cuda->info);
  gst_caps_set_features (caps, 0, gst_caps_features_new ("memory:CUDAMemory", NULL));
  cuda->pool = cuda->api->pool_new (cuda->context);
  GstStructure *config = gst_buffer_pool_get_config (cuda->pool);
  gst_buffer_pool_config_set_params (config, caps, (guint)cuda->info.size, 0, 0);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  if (gst_buffer_pool_set_config (cuda->pool, config)
      && gst_buffer_pool_set_active (cuda->pool, TRUE))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
               "the GPU cannot allocate frames of %dx%d", cuda->info.width,
               cuda->info.height);
  return FALSE;
}

static gboolean
enter_context (GstMarkCuda *cuda, GstObject *context, GError **error)
{
  if (context == cuda->context)
    return TRUE;
  leave_context (cuda);
  if (!cuda->api->push (context)) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "the GPU's context cannot be used");
    return FALSE;
  }
  cuda->context = gst_object_ref (context);
  gboolean ok = load_kernels (cuda, error);
  cuda->api->pop (NULL);
  ok = ok && make_pool (cuda, error);
  if (!ok)
    leave_context (cuda);
  return ok;
}

GstBuffer *
gst_mark_cuda_frame (GstMarkCuda *cuda, GstBuffer *in, GError **error)
{
  GstMemory *memory
      = gst_buffer_n_memory (in) == 1 ? gst_buffer_peek_memory (in, 0) : NULL;
  GstBuffer *out = NULL;

  if (!memory || !cuda->api->is_memory (memory)) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_INVALID,
        "a frame is not in the CUDA memory that its caps tell of; put cudaupload "
        "ahead");
    return NULL;
  }
  if (!enter_context (cuda, ((CudaMemory *)memory)->context, error))
    return NULL;
  if (gst_buffer_pool_acquire_buffer (cuda->pool, &out, NULL) != GST_FLOW_OK) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "the GPU has no memory for a frame");
    return NULL;
  }
  gst_buffer_copy_into (out, in, GST_BUFFER_COPY_METADATA, 0, -1);
  return out;
}

/* --- On the GPU; in the context ---------------------------------------------- */

typedef struct {
  CudaPointer plane[GST_VIDEO_MAX_PLANES];
  gsize stride[GST_VIDEO_MAX_PLANES];
} Planes;

static Planes
planes_of (GstBuffer *buffer, CudaPointer base)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  const GstVideoInfo *info = &((CudaMemory *)gst_buffer_peek_memory (buffer, 0))->info;
  Planes planes = { { 0 }, { 0 } };

  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES (info); i++) {
    planes.plane[i] = base + (meta ? meta->offset[i] : info->offset[i]);
    planes.stride[i] = (gsize)(meta ? meta->stride[i] : info->stride[i]);
  }
  return planes;
}

static gboolean
copy_chroma (GstMarkCuda *cuda, const Planes *in, const Planes *out, Cuda stream,
             GError **error)
{
  gboolean ok = TRUE;

  for (guint i = 1; ok && i < GST_VIDEO_INFO_N_PLANES (&cuda->info); i++) {
    const CudaCopy copy = {
      .from = { .type = CUDA_DEVICE, .device = in->plane[i], .pitch = in->stride[i] },
      .to = { .type = CUDA_DEVICE, .device = out->plane[i], .pitch = out->stride[i] },
      .width = (gsize)GST_VIDEO_INFO_COMP_WIDTH (&cuda->info, i)
               * GST_VIDEO_INFO_COMP_PSTRIDE (&cuda->info, i),
      .height = GST_VIDEO_INFO_COMP_HEIGHT (&cuda->info, i),
    };
    ok = check (cuda, cuda->api->copy_on (&copy, stream), "copy a frame", error);
  }
  return ok;
}

/* Once a segment. */
static gboolean
load_pattern (GstMarkCuda *cuda, HeMark *mark, GError **error)
{
  const gsize width = (gsize)cuda->info.width, height = (gsize)cuda->info.height;
  gsize stride;
  const gint8 *pattern = he_mark_pattern (mark, &stride);

  if (mark == cuda->mark)
    return TRUE;
  if (!cuda->pattern
      && !check (cuda, cuda->api->allocate (&cuda->pattern, stride * height),
                 "allocate memory", error))
    return FALSE;
  const CudaCopy copy = {
    .from = { .type = CUDA_HOST, .host = pattern, .pitch = stride },
    .to = { .type = CUDA_DEVICE, .device = cuda->pattern, .pitch = stride },
    .width = width,
    .height = height,
  };
  if (!check (cuda, cuda->api->copy (&copy), "take a pattern", error))
    return FALSE;
  he_mark_unref (cuda->mark);
  cuda->mark = he_mark_ref (mark);
  return TRUE;
}

static gboolean
launch (GstMarkCuda *cuda, guint kernel, gint width, gint height, Cuda stream,
        gpointer *parameters, GError **error)
{
  return check (cuda,
                cuda->api->launch (cuda->kernels[kernel],
                                   ((guint)width + TILE_X - 1) / TILE_X,
                                   ((guint)height + TILE_Y - 1) / TILE_Y, 1, TILE_X,
                                   TILE_Y, 1, 0, stream, parameters, NULL),
                "run a kernel", error);
}

static gboolean
embed (GstMarkCuda *cuda, HeMarkLayout layout, gint sign, Planes *in, Planes *out,
       Cuda stream, GError **error)
{
  gint width = cuda->info.width, height = cuda->info.height;
  gint columns = (width + 7) / 8, rows = (height + 7) / 8;
  gint wide = layout != HE_MARK_8, shift = layout == HE_MARK_10_HIGH ? 6 : 0;
  CudaPointer squares = cuda->work, scale = cuda->work + 8, activity = cuda->work + 16;
  CudaPointer strengths = activity + 2 * count_blocks (&cuda->info);
  gsize pattern_stride;
  he_mark_pattern (cuda->mark, &pattern_stride);
  gpointer activity_of[] = { &in->plane[0], &in->stride[0], &wide,     &shift,
                             &width,        &height,        &activity, &squares };
  gpointer strength_of[] = { &activity, &wide, &columns, &rows, &strengths, &squares };
  gpointer scale_of[] = { &squares, &columns, &rows, &scale };
  gpointer pixels_of[]
      = { &in->plane[0],  &in->stride[0],  &out->plane[0], &out->stride[0],
          &cuda->pattern, &pattern_stride, &strengths,     &scale,
          &sign,          &wide,           &shift,         &width,
          &height };

  return launch (cuda, ACTIVITY, columns, rows, stream, activity_of, error)
         && launch (cuda, STRENGTH, columns, rows, stream, strength_of, error)
         && launch (cuda, SCALE, 1, 1, stream, scale_of, error)
         && launch (cuda, PIXELS, width, height, stream, pixels_of, error);
}

static gboolean
run (GstMarkCuda *cuda, HeMark *mark, HeMarkLayout layout, HeVariant variant, Planes *in,
     Planes *out, Cuda stream, GError **error)
{
  return load_pattern (cuda, mark, error) && copy_chroma (cuda, in, out, stream, error)
         && embed (cuda, layout, variant == HE_VARIANT_B ? -1 : 1, in, out, stream, error)
         && check (cuda, cuda->api->wait (stream), "finish a frame", error);
}

/* That of the frame, so that what fills it is done before it is read. */
static Cuda
stream_of (const CudaApi *api, GstMemory *memory)
{
  gpointer stream
      = api->memory_stream && api->stream_handle ? api->memory_stream (memory) : NULL;
  return stream ? api->stream_handle (stream) : NULL;
}

gboolean
gst_mark_cuda_embed (GstMarkCuda *cuda, HeMark *mark, HeMarkLayout layout,
                     HeVariant variant, GstBuffer *in, GstBuffer *out, GError **error)
{
  GstMemory *from = gst_buffer_peek_memory (in, 0), *to = gst_buffer_peek_memory (out, 0);
  GstMapInfo read, write;
  gboolean ok = FALSE;

  if (!gst_memory_map (from, &read, GST_MAP_READ | CUDA_MAP)) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "cannot map a frame on the GPU");
    return FALSE;
  }
  if (!gst_memory_map (to, &write, GST_MAP_WRITE | CUDA_MAP)) {
    gst_memory_unmap (from, &read);
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "cannot map a frame on the GPU");
    return FALSE;
  }
  Planes source_planes = planes_of (in, (CudaPointer)read.data);
  Planes target_planes = planes_of (out, (CudaPointer)write.data);
  if (cuda->api->push (cuda->context)) {
    ok = run (cuda, mark, layout, variant, &source_planes, &target_planes,
              stream_of (cuda->api, from), error);
    cuda->api->pop (NULL);
  } else
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "the GPU's context cannot be used");
  gst_memory_unmap (to, &write);
  gst_memory_unmap (from, &read);
  return ok;
}
