/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-ledger.h"

G_BEGIN_DECLS

#define HE_LEDGER_CURRENT "current"
#define HE_LEDGER_LINE_MAX 2048 /* bytes, its end included */
/* Synced together: lines until they are so many bytes. */
#define HE_LEDGER_GROUP_BYTES (1024 * 1024)

/* A line with its checksum and its end. */
char *he_ledger_line (const char *json);
/* What stands behind a checksum that is right; NULL otherwise. The line has no end. */
const char *he_ledger_line_json (const char *line);

/* The file that is written. Not thread-safe. */
typedef struct _HeLedgerFile HeLedgerFile;

/* Opens and locks it, and cuts off what a crash tore: so many bytes. A file without any sound
 * line where one must be is renamed, and another begun; *ret_aside: its path, or NULL. */
HeLedgerFile *he_ledger_file_open (const char *folder, gsize *ret_torn, char **ret_aside,
                                   GError **error);
void he_ledger_file_free (HeLedgerFile *file); /* takes NULL */
/* Appends and syncs all or nothing: what a failed attempt left behind is cut off before the
 * next. Opens the file again when a rotation could not. */
gboolean
he_ledger_file_append (HeLedgerFile *file, const char *text, gsize len, GError **error);
gsize he_ledger_file_size (const HeLedgerFile *file);
/* Begins a new one, and removes the oldest of more than so many; *ret_removed says how many. */
gboolean he_ledger_file_rotate (HeLedgerFile *file, guint keep, guint *ret_removed,
                                GError **error);

/* The numbers of the files that are full, ascending. */
GArray *he_ledger_numbers (const char *folder, GError **error); /* guint64 */

G_END_DECLS
