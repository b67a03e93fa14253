/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "he-probe.h"

G_BEGIN_DECLS

/* Asks GStreamer, which it initialises on first use, and the file that tells NVIDIA's
 * driver (HE_NVIDIA_VERSION_PATH; it need not exist). A factory whose module cannot be
 * loaded does not exist. Any thread. */
HeProbe gst_headend_probe (const char *nvidia_version_path);

G_END_DECLS
