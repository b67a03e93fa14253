/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gst-cuda-api.h"

#include <gmodule.h>

static const struct {
  const char *name;
  gsize place;
  gboolean optional;
} symbols[] = {
#define SYMBOL(member, name)                                                             \
  {                                                                                      \
    name, G_STRUCT_OFFSET (CudaApi, member), FALSE                                       \
  }
  SYMBOL (is_memory, "gst_is_cuda_memory"),
  SYMBOL (push, "gst_cuda_context_push"),
  SYMBOL (pop, "gst_cuda_context_pop"),
  SYMBOL (pool_new, "gst_cuda_buffer_pool_new"),
  SYMBOL (compile, "gst_cuda_nvrtc_compile"),
  SYMBOL (error_name, "CuGetErrorName"),
  SYMBOL (module_load, "CuModuleLoadData"),
  SYMBOL (module_unload, "CuModuleUnload"),
  SYMBOL (module_function, "CuModuleGetFunction"),
  SYMBOL (launch, "CuLaunchKernel"),
  SYMBOL (allocate, "CuMemAlloc"),
  SYMBOL (release, "CuMemFree"),
  SYMBOL (copy, "CuMemcpy2D"),
  SYMBOL (copy_on, "CuMemcpy2DAsync"),
  SYMBOL (wait, "CuStreamSynchronize"),
#undef SYMBOL
  { "gst_cuda_memory_get_stream", G_STRUCT_OFFSET (CudaApi, memory_stream), TRUE },
  { "gst_cuda_stream_get_handle", G_STRUCT_OFFSET (CudaApi, stream_handle), TRUE },
};

static gboolean
find_all (GModule *module, CudaApi *api)
{
  for (guint i = 0; i < G_N_ELEMENTS (symbols); i++)
    if (!g_module_symbol (module, symbols[i].name,
                          G_STRUCT_MEMBER_P (api, symbols[i].place))
        && !symbols[i].optional)
      return FALSE;
  return TRUE;
}

static gboolean
yes (GModule *module, const char *name)
{
  gboolean (*ask) (void);
  return g_module_symbol (module, name, (gpointer *)&ask) && ask ();
}

static gboolean
has_gpu (GModule *module)
{
  gint (*init) (guint flags), (*count) (gint * ret_n), n = 0;
  return g_module_symbol (module, "CuInit", (gpointer *)&init)
         && g_module_symbol (module, "CuDeviceGetCount", (gpointer *)&count)
         && init (0) == 0 && count (&n) == 0 && n > 0;
}

static CudaApi *
load (void)
{
  /* Most machines have no driver, and need not load the rest. What is loaded stays: types
   * cannot be taken back. */
  GModule *driver
      = g_module_open ("libcuda.so.1", G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  GModule *module = driver ? g_module_open ("libgstcuda-1.0.so.0",
                                            G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL)
                           : NULL;
  g_autofree CudaApi *api = g_new0 (CudaApi, 1);
  void (*prepare) (void);

  if (driver)
    g_module_make_resident (driver);
  if (!module)
    return NULL;
  g_module_make_resident (module);
  if (!find_all (module, api) || !yes (module, "gst_cuda_load_library")
      || !has_gpu (module) || !yes (module, "gst_cuda_nvrtc_load_library")
      || !g_module_symbol (module, "gst_cuda_memory_init_once", (gpointer *)&prepare))
    return NULL;
  prepare ();
  return g_steal_pointer (&api);
}

const CudaApi *
gst_cuda_api (void)
{
  static gsize once;
  static CudaApi *api;

  if (g_once_init_enter (&once)) {
    api = load ();
    g_once_init_leave (&once, 1);
  }
  return api;
}
