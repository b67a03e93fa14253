/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Moves all times of a transport stream, PTS, DTS and PCR, by ticks of 90 kHz, modulo
 * 2^33: a source that starts elsewhere, jumps or wraps. In place; data is whole packets
 * of 188 bytes, what is none is left alone. */
void headend_shift_packets (guint8 *data, gsize len, guint64 ticks);

G_END_DECLS
