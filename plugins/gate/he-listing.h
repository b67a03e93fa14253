/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a media playlist lists, first .. last inclusive. An edge that is told it by a gate
 * asks for that very playlist, …/FIRST-LAST.m3u8 in place of …/index.m3u8, which any node
 * writes, the same but for its times (EXT-X-PROGRAM-DATE-TIME) while the nodes' anchors
 * differ: so each is another object of its cache, and none is ever out of date. */
typedef struct {
  guint64 first, last;
} HeListing;

/* "FIRST-LAST". */
char *he_listing_print (const HeListing *listing);

/* The same path with index.m3u8 in place of FIRST-LAST.m3u8, which is *ret_listing then;
 * NULL, and *ret_listing untouched, for all that ends otherwise. Numbers have one
 * spelling and are at most G_MAXINT64, the first no greater than the last. */
char *he_listing_take (const char *path, HeListing *ret_listing);

G_END_DECLS
