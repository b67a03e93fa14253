/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What playlists must know of a stream before anything of it is measured. */

/* RFC 6381 name of H.264 from the profile and level as GStreamer's caps spell them
 * ("main", "3.1"): "avc1.4D401F". NULL when either is NULL or unknown. */
char *he_codecs_h264 (const char *profile, const char *level);

/* RFC 6381 name of H.265 from profile, tier and level as GStreamer's caps spell them
 * ("main", "main", "3.1"): "hvc1.1.6.L93.90" (ISO/IEC 14496-15 section E.3). The last
 * part says progressive frames, as all of ours are. NULL when one is NULL or unknown. */
char *he_codecs_h265 (const char *profile, const char *tier, const char *level);

/* "mp4a.40.2" from the profile in caps ("lc", "main", …); AAC-LC when it is NULL or
 * unknown. */
char *he_codecs_aac (const char *profile);

/* Ticks of one ADTS frame, rounded up, from its header (ISO/IEC 13818-7 section 6.2);
 * 0 when data does not begin with a valid one. */
guint he_adts_frame_ticks (const guint8 *data, gsize len);

/* Whether an access unit (Annex B) holds all parameter sets that its codec has, ahead of
 * the first slice. */
gboolean he_h264_has_parameter_sets (const guint8 *data, gsize len);
gboolean he_h265_has_parameter_sets (const guint8 *data, gsize len);

G_END_DECLS
