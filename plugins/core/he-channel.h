/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A channel as sinks, stores and playlists need to know it: nothing in it is measured, so
 * two nodes that read the same description hold the same. Immutable once shared. */

typedef enum { HE_MEDIA_VIDEO, HE_MEDIA_AUDIO } HeMedia;

typedef struct {
  char *name; /* he_name_is_valid() */
  HeMedia media;
  gboolean variants;       /* stored as a and b instead of none */
  guint bandwidth;         /* peak, bit/s, audio group included for video */
  guint average_bandwidth; /* bit/s; 0: unknown */
  char *codecs;            /* RFC 6381: "avc1.4D401E", "hvc1.1.6.L90.90", "mp4a.40.2" */
  guint width, height;     /* video */
  guint fps_n, fps_d;      /* video */
  gboolean open_gops;      /* video: a segment may need the one before to be decoded */
  const char *video_range; /* video: "SDR", "HLG", "PQ", a literal; NULL: not told */
  guint channels;          /* audio */
  char *language;          /* audio, RFC 5646, or NULL */
} HeRendition;

HeRendition *he_rendition_new (const char *name, HeMedia media);
void he_rendition_free (HeRendition *rendition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeRendition, he_rendition_free)

typedef struct {
  gatomicrefcount refs;
  char *name;
  guint64 duration90; /* constant segment duration */
  guint window;       /* segments in a media playlist, >= 3 */
  gboolean
      recording; /* made once, for somebody else to serve: an origin has its keys only */
  gboolean encrypted; /* AES-128, whole segments */
  guint key_rotation; /* segments per key, >= 1 */
  guint key_version;
  guint colluders;       /* that the viewers' codewords are made for: he-codeword.h */
  char *tier;            /* rights tier of the keys: "base" */
  GPtrArray *renditions; /* HeRendition, owned */
} HeChannel;

/* Defaults: 180000 ticks, window 6, encrypted, rotation 30, version 1, 5 colluders, tier
 * "base". */
HeChannel *he_channel_new (const char *name);
HeChannel *he_channel_ref (HeChannel *channel);
void he_channel_unref (HeChannel *channel); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeChannel, he_channel_unref)

const HeRendition *he_channel_find (const HeChannel *channel, const char *rendition);

G_END_DECLS
