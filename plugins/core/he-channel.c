/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-channel.h"
#include "he-codeword.h"

#include <string.h>

HeRendition *
he_rendition_new (const char *name, HeMedia media)
{
  HeRendition *rendition = g_new0 (HeRendition, 1);

  rendition->name = g_strdup (name);
  rendition->media = media;
  return rendition;
}

void
he_rendition_free (HeRendition *rendition)
{
  if (rendition == NULL)
    return;
  g_free (rendition->name);
  g_free (rendition->codecs);
  g_free (rendition->language);
  g_free (rendition);
}

HeChannel *
he_channel_new (const char *name)
{
  HeChannel *channel = g_new0 (HeChannel, 1);

  g_atomic_ref_count_init (&channel->refs);
  channel->name = g_strdup (name);
  channel->duration90 = 180000;
  channel->window = 6;
  channel->encrypted = TRUE;
  channel->key_rotation = 30;
  channel->key_version = 1;
  channel->colluders = HE_CODEWORD_COLLUDERS;
  channel->tier = g_strdup ("base");
  channel->renditions
      = g_ptr_array_new_with_free_func ((GDestroyNotify)he_rendition_free);
  return channel;
}

HeChannel *
he_channel_ref (HeChannel *channel)
{
  g_atomic_ref_count_inc (&channel->refs);
  return channel;
}

void
he_channel_unref (HeChannel *channel)
{
  if (channel == NULL || !g_atomic_ref_count_dec (&channel->refs))
    return;
  g_ptr_array_unref (channel->renditions);
  g_free (channel->name);
  g_free (channel->tier);
  g_free (channel);
}

const HeRendition *
he_channel_find (const HeChannel *channel, const char *rendition)
{
  for (guint i = 0; i < channel->renditions->len; i++) {
    const HeRendition *candidate = g_ptr_array_index (channel->renditions, i);

    if (strcmp (candidate->name, rendition) == 0)
      return candidate;
  }
  return NULL;
}
