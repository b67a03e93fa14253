/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes a byte stream of H.264 in RTP (RFC 6184, modes 0 and 1), payload by payload. */

typedef struct {
  GByteArray *data; /* of a picture, so far */
  gboolean torn;    /* it has lost something */
  gboolean in_fu;   /* a fragment that continues has what to continue */
} HeRtpPicture;

/* One payload, len > 0. What continues nothing is left out, and so is what would make
 * the picture too long. */
void he_rtp_picture_read (HeRtpPicture *picture, const guint8 *data, gsize len);

/* Whether nothing of its picture can come before a payload. */
gboolean he_rtp_picture_begins (const guint8 *data, gsize len);

G_END_DECLS
