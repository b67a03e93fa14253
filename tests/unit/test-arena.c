/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "he-arena.h"

static GBytes *
some_bytes (gsize len, guint8 seed)
{
  guint8 *data = g_malloc (len);

  for (gsize i = 0; i < len; i++)
    data[i] = (guint8)(i * 31 + seed);
  return g_bytes_new_take (data, len);
}

static void
assert_same_in_file (HeArena *arena, gint64 offset, GBytes *bytes)
{
  gsize len;
  const guint8 *data = g_bytes_get_data (bytes, &len);
  g_autofree guint8 *read = g_malloc (len);

  g_assert_cmpint (pread (he_arena_file (arena), read, len, offset), ==, (gssize)len);
  g_assert_cmpmem (read, len, data, len);
}

static guint64
blocks (HeArena *arena)
{
  struct stat info;

  g_assert_cmpint (fstat (he_arena_file (arena), &info), ==, 0);
  return (guint64)info.st_blocks;
}

static void
bytes_stand_in_memory_and_file (void)
{
  g_autoptr (HeArena) arena = he_arena_new ();
  static const gsize sizes[] = { 1,       4095,    4096,    4097,    1000000, 1835007,
                                 1835008, 2000000, 2097152, 2097153, 4000000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) bytes = some_bytes (sizes[i], (guint8)i);
    gint64 offset = -1;
    g_autoptr (GBytes) kept = he_arena_keep (arena, bytes, &offset);

    g_assert_cmpint (offset, >=, 0);
    g_assert_true (g_bytes_equal (kept, bytes));
    assert_same_in_file (arena, offset, bytes);
  }
}

static void
what_is_freed_takes_no_memory (void)
{
  g_autoptr (HeArena) arena = he_arena_new ();
  g_autoptr (GBytes) bytes = some_bytes (100000, 1);
  gint64 first, second;
  GBytes *gone = he_arena_keep (arena, bytes, &first);
  g_autoptr (GBytes) kept = he_arena_keep (arena, bytes, &second);
  guint64 before = blocks (arena);

  g_bytes_unref (gone);
  g_assert_cmpuint (blocks (arena), <=, before / 2 + 8);
  assert_same_in_file (arena, second, bytes);
  g_assert_true (g_bytes_equal (kept, bytes));
}

/* Of what lies in huge pages, too, and its neighbours stay. */
static void
large_ranges_are_given_back (void)
{
  g_autoptr (HeArena) arena = he_arena_new ();
  static const gsize sizes[] = { 3000, 2000000, 5000, 4600000, 100 };
  GBytes *kept[G_N_ELEMENTS (sizes)];
  gint64 offsets[G_N_ELEMENTS (sizes)];

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) bytes = some_bytes (sizes[i], (guint8)i);

    kept[i] = he_arena_keep (arena, bytes, &offsets[i]);
    g_assert_true (g_bytes_equal (kept[i], bytes));
  }
  g_bytes_unref (kept[1]);
  g_bytes_unref (kept[3]);
  g_assert_cmpuint (blocks (arena), <=, 100000 / 512);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i += 2) {
    assert_same_in_file (arena, offsets[i], kept[i]);
    g_bytes_unref (kept[i]);
  }
}

static void
bytes_outlive_their_arena (void)
{
  HeArena *arena = he_arena_new ();
  g_autoptr (GBytes) bytes = some_bytes (5000, 2);
  gint64 offset;
  g_autoptr (GBytes) kept = he_arena_keep (arena, bytes, &offset);

  he_arena_unref (arena);
  g_assert_true (g_bytes_equal (kept, bytes));
}

static void
nothing_is_kept_as_it_is (void)
{
  g_autoptr (HeArena) arena = he_arena_new ();
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  gint64 offset = 0;
  g_autoptr (GBytes) kept = he_arena_keep (arena, empty, &offset);

  g_assert_cmpint (offset, ==, -1);
  g_assert_cmpuint (g_bytes_get_size (kept), ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/arena/bytes-stand-in-memory-and-file",
                   bytes_stand_in_memory_and_file);
  g_test_add_func ("/arena/what-is-freed-takes-no-memory", what_is_freed_takes_no_memory);
  g_test_add_func ("/arena/large-ranges-are-given-back", large_ranges_are_given_back);
  g_test_add_func ("/arena/bytes-outlive-their-arena", bytes_outlive_their_arena);
  g_test_add_func ("/arena/nothing-is-kept-as-it-is", nothing_is_kept_as_it_is);
  return g_test_run ();
}
