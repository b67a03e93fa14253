/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1 */
#endif

/* The kernel sends what lies in pages of this size with fewer steps, and the receiver
 * takes it so: 2 MB cost half as much. A segment gets such pages where it fills them so
 * far. */
#define HUGE_PAGE ((gsize)2 * 1024 * 1024)
#define HUGE_FILLED (HUGE_PAGE / 8 * 7)

struct _HeArena {
  gatomicrefcount refs;
  int file; /* -1: this system has none to give */
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

static gsize
round_up (gsize len, gsize unit)
{
  return (len + unit - 1) / unit * unit;
}

static gint64
take_room (HeArena *arena, gsize room, gboolean huge)
{
  gint64 offset;

  g_mutex_lock (&arena->lock);
  offset = huge ? (gint64)round_up ((gsize)arena->end, HUGE_PAGE) : arena->end;
  arena->end = offset + (gint64)room;
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

/* As mmap(), at an address as even as the offset is, which huge pages need. */
static void *
map_evenly (int file, gint64 offset, gsize room)
{
  char *all
      = mmap (NULL, room + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  gsize ahead;

  if (all == MAP_FAILED)
    return MAP_FAILED;
  ahead = round_up ((gsize)all, HUGE_PAGE) - (gsize)all;
  if (ahead > 0)
    munmap (all, ahead);
  if (ahead < HUGE_PAGE)
    munmap (all + ahead + room, HUGE_PAGE - ahead);
  if (mmap (all + ahead, room, PROT_READ, MAP_SHARED | MAP_FIXED, file, offset)
      != MAP_FAILED)
    return all + ahead;
  munmap (all + ahead, room);
  return MAP_FAILED;
}

/* In huge pages, where the system has them; else it stays as it is. */
static void *
map_huge (int file, gint64 offset, gsize room)
{
  void *mapped = map_evenly (file, offset, room);

  if (mapped != MAP_FAILED)
    madvise (mapped, room / HUGE_PAGE * HUGE_PAGE, MADV_COLLAPSE);
  return mapped;
}

GBytes *
he_arena_keep (HeArena *arena, GBytes *bytes, gint64 *ret_offset)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (bytes, &len);
  gboolean huge = len >= HUGE_FILLED;
  gsize room = round_up (len, len % HUGE_PAGE >= HUGE_FILLED ? HUGE_PAGE : arena->page);
  void *mapped = MAP_FAILED;
  Range *range;
  gint64 offset;

  *ret_offset = -1;
  if (arena->file < 0 || len == 0)
    return g_bytes_ref (bytes);
  offset = take_room (arena, room, huge);
  if (fill (arena->file, offset, data, len))
    mapped = huge ? map_huge (arena->file, offset, room)
                  : mmap (NULL, room, PROT_READ, MAP_SHARED, arena->file, offset);
  if (mapped == MAP_FAILED) {
    give_back (arena, offset, room);
    return g_bytes_ref (bytes);
  }
  range = g_new (Range, 1);
  *range = (Range) { he_arena_ref (arena), mapped, offset, room };
  *ret_offset = offset;
  return g_bytes_new_with_free_func (mapped, len, range_free, range);
}
