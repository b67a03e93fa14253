/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-description.h"

#include <string.h>
#include "description.h"
#include "he-error.h"
#include "he-json.h"

/* What makes the segments. A key that is not here is not taken along: it may reach out.
 */
static const char *const kept[] = {
  "name", "segment-duration", "window",    "encryption", "key-rotation", "key-version",
  "tier", "watermark",        "agreement", "video",      "audio",        NULL
};
/* The drill's source has one track of sound. */
static const char *const dropped[] = { "track", NULL };

void
headend_drill_copy (HeJsonWriter *writer, const char *name, const HeJson *node)
{
  switch (he_json_type (node)) {
    case HE_JSON_NULL:
    case HE_JSON_NUL_STRING:
      break; /* no description holds one */
    case HE_JSON_BOOLEAN:
      he_json_writer_boolean (writer, name, he_json_boolean (node));
      break;
    case HE_JSON_INTEGER:
      he_json_writer_int64 (writer, name, he_json_integer (node));
      break;
    case HE_JSON_NUMBER:
      he_json_writer_number (writer, name, he_json_number (node));
      break;
    case HE_JSON_STRING:
      he_json_writer_string (writer, name, he_json_string (node));
      break;
    case HE_JSON_ARRAY:
      he_json_writer_open_array (writer, name);
      for (guint i = 0; i < he_json_length (node); i++)
        headend_drill_copy (writer, NULL, he_json_element (node, i));
      he_json_writer_close (writer);
      break;
    case HE_JSON_OBJECT:
      he_json_writer_open_object (writer, name);
      for (guint i = 0; i < he_json_length (node); i++) {
        const char *member = he_json_member_name (node, i);
        if (!g_strv_contains (dropped, member))
          headend_drill_copy (writer, member, he_json_member (node, member));
      }
      he_json_writer_close (writer);
      break;
  }
}

static void
write_nodes (HeJsonWriter *writer, const HeadendDrillPlaces *places)
{
  he_json_writer_open_array (writer, "nodes");
  for (guint i = 0; i < places->n_nodes; i++) {
    const HeadendDrillNode *node = &places->nodes[i];
    g_autofree char *state = g_strdup_printf ("state-%s", node->name);
    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "name", node->name);
    he_json_writer_string (writer, "listen", node->listen);
    he_json_writer_string (writer, "internal", node->internal);
    he_json_writer_string (writer, "state", state);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
  he_json_writer_open_object (writer, "edge");
  he_json_writer_string (writer, "listen", places->edge);
  he_json_writer_open_array (writer, "trusted");
  he_json_writer_string (writer, NULL, places->trusted);
  he_json_writer_close (writer);
  he_json_writer_close (writer);
}

static const HeJson *
find_channel (const HeJson *root, const char *name)
{
  const HeJson *channels = he_json_member (root, "channels");
  for (guint i = 0; channels && i < he_json_length (channels); i++) {
    const HeJson *channel = he_json_element (channels, i);
    if (strcmp (he_json_string (he_json_member (channel, "name")), name) == 0)
      return channel;
  }
  return NULL;
}

char *
headend_drill_rewrite (const char *text, const HeadendDrillPlaces *places, GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (text, -1, HEADEND_DESCRIPTION_MAX, 16, error);
  const HeJson *channel = root ? find_channel (root, places->channel) : NULL;
  if (!channel) {
    if (root)
      g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND, "no channel %s", places->channel);
    return NULL;
  }
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  write_nodes (writer, places);
  he_json_writer_open_array (writer, "channels");
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "source", places->source);
  for (guint i = 0; kept[i]; i++) {
    const HeJson *member = he_json_member (channel, kept[i]);
    if (member)
      headend_drill_copy (writer, kept[i], member);
  }
  return he_json_writer_end (writer);
}
