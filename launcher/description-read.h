/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"
#include "model.h"

G_BEGIN_DECLS

/* Reads JSON objects into structs by static tables: one row a key. A key without a row is
 * an error, and nothing is read twice (the JSON reader refuses duplicates). */

typedef struct {
  const char *file;
  HeadendModel *model;
} HeadendReader;

typedef struct _HeadendKey HeadendKey;
typedef gboolean (*HeadendReadFunc) (HeadendReader *reader, const HeadendKey *key,
                                     const HeJson *value, gpointer field, GError **error);

struct _HeadendKey {
  const char *name;
  HeadendReadFunc read;
  gsize offset; /* of the field in the struct */
  gboolean required;
  const char *noun;     /* "a width": what the value should have been */
  const char *expected; /* "an integer 64..8192" */
  gint64 min, max;      /* integers, and lengths of strings and arrays */
  gconstpointer data;   /* of this reader: a table of names, a nested table, … */
  gboolean unquoted;    /* no message shows the value: a password may have got into it */
};

#define HEADEND_NAME_EXPECTED "1..64 letters, digits, '-' or '_', a letter or digit first"

/* The table of the whole document, and those of "channels", "sessions" and "gate". */
extern const HeadendKey headend_root_keys[];
extern const HeadendKey headend_channel_keys[];
extern const HeadendKey headend_session_keys[];
extern const HeadendKey headend_gate_keys[];

/* keys ends with a row without a name. */
gboolean headend_read_object (HeadendReader *reader, const HeadendKey *keys,
                              const HeJson *object, gpointer target, GError **error);

/* "FILE:LINE:COL: PATH: " and the message. Returns FALSE. */
gboolean headend_read_error (HeadendReader *reader, const HeJson *node, GError **error,
                             const char *format, ...) G_GNUC_PRINTF (4, 5);
/* "VALUE is not NOUN; expected EXPECTED", VALUE left out where the key is unquoted. Returns
 * FALSE. */
gboolean headend_read_refuse (HeadendReader *reader, const HeadendKey *key,
                              const HeJson *value, GError **error);

gboolean headend_read_ignored (HeadendReader *, const HeadendKey *, const HeJson *,
                               gpointer, GError **); /* any string, for "$schema" */
gboolean headend_read_uint (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                            GError **); /* guint, min..max */
gboolean headend_read_boolean (HeadendReader *, const HeadendKey *, const HeJson *,
                               gpointer, GError **); /* gboolean */
gboolean
headend_read_choice (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                     GError **); /* gboolean: data = {"false", "true"} names */
gboolean
headend_read_text (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                   GError **); /* char *, min..max bytes, no control characters */
gboolean headend_read_name (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                            GError **); /* char *, he_name_is_valid() */
gboolean
headend_read_one_of (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                     GError **); /* char *: data = NULL-terminated names */
gboolean headend_read_state (HeadendReader *, const HeadendKey *, const HeJson *,
                             gpointer, GError **);
gboolean headend_read_path (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                            GError **); /* char *, made absolute */

gboolean headend_read_part (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                            GError **); /* the struct at field: data = its HeadendKey[] */

/* Of headend_read_list(): how an object of the list is made, and read. */
typedef struct {
  const HeadendKey *keys;
  gpointer (*make) (void);
} HeadendList;
gboolean headend_read_list (HeadendReader *, const HeadendKey *, const HeJson *, gpointer,
                            GError **); /* GPtrArray *, min..max: data = a HeadendList */

/* char **, min..max texts that are valid; one says what each should have been. */
gboolean headend_read_texts (HeadendReader *reader, const HeadendKey *key,
                             const HeJson *value, gpointer field,
                             gboolean (*is_valid) (const char *text),
                             const HeadendKey *one, GError **error);

/* The name in keys or names that is nearest to a misspelt one, or NULL when none is near.
 */
const char *headend_nearest (const char *text, const char *const *names);

G_END_DECLS
