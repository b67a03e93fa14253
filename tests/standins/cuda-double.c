/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A double of NVIDIA's driver, libcuda.so.1, and of NVRTC, in one library: what
 * GStreamer's gstcuda looks up in them, memory of the CPU for that of a GPU, and the
 * mark's kernels run on the CPU (gpu-double.h). PTX is the source's first word, since
 * nothing is compiled: whether the source is CUDA is for NVRTC to say, where it is. */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/watermark/gst-cuda-api.h"
#include "../unit/gpu-double.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define PITCH 512

/* What is not told here does nothing and is content. That it is there is what gstcuda of
 * 1.26 asks, too. */
#define CONTENT(name)                                                                    \
  gint name (void)                                                                       \
  {                                                                                      \
    return 0;                                                                            \
  }

CONTENT (cuInit)
CONTENT (cuCtxPushCurrent_v2)
CONTENT (cuCtxSynchronize)
CONTENT (cuCtxEnablePeerAccess)
CONTENT (cuCtxDisablePeerAccess)
CONTENT (cuGLGetDevices_v2)
CONTENT (cuGraphicsGLRegisterBuffer)
CONTENT (cuGraphicsGLRegisterImage)
CONTENT (cuGraphicsMapResources)
CONTENT (cuGraphicsResourceGetMappedPointer_v2)
CONTENT (cuGraphicsResourceSetMapFlags_v2)
CONTENT (cuGraphicsSubResourceGetMappedArray)
CONTENT (cuGraphicsUnmapResources)
CONTENT (cuGraphicsUnregisterResource)
CONTENT (cuModuleUnload)
CONTENT (cuTexObjectCreate)
CONTENT (cuTexObjectDestroy)
CONTENT (cuStreamDestroy)
CONTENT (cuStreamDestroy_v2)
CONTENT (cuStreamSynchronize)
CONTENT (cuEventCreate)
CONTENT (cuEventDestroy_v2)
CONTENT (cuEventRecord)
CONTENT (cuEventSynchronize)
CONTENT (cuEventQuery)

gint
cuDriverGetVersion (gint *ret_version)
{
  *ret_version = 12000;
  return 0;
}

gint
cuDeviceGetCount (gint *ret_n)
{
  *ret_n = 1;
  return 0;
}

gint
cuDeviceGet (gint *ret_device, gint ordinal)
{
  *ret_device = ordinal;
  return 0;
}

gint
cuDeviceGetName (char *ret_name, gint size, gint device)
{
  g_strlcpy (ret_name, "double", (gsize)size);
  return 0;
}

gint
cuDeviceGetAttribute (gint *ret_value, gint attribute, gint device)
{
  /* Alignments of textures and of their lines. Of the rest, it can nothing. */
  *ret_value = attribute == 14 || attribute == 51 ? PITCH : 0;
  return 0;
}

gint
cuDeviceCanAccessPeer (gint *ret_can, gint device, gint peer)
{
  *ret_can = 0;
  return 0;
}

gint
cuCtxCreate_v2 (gpointer *ret_context, guint flags, gint device)
{
  *ret_context = g_malloc (1);
  return 0;
}

gint
cuCtxDestroy_v2 (gpointer context)
{
  g_free (context);
  return 0;
}

gint
cuCtxPopCurrent_v2 (gpointer *ret_context)
{
  if (ret_context)
    *ret_context = NULL;
  return 0;
}

gint
cuGetErrorName (gint error, const char **ret_name)
{
  *ret_name = "CUDA_ERROR_OF_THE_DOUBLE";
  return 0;
}

gint
cuGetErrorString (gint error, const char **ret_text)
{
  return cuGetErrorName (error, ret_text);
}

gint
cuStreamCreate (gpointer *ret_stream, guint flags)
{
  static char stream;
  *ret_stream = &stream;
  return 0;
}

/* --- Memory ------------------------------------------------------------------ */

/* Unlike others that are not taken here, these would be lies. */
#define REFUSED(name)                                                                    \
  gint name (void)                                                                       \
  {                                                                                      \
    return 801;                                                                          \
  }

REFUSED (cuIpcGetEventHandle)
REFUSED (cuIpcOpenEventHandle)
REFUSED (cuIpcGetMemHandle)
REFUSED (cuIpcOpenMemHandle)
REFUSED (cuIpcOpenMemHandle_v2)
REFUSED (cuIpcCloseMemHandle)
REFUSED (cuCtxGetLimit)
REFUSED (cuCtxSetLimit)
REFUSED (cuDestroyExternalMemory)
REFUSED (cuDestroyExternalSemaphore)
REFUSED (cuExternalMemoryGetMappedBuffer)
REFUSED (cuExternalMemoryGetMappedMipmappedArray)
REFUSED (cuImportExternalMemory)
REFUSED (cuImportExternalSemaphore)
REFUSED (cuMemAddressFree)
REFUSED (cuMemAddressReserve)
REFUSED (cuMemAllocAsync)
REFUSED (cuMemAllocFromPoolAsync)
REFUSED (cuMemCreate)
REFUSED (cuMemExportToShareableHandle)
REFUSED (cuMemFreeAsync)
REFUSED (cuMemGetAccess)
REFUSED (cuMemGetAllocationGranularity)
REFUSED (cuMemGetAllocationPropertiesFromHandle)
REFUSED (cuMemImportFromShareableHandle)
REFUSED (cuMemMap)
REFUSED (cuMemPoolCreate)
REFUSED (cuMemPoolDestroy)
REFUSED (cuMemPoolGetAttribute)
REFUSED (cuMemPoolSetAttribute)
REFUSED (cuMemRelease)
REFUSED (cuMemRetainAllocationHandle)
REFUSED (cuMemSetAccess)
REFUSED (cuMemUnmap)
REFUSED (cuMemsetD2D16Async)
REFUSED (cuMemsetD2D16_v2)
REFUSED (cuMemsetD2D32Async)
REFUSED (cuMemsetD2D32_v2)
REFUSED (cuMemsetD2D8Async)
REFUSED (cuMemsetD2D8_v2)
REFUSED (cuSignalExternalSemaphoresAsync)
REFUSED (cuWaitExternalSemaphoresAsync)

static gint
copy_bytes (gpointer to, gconstpointer from, gsize bytes)
{
  memcpy (to, from, bytes);
  return 0;
}

#define BYTES(name)                                                                      \
  gint name##_v2 (gpointer to, gconstpointer from, gsize bytes)                          \
  {                                                                                      \
    return copy_bytes (to, from, bytes);                                                 \
  }                                                                                      \
  gint name##Async_v2 (gpointer to, gconstpointer from, gsize bytes, gpointer stream)    \
  {                                                                                      \
    return copy_bytes (to, from, bytes);                                                 \
  }

BYTES (cuMemcpyDtoD)
BYTES (cuMemcpyDtoH)
BYTES (cuMemcpyHtoD)

gint
cuMemAlloc_v2 (gpointer *ret_memory, gsize bytes)
{
  *ret_memory = g_malloc (bytes);
  return 0;
}

gint
cuMemAllocPitch_v2 (gpointer *ret_memory, gsize *ret_pitch, gsize width, gsize height,
                    guint element)
{
  *ret_pitch = (width + PITCH - 1) / PITCH * PITCH;
  return cuMemAlloc_v2 (ret_memory, *ret_pitch * height);
}

gint
cuMemFree_v2 (gpointer memory)
{
  g_free (memory);
  return 0;
}

gint
cuMemAllocHost_v2 (gpointer *ret_memory, gsize bytes)
{
  return cuMemAlloc_v2 (ret_memory, bytes);
}

gint
cuMemFreeHost (gpointer memory)
{
  return cuMemFree_v2 (memory);
}

static guint8 *
end_of (const CudaEnd *end)
{
  const gsize base = end->type == CUDA_DEVICE ? end->device : (gsize)end->host;
  return (guint8 *)base + end->y * end->pitch + end->x; /* NOLINT */
}

gint
cuMemcpy2D_v2 (const CudaCopy *copy)
{
  for (gsize y = 0; y < copy->height; y++)
    memcpy (end_of (&copy->to) + y * copy->to.pitch,
            end_of (&copy->from) + y * copy->from.pitch, copy->width);
  return 0;
}

gint
cuMemcpy2DAsync_v2 (const CudaCopy *copy, gpointer stream)
{
  return cuMemcpy2D_v2 (copy);
}

/* --- Kernels ----------------------------------------------------------------- */

#define AT(i, type) (*(type *)parameters[i])

static void
run_activity (gpointer *parameters)
{
  he_mark_activity (AT (0, const HeByte *), AT (1, gsize), AT (2, int), AT (3, int),
                    AT (4, int), AT (5, int), AT (6, HeWord *),
                    AT (7, unsigned long long *));
}

static void
run_strength (gpointer *parameters)
{
  he_mark_strength (AT (0, const HeWord *), AT (1, int), AT (2, int), AT (3, int),
                    AT (4, HeByte *), AT (5, unsigned long long *));
}

static void
run_scale (gpointer *parameters)
{
  he_mark_scale (AT (0, const unsigned long long *), AT (1, int), AT (2, int),
                 AT (3, unsigned *));
}

static void
run_pixels (gpointer *parameters)
{
  he_mark_pixels (AT (0, const HeByte *), AT (1, gsize), AT (2, HeByte *), AT (3, gsize),
                  AT (4, const signed char *), AT (5, gsize), AT (6, const HeByte *),
                  AT (7, const unsigned *), AT (8, int), AT (9, int), AT (10, int),
                  AT (11, int), AT (12, int));
}

static const struct {
  const char *name;
  void (*run) (gpointer *parameters);
} kernels[] = {
  { "he_mark_activity", run_activity },
  { "he_mark_strength", run_strength },
  { "he_mark_scale", run_scale },
  { "he_mark_pixels", run_pixels },
};

gint
cuModuleLoadData (gpointer *ret_module, gconstpointer ptx)
{
  *ret_module = (gpointer)kernels;
  return g_str_has_prefix (ptx, "ptx") ? 0 : 200;
}

gint
cuModuleGetFunction (gpointer *ret_kernel, gpointer module, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++)
    if (strcmp (kernels[i].name, name) == 0) {
      *ret_kernel = (gpointer)&kernels[i];
      return 0;
    }
  return 500;
}

gint
cuLaunchKernel (gpointer kernel, guint grid_x, guint grid_y, guint grid_z, guint block_x,
                guint block_y, guint block_z, guint shared, gpointer stream,
                gpointer *parameters, gpointer *extra)
{
  /* Of a real one's limits, what the mark could meet. */
  if (!grid_x || !grid_y || grid_y > 65535 || block_x * block_y > 1024)
    return 1;
  for (gpu_thread.y = 0; gpu_thread.y < grid_y * block_y; gpu_thread.y++)
    for (gpu_thread.x = 0; gpu_thread.x < grid_x * block_x; gpu_thread.x++)
      ((__typeof__ (&kernels[0]))kernel)->run (parameters);
  return 0;
}

/* --- NVRTC ------------------------------------------------------------------- */

CONTENT (nvrtcDestroyProgram)
REFUSED (nvrtcGetCUBIN)
REFUSED (nvrtcGetCUBINSize)

gint
nvrtcCreateProgram (gpointer *ret_program, const char *source, const char *name, gint n,
                    const char **headers, const char **names)
{
  *ret_program = (gpointer)source;
  return 0;
}

/* The source came whole. */
gint
nvrtcCompileProgram (gpointer program, gint n, const char **options)
{
  if (g_getenv ("CUDA_DOUBLE_REFUSES")) /* an architecture that is too old */
    return 5;
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++)
    if (!strstr (program, kernels[i].name))
      return 6;
  return g_str_has_suffix (program, "}\n") ? 0 : 6;
}

gint
nvrtcGetPTXSize (gpointer program, gsize *ret_size)
{
  *ret_size = sizeof "ptx";
  return 0;
}

gint
nvrtcGetPTX (gpointer program, char *ret_ptx)
{
  memcpy (ret_ptx, "ptx", sizeof "ptx");
  return 0;
}

gint
nvrtcGetProgramLogSize (gpointer program, gsize *ret_size)
{
  *ret_size = 1;
  return 0;
}

gint
nvrtcGetProgramLog (gpointer program, char *ret_log)
{
  *ret_log = 0;
  return 0;
}
