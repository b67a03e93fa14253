/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>
#include "description.h"

/* What tests of plans share. */

static inline HeadendModel *
model_of (const char *text)
{
  g_autoptr (GError) error = NULL;
  HeadendModel *model = headend_description_parse (text, -1, "d.json", "/srv", &error);
  g_assert_no_error (error);
  return model;
}

/* How often a part stands in a text. */
static inline guint
count (const char *text, const char *part)
{
  guint n = 0;
  for (const char *p = text; (p = strstr (p, part)); p++)
    n++;
  return n;
}
