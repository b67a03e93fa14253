/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

struct _HeArena {
  gatomicrefcount refs;
  int file;    /* -1: this system has none to give */
  gsize page;
  GMutex lock; /* guards end */
  gint64 end;
};

/* A range of it in use. */
typedef struct {
  HeArena *arena;
  void *mapped;
  gint64 offset;
  gsize room;
} Range;

HeArena *
he_arena_new (void)
{
  HeArena *arena = g_new0 (HeArena, 1);

  g_atomic_ref_count_init (&arena->refs);
  arena->file = memfd_create ("headend-segments", MFD_CLOEXEC);
  arena->page = (gsize)sysconf (_SC_PAGESIZE);
  g_mutex_init (&arena->lock);
  return arena;
}

HeArena *
he_arena_ref (HeArena *arena)
{
  g_atomic_ref_count_inc (&arena->refs);
  return arena;
}

void
he_arena_unref (HeArena *arena)
{
  if (arena == NULL || !g_atomic_ref_count_dec (&arena->refs))
    return;
  if (arena->file >= 0)
    close (arena->file);
  g_mutex_clear (&arena->lock);
  g_free (arena);
}

int
he_arena_file (const HeArena *arena)
{
  return arena->file;
}

static void
give_back (HeArena *arena, gint64 offset, gsize room)
{
  fallocate (arena->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
             (off_t)room);
}

static void
range_free (gpointer data)
{
  Range *range = data;

  munmap (range->mapped, range->room);
  give_back (range->arena, range->offset, range->room);
  he_arena_unref (range->arena);
  g_free (range);
}

static gint64
take_room (HeArena *arena, gsize room)
{
  gint64 offset;

  g_mutex_lock (&arena->lock);
  offset = arena->end;
  arena->end += (gint64)room;
  g_mutex_unlock (&arena->lock);
  return offset;
}

static gboolean
fill (int file, gint64 offset, const guint8 *data, gsize len)
{
  while (len > 0) {
    gssize n = pwrite (file, data, len, offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data += n;
    offset += n;
    len -= (gsize)n;
  }
  return TRUE;
}

GBytes *
he_arena_keep (HeArena *arena, GBytes *bytes, gint64 *ret_offset)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (bytes, &len);
  gsize room = (len + arena->page - 1) / arena->page * arena->page;
  void *mapped = MAP_FAILED;
  Range *range;
  gint64 offset;

  *ret_offset = -1;
  if (arena->file < 0 || len == 0)
    return g_bytes_ref (bytes);
  offset = take_room (arena, room);
  if (fill (arena->file, offset, data, len))
    mapped = mmap (NULL, room, PROT_READ, MAP_SHARED, arena->file, offset);
  if (mapped == MAP_FAILED) {
    give_back (arena, offset, room);
    return g_bytes_ref (bytes);
  }
  range = g_new (Range, 1);
  *range = (Range) { he_arena_ref (arena), mapped, offset, room };
  *ret_offset = offset;
  return g_bytes_new_with_free_func (mapped, len, range_free, range);
}
