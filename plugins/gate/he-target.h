/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a viewer's request names. Our paths are made of names ([A-Za-z0-9_-]) and numbers
 * alone, so there is nothing to normalise: a percent-encoding, a dot segment, an empty
 * segment or a second spelling of a number is another path, which does not exist. */
typedef enum {
  HE_TARGET_MULTIVARIANT, /* /live/CH/main.m3u8 */
  HE_TARGET_MEDIA,        /* /live/CH/REND/index.m3u8 */
  HE_TARGET_SEGMENT,      /* /live/CH/REND/MSN.ts */
  HE_TARGET_KEY,          /* /live/CH/keys/TIER/PERIOD */
  HE_TARGET_SESSION,      /* /live/CH/session: the player's own, to be refreshed */
} HeTargetKind;

#define HE_TARGET_MAX_PATH 4096

/* A stretch of somebody else's string. */
typedef struct {
  const char *text; /* NULL: absent */
  gsize len;
} HeSpan;

typedef struct {
  HeTargetKind kind;
  HeSpan credential; /* of the prefix "/s/CREDENTIAL", pointing into the path */
  const char *live;  /* "/live/…", pointing into the path */
  char channel[65];
  char rendition[65]; /* MEDIA, SEGMENT */
  char tier[65];      /* KEY */
  guint64 number;     /* MSN or period, at most G_MAXINT64 */
} HeTarget;

/* FALSE, and *ret_target untouched, for everything that is no path of ours. path is the
 * raw path of the request line, without a query. */
gboolean he_target_parse (const char *path, HeTarget *ret_target);

/* The value of one parameter of a path, ";NAME=VALUE" (RFC 6570 section 3.2.7), and as
 * *ret_rest the path without it, as RFC 9246 section 2.1.15 takes it out. Returns FALSE
 * when it occurs more than once, or is made of more than a token is (letters, digits,
 * "-",
 * "_" and "."), so that it hides no path from who decodes it. An absent one is TRUE with
 * text NULL and *ret_rest NULL. path may be NULL. Nothing is decoded. */
gboolean he_path_find (const char *path, const char *name, HeSpan *ret_value,
                       char **ret_rest);

/* The value of one parameter of a query (without '?'; NULL: empty). Returns FALSE when it
 * occurs more than once; an absent one is TRUE with text NULL. Nothing is decoded. */
gboolean he_query_find (const char *query, const char *name, HeSpan *ret_value);

/* The query without one parameter, or NULL when nothing is left of it. */
char *he_query_without (const char *query, const char *name);

/* Values of the cookies of one name in a Cookie header (RFC 6265 section 4.2; NULL:
 * none), in their order, at most max. */
guint
he_cookie_find (const char *header, const char *name, HeSpan *ret_values, guint max);

/* The token of "Authorization: Bearer TOKEN" (RFC 6750 section 2.1); text is NULL for any
 * other scheme. */
HeSpan he_bearer_find (const char *header);

G_END_DECLS
