/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-input.h"

G_BEGIN_DECLS

/* What one can tell of a source's transport stream as it passes by: damage, and whether
 * there are pictures and sound in it. Pure. */
typedef struct _HeadendStream HeadendStream;

/* program: of the PAT; 0: the first. */
HeadendStream *headend_stream_new (guint program);
void headend_stream_free (HeadendStream *stream); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendStream, headend_stream_free)

/* *ret_damaged: something is missing or broken in it or just before. TRUE: it counts as
 * data. Not once there were pictures or sound, and in this there are none: a multiplexer
 * may go on about nothing. */
gboolean headend_stream_push (HeadendStream *stream, const guint8 *data, gsize len,
                              gboolean *ret_damaged);

/* HE_INPUT_GAPS and HE_INPUT_BROKEN so far; other counts are left alone. */
void headend_stream_count (const HeadendStream *stream, HeInput *input);

G_END_DECLS
