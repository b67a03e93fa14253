/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-listing.h"

#include <string.h>

#include "he-codec.h"

#define SUFFIX ".m3u8"

char *
he_listing_print (const HeListing *listing)
{
  char text[2 * HE_UINT64_DIGITS + 2];
  char *end = he_uint64_encode (listing->first, text);

  *end++ = '-';
  he_uint64_encode (listing->last, end);
  return g_strdup (text);
}

char *
he_listing_take (const char *path, HeListing *ret_listing)
{
  const char *slash = strrchr (path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  const char *dash = strchr (name, '-');
  HeListing listing;

  if (dash == NULL || !g_str_has_suffix (dash, SUFFIX)
      || !he_uint64_decode (name, (gsize)(dash - name), G_MAXINT64, &listing.first)
      || !he_uint64_decode (dash + 1, strlen (dash + 1) - strlen (SUFFIX), G_MAXINT64,
                            &listing.last)
      || listing.first > listing.last)
    return NULL;
  *ret_listing = listing;
  return g_strdup_printf ("%.*sindex" SUFFIX, (int)(name - path), path);
}
