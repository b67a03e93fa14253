/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A source of plain RTP:
 *   rtp://ADDRESS:PORT?h264=PT[&aac=PT&aac-port=PORT&aac-config=HEX][&interface=NAME]
 * with RTCP on the port behind each. */

/* Whether a URI is to be read so, rightly written or not. */
gboolean headend_source_is_plain_rtp (const GUri *uri);

/* NULL: it is right; else what is wrong with it, owned. */
char *headend_source_rtp_fault (const GUri *uri);

/* For gst_parse_launch(): from elements "source", … to a sink "out", packets of all kinds
 * side by side; and the caps that tell epochdemux what they are. Of a URI that is right. */
char *headend_source_rtp_pipeline (const GUri *uri);
char *headend_source_rtp_caps (const GUri *uri);

G_END_DECLS
