/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Initialises GStreamer, once, with the folder that our modules were installed to. Before
 * other threads run: it may change the environment. */
void headend_gst_init (void);

/* Whether GStreamer has an element of this name, and its module can be loaded.
 * Initialises GStreamer on first use. */
gboolean headend_factory_exists (const char *factory);

G_END_DECLS
