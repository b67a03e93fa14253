/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The part of gstcuda's and the CUDA driver's interface that the mark takes, looked up
 * where it runs: Debian 12 has the library without its headers. Types and values are
 * those of gst/cuda and cuda.h, and have not changed since they are there. */

typedef gsize CudaPointer;       /* CUdeviceptr */
typedef struct CudaObject *Cuda; /* a stream, module or kernel */

/* The public part of GstCudaMemory. */
typedef struct {
  GstMemory memory;
  GstObject *context;
  GstVideoInfo info; /* with the planes' true strides and offsets */
} CudaMemory;

#define CUDA_MAP (GST_MAP_FLAG_LAST << 1)

enum { CUDA_HOST = 1, CUDA_DEVICE = 2 };

typedef struct {
  gsize x, y;
  gint type; /* CUDA_HOST or CUDA_DEVICE */
  gconstpointer host;
  CudaPointer device;
  gpointer array;
  gsize pitch;
} CudaEnd;

/* CUDA_MEMCPY2D: bytes and rows. */
typedef struct {
  CudaEnd from, to;
  gsize width, height;
} CudaCopy;

/* Functions of the driver return 0, or what error_name puts into words. */
typedef struct {
  gboolean (*is_memory) (GstMemory *memory);
  gboolean (*push) (GstObject *context); /* onto the thread */
  gboolean (*pop) (gpointer context);    /* takes NULL */
  GstBufferPool *(*pool_new) (GstObject *context);
  char *(*compile) (const char *source); /* to PTX, or NULL */
  gint (*error_name) (gint result, const char **ret_name);
  gint (*module_load) (Cuda *ret_module, gconstpointer ptx);
  gint (*module_unload) (Cuda module);
  gint (*module_function) (Cuda *ret_kernel, Cuda module, const char *name);
  gint (*launch) (Cuda kernel, guint grid_x, guint grid_y, guint grid_z, guint block_x,
                  guint block_y, guint block_z, guint shared, Cuda stream,
                  gpointer *parameters, gpointer *extra);
  gint (*allocate) (CudaPointer *ret_memory, gsize bytes);
  gint (*release) (CudaPointer memory);
  gint (*copy) (const CudaCopy *copy);
  gint (*copy_on) (const CudaCopy *copy, Cuda stream);
  gint (*wait) (Cuda stream);
  /* NULL before GStreamer 1.24, which knows no stream but the default one. */
  gpointer (*memory_stream) (GstMemory *memory);
  Cuda (*stream_handle) (gpointer stream);
} CudaApi;

/* NULL unless gstcuda, the driver and NVRTC load and there is a GPU. Looked for once; any
 * thread. */
const CudaApi *gst_cuda_api (void);

G_END_DECLS
