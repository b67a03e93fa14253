/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where frames lie. */
typedef enum { HE_MEMORY_SYSTEM, HE_MEMORY_CUDA } HeMemory;

/* What caps call it ("memory:CUDAMemory"), or NULL for the system's. */
const char *he_memory_feature (HeMemory memory);

/* What the elements of this machine can do, asked at run time: one name stands for other
 * elements in other versions. gst-probe.h asks GStreamer; a test answers itself. */
typedef struct {
  /* property NULL: whether there is such an element. value NULL: whether it has that
   * property; else whether the property takes that value (an enumeration has the nick, a
   * number lies in the range), written as gst-launch takes it. */
  gboolean (*has) (gpointer user, const char *factory, const char *property,
                   const char *value);
  /* Whether its sink takes progressive frames of that format ("NV12") in that memory. */
  gboolean (*takes) (gpointer user, const char *factory, HeMemory memory,
                     const char *format);
  gpointer user;
  guint nvidia_driver; /* major version of NVIDIA's driver; 0: none, or unknown */
} HeProbe;

/* The major version of NVIDIA's driver, from the text of the file below. 0: it does not
 * say. */
#define HE_NVIDIA_VERSION_PATH "/proc/driver/nvidia/version"
guint he_nvidia_driver (const char *text);

/* The Debian package that has an element of GStreamer, or NULL: unknown, or ours. */
const char *he_element_package (const char *factory);

/* What hardware an element exists only with ("an NVIDIA GPU with NVENC"), or NULL. */
const char *he_element_device (const char *factory);

G_END_DECLS
