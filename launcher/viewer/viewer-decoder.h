/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One decoder that runs on through all segments, as a player's does, and reads the number
 * in each picture (viewer-picture.h). headend_gst_init() first. */
typedef struct _HeadendDecoder HeadendDecoder;

/* Called from the decoder's thread, in the order of presentation. */
typedef void (*HeadendDecodedFunc) (guint64 pts90, guint32 number, gpointer user);

HeadendDecoder *headend_decoder_new (gboolean h265, HeadendDecodedFunc decoded,
                                     gpointer user, GError **error);
/* Waits while a few seconds of pictures are not decoded yet. */
void headend_decoder_push (HeadendDecoder *decoder, GBytes *picture, guint64 pts90);
/* Brings out what is still inside, waits for that (bounded) and frees; takes NULL.
 * Returns how many pictures never came out. */
guint64 headend_decoder_finish (HeadendDecoder *decoder);

G_END_DECLS
