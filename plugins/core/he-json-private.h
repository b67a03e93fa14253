/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "he-error.h"

G_BEGIN_DECLS

/* The tree as reader and lookups share it; private to he-json*.c. */

struct _HeJson {
  HeJsonType type;
  guint line, column;
  HeJson *parent; /* NULL: the root */
  char *name;     /* as a member of an object, owned */
  guint index;    /* place in the parent */
  union {
    gboolean boolean;
    gint64 integer;
    double number;
    char *string;
    struct {
      GPtrArray *children; /* HeJson, owned; NULL while empty */
      GPtrArray *sorted;   /* members by name, borrowed; NULL while empty */
    };
  };
};

/* Appends text as a JSON string, with its quotes. text is valid UTF-8. */
void he_json_append_quoted (GString *out, const char *text);

G_END_DECLS
