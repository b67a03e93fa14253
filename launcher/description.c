/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description.h"

#include <string.h>
#include "description-check.h"
#include "description-read.h"
#include "encoder.h"
#include "he-error.h"

/* What was left unsaid and depends on the rest. */
static void
fill_defaults (HeadendModel *model)
{
  if (model->nodes->len == 0) {
    HeadendNode *node = headend_node_new ();
    node->name = g_strdup ("node");
    node->listen = g_strdup ("127.0.0.1:8080");
    node->internal = g_strdup ("127.0.0.1:8090");
    node->state = g_build_filename (model->states, "state", NULL);
    g_ptr_array_add (model->nodes, node);
  }
  for (guint i = 0; i < model->nodes->len; i++) {
    HeadendNode *node = model->nodes->pdata[i];
    if (!node->state)
      node->state = g_strdup_printf ("%s/state-%s", model->states, node->name);
  }
  if (model->edge.listen && !model->edge.trusted)
    model->edge.trusted = g_strsplit ("127.0.0.1", " ", 0);
  for (guint i = 0; i < model->channels->len; i++) {
    HeadendModelChannel *channel = model->channels->pdata[i];
    for (guint j = 0; j < channel->video->len; j++) {
      HeadendVideo *video = channel->video->pdata[j];
      if (!video->name)
        video->name = g_strdup_printf ("%up", video->height);
      if (!video->preset)
        video->preset = g_strdup (headend_encoder_of (video)->preset);
    }
    if (channel->identical < 0)
      channel->identical
          = model->nodes->len > 1 && headend_encoder_would_repeat (channel);
    for (guint j = 0; j < channel->audio->len; j++) {
      HeadendAudio *audio = channel->audio->pdata[j];
      if (!audio->name)
        audio->name = j ? g_strdup_printf ("audio%u", j + 1) : g_strdup ("audio");
    }
  }
}

/* The node that a path of the model stands for, or the nearest one around it: a default
 * has no place of its own. */
static const HeJson *
find_place (const HeJson *root, const char *path)
{
  const HeJson *place = root;
  g_auto (GStrv) steps = g_strsplit_set (path, ".[]", 0);
  for (guint i = 1; steps[i]; i++) {
    const HeJson *next = NULL;
    if (!steps[i][0])
      continue;
    if (he_json_type (place) == HE_JSON_OBJECT) {
      next = he_json_member (place, steps[i]);
    } else if (he_json_type (place) == HE_JSON_ARRAY) {
      guint64 index = g_ascii_strtoull (steps[i], NULL, 10);
      next
          = index < he_json_length (place) ? he_json_element (place, (guint)index) : NULL;
    }
    if (!next)
      break;
    place = next;
  }
  return place;
}

static gboolean
check (HeadendReader *reader, const HeJson *root, GError **error)
{
  g_autofree char *path = NULL;
  g_autofree char *message = NULL;
  if (headend_model_check (reader->model, &path, &message))
    return TRUE;
  const HeJson *place = find_place (root, path);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s:%u:%u: %s: %s", reader->file,
               he_json_line (place), he_json_column (place), path, message);
  return FALSE;
}

HeadendModel *
headend_description_parse (const char *text, gssize len, const char *file,
                           const char *folder, GError **error)
{
  g_autoptr (HeadendModel) model = headend_model_new (file, folder);
  HeadendReader reader = { file, model };
  g_autoptr (HeJson) root = he_json_parse (text, len, HEADEND_DESCRIPTION_MAX, 16, error);
  if (!root) {
    g_prefix_error (error, "%s:", file);
    return NULL;
  }
  if (!headend_read_object (&reader, headend_root_keys, root, model, error))
    return NULL;
  fill_defaults (model);
  if (!check (&reader, root, error))
    return NULL;
  return g_steal_pointer (&model);
}

HeadendModel *
headend_description_load (const char *path, char **ret_text, GError **error)
{
  g_autofree char *text = NULL;
  gsize len = 0;
  g_autoptr (GError) failed = NULL;
  if (!g_file_get_contents (path, &text, &len, &failed)) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_IO, failed->message);
    return NULL;
  }
  if (strlen (text) != len) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s: holds NUL bytes; expected JSON text", path);
    return NULL;
  }
  g_autofree char *folder = g_path_get_dirname (path);
  HeadendModel *model
      = headend_description_parse (text, (gssize)len, path, folder, error);
  if (model && ret_text)
    *ret_text = g_steal_pointer (&text);
  return model;
}

HeSecret *
headend_model_load_secret (const HeadendModel *model, GError **error)
{
  const HeadendSecretSource *source = &model->secret;
  if (source->variable) {
    const char *text = g_getenv (source->variable);
    if (text)
      return he_secret_from_hex (text, source->variable, error);
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
                 "the environment variable %s is not set; set it to 64 hex digits "
                 "(openssl rand -hex 32)",
                 source->variable);
    return NULL;
  }
  if (!g_file_test (source->file, G_FILE_TEST_EXISTS)) {
    g_set_error (
        error, HE_ERROR, HE_ERROR_NOT_FOUND,
        "%s does not exist; make it with: (umask 077; openssl rand -hex 32 > %s)",
        source->file, source->file);
    return NULL;
  }
  return he_secret_from_file (source->file, "the master secret", error);
}
