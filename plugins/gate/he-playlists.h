/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-anchor.h"
#include "he-channel.h"

G_BEGIN_DECLS

/* Playlists as text, rendered once per listing and not per request. Not thread-safe. */
typedef struct _HePlaylists HePlaylists;

HePlaylists *he_playlists_new (void);
void he_playlists_free (HePlaylists *playlists); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HePlaylists, he_playlists_free)

/* A reference to the text. rendition NULL: main.m3u8. anchor may be NULL. */
GBytes *he_playlists_get (HePlaylists *playlists, HeChannel *channel,
                          const HeRendition *rendition, const HeAnchor *anchor,
                          guint64 first_msn, guint64 last_msn);

G_END_DECLS
