/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Memory that the kernel can send without copying it: one file in memory (memfd), whose
 * ranges are filled once, in the order they come, and given back one by one. Thread-safe.
 * Offsets only grow; holes take no memory. */
typedef struct _HeArena HeArena;

HeArena *he_arena_new (void);
HeArena *he_arena_ref (HeArena *arena);
void he_arena_unref (HeArena *arena); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeArena, he_arena_unref)

/* The file, for as long as the arena is kept. */
int he_arena_file (const HeArena *arena);

/* A copy of the bytes in the file, from *ret_offset. It keeps the arena, and when it is
 * freed, its range is. Where that cannot be had, a reference to the bytes themselves, and
 * *ret_offset is -1. */
GBytes *he_arena_keep (HeArena *arena, GBytes *bytes, gint64 *ret_offset);

G_END_DECLS
