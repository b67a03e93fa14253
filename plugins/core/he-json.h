/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A strict, bounded JSON reader (RFC 8259). It refuses what common readers let through:
 * duplicate members, more than one document, comments, trailing commas, single quotes,
 * leading zeros, hex, lone surrogates, invalid UTF-8, numbers beyond a double, input past
 * max_bytes and nesting past max_depth. Every node knows where it stood.
 *
 * \u0000 is legal, and yet no end of a string: what holds it is of a type of its own, which
 * nobody can take for text, and the name of a member has it as C0 80, which no text equals. */

typedef enum {
  HE_JSON_NULL,
  HE_JSON_BOOLEAN,
  HE_JSON_INTEGER, /* no fraction, no exponent, fits gint64 */
  HE_JSON_NUMBER,  /* any other number, as a finite double */
  HE_JSON_STRING,
  HE_JSON_NUL_STRING, /* with U+0000 in it */
  HE_JSON_ARRAY,
  HE_JSON_OBJECT,
} HeJsonType;

typedef struct _HeJson HeJson;

/* Returns the root, or NULL with HE_ERROR_INVALID or HE_ERROR_LIMIT naming line and
 * column. len may be -1 for NUL-terminated text. The root owns the tree. */
HeJson *he_json_parse (const char *text, gssize len, gsize max_bytes, guint max_depth,
                       GError **error);
void he_json_free (HeJson *root);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeJson, he_json_free)

HeJsonType he_json_type (const HeJson *node);
const char *he_json_type_name (HeJsonType type); /* "an object", "a string", … */
guint he_json_line (const HeJson *node);         /* from 1 */
guint he_json_column (const HeJson *node);       /* from 1, in bytes */

/* "$.channels[0].video[1].width": where the node stands. */
char *he_json_path (const HeJson *node);

/* Sized access; the caller has checked the type (g_assert otherwise). */
gboolean he_json_boolean (const HeJson *node);
gint64 he_json_integer (const HeJson *node);
double he_json_number (const HeJson *node); /* INTEGER or NUMBER */
const char *he_json_string (const HeJson *node); /* STRING or NUL_STRING, U+0000 as C0 80 */

/* Appends text as a JSON string, with its quotes. text is valid UTF-8, U+0000 as C0 80. */
void he_json_append_quoted (GString *out, const char *text);

/* ARRAY and OBJECT. Members keep their order in the text. */
guint he_json_length (const HeJson *node);
const HeJson *he_json_element (const HeJson *node, guint index);
const char *he_json_member_name (const HeJson *node, guint index);
const HeJson *he_json_member (const HeJson *object, const char *name); /* or NULL */

/* Typed lookups for protocol documents: *ret_value is set on success. A missing member
 * is an error when it is required, and leaves *ret_value untouched otherwise. */
gboolean he_json_get_string (const HeJson *object, const char *name, gboolean required,
                             const char **ret_value, GError **error);
gboolean he_json_get_uint64 (const HeJson *object, const char *name, gboolean required,
                             guint64 max, guint64 *ret_value, GError **error);
gboolean he_json_get_boolean (const HeJson *object, const char *name, gboolean required,
                              gboolean *ret_value, GError **error);

/* Sets an HE_ERROR_INVALID that begins with "LINE:COLUMN PATH: ". Returns FALSE. */
gboolean he_json_set_error (GError **error, const HeJson *node, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* A writer that puts commas and quotes where they belong. Calls nest; names are for
 * members of objects and NULL in arrays. he_json_writer_end() returns the text. */
typedef struct _HeJsonWriter HeJsonWriter;

HeJsonWriter *he_json_writer_new (void);
void he_json_writer_free (HeJsonWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeJsonWriter, he_json_writer_free)
void he_json_writer_open_object (HeJsonWriter *writer, const char *name);
void he_json_writer_open_array (HeJsonWriter *writer, const char *name);
void he_json_writer_close (HeJsonWriter *writer); /* the innermost open one */
void he_json_writer_string (HeJsonWriter *writer, const char *name, const char *value);
void he_json_writer_uint64 (HeJsonWriter *writer, const char *name, guint64 value);
void he_json_writer_int64 (HeJsonWriter *writer, const char *name, gint64 value);
/* A finite one, as short as reads back the same. */
void he_json_writer_number (HeJsonWriter *writer, const char *name, double value);
void he_json_writer_boolean (HeJsonWriter *writer, const char *name, gboolean value);
/* A copy of what was read. */
void he_json_writer_node (HeJsonWriter *writer, const char *name, const HeJson *node);
/* Closes what is open, frees the writer, and returns compact text. */
char *he_json_writer_end (HeJsonWriter *writer);

G_END_DECLS
