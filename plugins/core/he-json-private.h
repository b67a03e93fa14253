/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "he-error.h"

G_BEGIN_DECLS

/* The tree as reader and lookups share it; private to he-json*.c. */

/* U+0000 in a string that is kept: an overlong form, which valid UTF-8 does not hold. */
#define HE_JSON_NUL "\xc0\x80"

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
    char *string; /* U+0000 as C0 80, so that it ends only once */
    struct {
      GPtrArray *children; /* HeJson, owned; NULL while empty */
      GPtrArray *sorted;   /* members by name, borrowed; NULL while empty */
    };
  };
};

G_END_DECLS
