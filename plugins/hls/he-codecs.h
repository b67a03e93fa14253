/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What playlists must know of a stream before anything of it is measured. */

/* RFC 6381 name of H.264 from the profile and level as GStreamer's caps spell them
 * ("main", "3.1"): "avc1.4D401F". NULL when either is NULL or unknown. */
char *he_codecs_h264 (const char *profile, const char *level);

/* "mp4a.40.2" from the profile in caps ("lc", "main", …); AAC-LC when it is NULL or
 * unknown. */
char *he_codecs_aac (const char *profile);

/* Ticks of one ADTS frame, rounded up, from its header (ISO/IEC 13818-7 section 6.2);
 * 0 when data does not begin with a valid one. */
guint he_adts_frame_ticks (const guint8 *data, gsize len);

/* Whether an H.264 access unit (Annex B) holds sequence and picture parameter sets. */
gboolean he_h264_has_parameter_sets (const guint8 *data, gsize len);

G_END_DECLS
