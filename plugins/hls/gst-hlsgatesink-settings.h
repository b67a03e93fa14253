/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "he-anchor.h"
#include "he-secret.h"
#include "he-token.h"

G_BEGIN_DECLS

typedef enum {
  GST_HLS_GATE_LIVE,
  GST_HLS_GATE_VOD,
} GstHlsGatePlaylistType;

/* The writable properties of hlsgatesink. */
typedef struct {
  char *channel, *node, *tier, *origins, *listen, *jwks, *issuer, *audience;
  char *destination, *key_uri;
  char *algorithms;           /* as given */
  HeTokenAlgorithms accepted; /* those that it names */
  HeSecret *credentials;
  GstHlsGatePlaylistType playlist_type;
  guint64 duration90;
  guint window, key_version, key_rotation;
  HeSecret *content, *publish, *gate;
  HeAnchor anchor;
  gboolean has_anchor;
  guint bad; /* bit per property whose last value could not be read */
} GstHlsGateSettings;

enum {
  GST_HLS_GATE_PROP_0,
  GST_HLS_GATE_PROP_CHANNEL,
  GST_HLS_GATE_PROP_NODE,
  GST_HLS_GATE_PROP_SEGMENT_DURATION,
  GST_HLS_GATE_PROP_WINDOW,
  GST_HLS_GATE_PROP_SECRET,
  GST_HLS_GATE_PROP_KEY_VERSION,
  GST_HLS_GATE_PROP_KEY_ROTATION,
  GST_HLS_GATE_PROP_TIER,
  GST_HLS_GATE_PROP_ORIGINS,
  GST_HLS_GATE_PROP_PUBLISH_KEY,
  GST_HLS_GATE_PROP_LISTEN,
  GST_HLS_GATE_PROP_JWKS,
  GST_HLS_GATE_PROP_ISSUER,
  GST_HLS_GATE_PROP_AUDIENCE,
  GST_HLS_GATE_PROP_GATE_SECRET,
  GST_HLS_GATE_PROP_ANCHOR,
  GST_HLS_GATE_PROP_DESTINATION,
  GST_HLS_GATE_PROP_CREDENTIALS,
  GST_HLS_GATE_PROP_PLAYLIST_TYPE,
  GST_HLS_GATE_PROP_KEY_URI,
  GST_HLS_GATE_PROP_ALGORITHMS,
  GST_HLS_GATE_PROP_LAST, /* the element's own begin here */
};

void gst_hls_gate_settings_install (GObjectClass *klass);
void gst_hls_gate_settings_init (GstHlsGateSettings *settings);
void gst_hls_gate_settings_clear (GstHlsGateSettings *settings);

/* FALSE for a property that is not theirs. The caller holds the object lock. */
gboolean gst_hls_gate_settings_set (GstHlsGateSettings *settings, GObject *object,
                                    guint id, const GValue *value, GParamSpec *pspec);
gboolean
gst_hls_gate_settings_get (const GstHlsGateSettings *settings, guint id, GValue *value);

/* What would make the element misbehave: names that are none, values that could not be
 * read. A secret that could not be read must never mean "no encryption". */
gboolean gst_hls_gate_settings_check (const GstHlsGateSettings *settings, GError **error);

G_END_DECLS
