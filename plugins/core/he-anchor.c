/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-anchor.h"
#include "he-codec.h"
#include "he-epoch.h"
#include "he-json.h"

#include <string.h>

#define JSON_MAX 4096
#define OFFSET_MAX (G_GINT64_CONSTANT (1) << 53) /* exact in every JSON reader */
/* Half a wrap when proposed first, and what a drifting source adds in a lifetime. */
#define WALL_OFFSET_MAX ((gint64)HE_PTS_WRAP)

/* Before the first wrap since 1970 the nearest turn may lie before the epoch. */
static guint64
place (guint64 source, gint64 reference)
{
  gint64 epoch = he_epoch_unwrap (source & (HE_PTS_WRAP - 1), reference);

  return (guint64)(epoch < 0 ? epoch + (gint64)HE_PTS_WRAP : epoch);
}

void
he_anchor_propose (guint64 pts33, guint64 wall90, const char *node, HeAnchor *ret_anchor)
{
  HeAnchor anchor = { .generation = 0, .offset90 = 0 };

  anchor.wall_offset90 = (gint64)(wall90 - place (pts33, (gint64)wall90));
  g_strlcpy (anchor.node, node, sizeof anchor.node);
  *ret_anchor = anchor;
}

guint64
he_anchor_epoch (const HeAnchor *anchor, guint64 pts33, guint64 reference90,
                 guint64 wall90)
{
  gint64 reference
      = reference90 != 0 ? (gint64)reference90 : (gint64)wall90 - anchor->wall_offset90;

  return place (pts33 + (guint64)anchor->offset90, reference);
}

int
he_anchor_compare (const HeAnchor *a, const HeAnchor *b)
{
  int by_name = strcmp (a->node, b->node);

  if (a->generation != b->generation)
    return a->generation < b->generation ? -1 : 1;
  if (by_name != 0)
    return by_name;
  /* One node proposed twice: any fixed order makes all sides pick the same. */
  if (a->offset90 != b->offset90)
    return a->offset90 < b->offset90 ? -1 : 1;
  if (a->wall_offset90 != b->wall_offset90)
    return a->wall_offset90 < b->wall_offset90 ? -1 : 1;
  return 0;
}

static const char *const end_names[] = {
  [HE_ANCHOR_END_MISSED] = "missed",
  [HE_ANCHOR_END_PAUSED] = "paused",
};

char *
he_anchor_to_json (const HeAnchor *anchor)
{
  HeJsonWriter *writer = he_json_writer_new ();

  he_json_writer_open_object (writer, NULL);
  he_json_writer_uint64 (writer, "generation", anchor->generation);
  he_json_writer_int64 (writer, "offset90", anchor->offset90);
  he_json_writer_int64 (writer, "wall-offset90", anchor->wall_offset90);
  he_json_writer_string (writer, "node", anchor->node);
  if (end_names[anchor->end] != NULL)
    he_json_writer_string (writer, "end", end_names[anchor->end]);
  return he_json_writer_end (writer);
}

static gboolean
get_ticks (const HeJson *object, const char *name, gint64 max, gint64 *ret_value,
           GError **error)
{
  const HeJson *node = he_json_member (object, name);
  gint64 value;

  if (node == NULL)
    return he_json_set_error (error, object, "has no member \"%s\"", name);
  if (he_json_type (node) != HE_JSON_INTEGER)
    return he_json_set_error (error, node, "must be an integer, not %s",
                              he_json_type_name (he_json_type (node)));
  value = he_json_integer (node);
  if (value < -max || value > max)
    return he_json_set_error (error, node,
                              "%" G_GINT64_FORMAT " is not within %" G_GINT64_FORMAT
                              " ticks of zero",
                              value, max);
  *ret_value = value;
  return TRUE;
}

static gboolean
get_end (const HeJson *root, HeAnchorEnd *ret_end, GError **error)
{
  const char *name = NULL;

  if (!he_json_get_string (root, "end", FALSE, &name, error))
    return FALSE;
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (end_names); i++)
    if (g_strcmp0 (name, end_names[i]) == 0)
      *ret_end = (HeAnchorEnd)i;
  if (name == NULL || *ret_end != HE_ANCHOR_END_SEEN)
    return TRUE;
  return he_json_set_error (error, he_json_member (root, "end"),
                            "is neither \"missed\" nor \"paused\"");
}

gboolean
he_anchor_from_json (const char *text, gssize len, HeAnchor *ret_anchor, GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (text, len, JSON_MAX, 1, error);
  HeAnchor anchor = { 0 };
  guint64 generation = 0;
  const char *node = NULL;

  if (root == NULL || !he_json_get_string (root, "node", TRUE, &node, error)
      || !he_json_get_uint64 (root, "generation", TRUE, G_MAXUINT, &generation, error)
      || !get_ticks (root, "offset90", OFFSET_MAX, &anchor.offset90, error)
      || !get_ticks (root, "wall-offset90", WALL_OFFSET_MAX, &anchor.wall_offset90, error)
      || !get_end (root, &anchor.end, error))
    return FALSE;
  if (!he_name_is_valid (node))
    return he_json_set_error (error, he_json_member (root, "node"),
                              "is not a node's name");

  anchor.generation = (guint)generation;
  g_strlcpy (anchor.node, node, sizeof anchor.node);
  *ret_anchor = anchor;
  return TRUE;
}
