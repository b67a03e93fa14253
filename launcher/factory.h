/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-probe.h"

G_BEGIN_DECLS

/* Initialises GStreamer, once, with the folder that our modules were installed to. Before
 * other threads run: it may change the environment. */
void headend_gst_init (void);

/* What GStreamer has here. Initialises it on first use. */
HeProbe headend_factory_probe (void);

G_END_DECLS
