/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "he-probe.h"

/* Machines that answer a probe without GStreamer. */

typedef struct {
  const char *factory;
  /* Properties and what they take: "preset=p1,p4 bitrate=* tune=low-latency"; a star is
   * anything. */
  const char *properties;
  HeMemory memory; /* that it takes beside the system's */
  const char *formats;
} KitElement;

static inline gboolean
kit_lists (const char *list, const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, ",", -1);

  return g_strv_contains ((const char *const *)words, word)
         || g_strv_contains ((const char *const *)words, "*");
}

/* user: KitElement table that ends with factory NULL. */
static inline const KitElement *
kit_find (gpointer user, const char *factory)
{
  for (const KitElement *row = user; row->factory != NULL; row++)
    if (strcmp (row->factory, factory) == 0)
      return row;
  return NULL;
}

static inline gboolean
kit_has (gpointer user, const char *factory, const char *property, const char *value)
{
  const KitElement *element = kit_find (user, factory);
  g_auto (GStrv) properties = NULL;

  if (element == NULL || property == NULL)
    return element != NULL;
  properties
      = g_strsplit (element->properties != NULL ? element->properties : "", " ", -1);
  for (char **each = properties; *each != NULL; each++) {
    g_auto (GStrv) pair = g_strsplit (*each, "=", 2);

    if (pair[0] != NULL && strcmp (pair[0], property) == 0)
      return value == NULL || kit_lists (pair[1], value);
  }
  return FALSE;
}

static inline gboolean
kit_takes (gpointer user, const char *factory, HeMemory memory, const char *format)
{
  const KitElement *element = kit_find (user, factory);

  return element != NULL && element->formats != NULL
         && kit_lists (element->formats, format)
         && (memory == HE_MEMORY_SYSTEM || memory == element->memory);
}

static inline HeProbe
kit_probe (const KitElement *elements)
{
  return (HeProbe) { .has = kit_has, .takes = kit_takes, .user = (gpointer)elements };
}

/* A machine that has every element, as GStreamer's newest, but these, separated by commas
 * (NULL: every one). */
static inline gboolean
kit_all_has (gpointer user, const char *factory, const char *property, const char *value)
{
  return user == NULL || !kit_lists (user, factory);
}

static inline gboolean
kit_all_takes (gpointer user, const char *factory, HeMemory memory, const char *format)
{
  return kit_all_has (user, factory, NULL, NULL);
}

static inline HeProbe
kit_all_but (const char *missing)
{
  return (
      HeProbe) { .has = kit_all_has, .takes = kit_all_takes, .user = (gpointer)missing };
}
