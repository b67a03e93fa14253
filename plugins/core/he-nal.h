/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Byte streams of NAL units, as H.264 and H.265 share them: annex B of both. */

/* The byte behind the next start code at or after `at`, which is the first of a NAL
 * unit's header, or NULL. */
const guint8 *he_nal_next (const guint8 *at, const guint8 *end);

/* Where the NAL unit that begins at nal ends: at the next start code (zero bytes in front
 * of it may be counted in), or at end. */
const guint8 *he_nal_end (const guint8 *nal, const guint8 *end);

/* Whether the SEI messages from `at` on, behind the NAL unit's header, hold one of this
 * type. Emulation prevention is not undone: it does not touch type and size bytes of
 * short messages, and what a long one in front could hide is only that message. */
gboolean he_nal_sei_has (const guint8 *at, const guint8 *end, guint type);

#define HE_SEI_RECOVERY_POINT 6 /* section D.2.8 of both */

/* nal_unit_type: one byte of header in H.264, two in H.265. */
static inline guint
he_nal_h264_type (const guint8 *nal)
{
  return *nal & 0x1f;
}

static inline guint
he_nal_h265_type (const guint8 *nal)
{
  return *nal >> 1 & 0x3f;
}

G_END_DECLS
