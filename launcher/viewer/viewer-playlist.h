/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* HLS playlists (RFC 8216) as a client reads them, from text that nobody vouches for: at
 * most HEADEND_PLAYLIST_MAX bytes and 10000 segments. URIs are as they stand there. */
#define HEADEND_PLAYLIST_MAX (1024 * 1024)

typedef struct {
  guint64 msn;
  gint64 duration_us;
  char *uri;
  char *key; /* URI of its AES-128 key; NULL: in the clear */
  guint8 iv[16];
} HeadendListed;

typedef struct {
  guint target; /* seconds */
  gboolean ended;
  guint discontinuities;
  GPtrArray *segments; /* HeadendListed, oldest first */
} HeadendPlaylist;

void headend_playlist_free (HeadendPlaylist *playlist); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendPlaylist, headend_playlist_free)

/* A media playlist. HE_ERROR_INVALID or HE_ERROR_LIMIT names the line. */
HeadendPlaylist *headend_playlist_parse (const char *text, gsize len, GError **error);

/* Of a multivariant playlist: the stream of the lowest BANDWIDTH, and the first rendition
 * of sound, whose URI is NULL when there is none. Owned. */
gboolean headend_playlist_choose (const char *text, gsize len, char **ret_video,
                                  char **ret_audio, GError **error);

/* What a URI means that stands in the document at path of the server base
 * ("http://HOST:PORT"): a path with its query, as it is escaped there. NULL when it leads
 * to another server, or is no URI. */
char *headend_playlist_resolve (const char *base, const char *path, const char *uri);

G_END_DECLS
