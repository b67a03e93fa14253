/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wall-offset.h"

#include "he-anchor.h"

#define MAX_ANCHOR 4096 /* bytes */

gboolean
headend_wall_offset (char *const *states, const char *channel, gint64 *ret_offset90)
{
  g_autofree char *name = g_strdup_printf ("anchor-%s.json", channel);
  for (guint i = 0; states[i]; i++) {
    g_autofree char *path = g_build_filename (states[i], name, NULL);
    g_autofree char *text = NULL;
    HeAnchor anchor;
    gsize len;
    if (!g_file_get_contents (path, &text, &len, NULL) || len > MAX_ANCHOR
        || !he_anchor_from_json (text, (gssize)len, &anchor, NULL))
      continue;
    *ret_offset90 = anchor.wall_offset90;
    return TRUE;
  }
  return FALSE;
}
