/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-anchor.h"
#include "he-channel.h"

G_BEGIN_DECLS

/* Playlists (RFC 8216) as pure functions of the channel and of what is held: two nodes
 * that hold the same write the same bytes. All URIs are relative, so that they inherit a
 * path prefix. Free the text with g_free(). */

/* main.m3u8: "360p/index.m3u8" per video rendition, one audio group. Without video every
 * audio rendition is a stream of its own. EXT-X-INDEPENDENT-SEGMENTS unless a rendition
 * has open GOPs. */
char *he_playlist_multivariant (const HeChannel *channel);

/* index.m3u8 of one rendition, listing first_msn .. last_msn (inclusive):
 * segments as "MSN.ts", keys as "../keys/TIER/PERIOD". anchor gives PROGRAM-DATE-TIME,
 * which is left out when it is NULL. EXTINF is the channel's constant duration, for audio
 * too, whose segments are whole frames and so up to one frame longer or shorter. */
char *he_playlist_media (const HeChannel *channel, const HeRendition *rendition,
                         const HeAnchor *anchor, guint64 first_msn, guint64 last_msn);

/* What stands elsewhere than at an origin of ours. */
typedef struct {
  const char *key_uri; /* in place of "../keys/", or NULL; TIER/PERIOD follow */
  gboolean finished;   /* EXT-X-PLAYLIST-TYPE:VOD and EXT-X-ENDLIST */
  guint64 last90;      /* duration of the last segment in ticks; 0: as the others */
} HePlaylistStyle;

char *he_playlist_media_styled (const HeChannel *channel, const HeRendition *rendition,
                                const HeAnchor *anchor, guint64 first_msn,
                                guint64 last_msn, const HePlaylistStyle *style);

G_END_DECLS
