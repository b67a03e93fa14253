/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pes.h"

#include "ts-bytes.h"

#define NONE TS_BYTES_NO_TIME

typedef struct {
  GPtrArray *units; /* HePes */
  HePesAssembler *assembler;
} Fixture;

static void
on_pes (HePes *pes, gpointer user)
{
  g_ptr_array_add (user, pes);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->units = g_ptr_array_new_with_free_func ((GDestroyNotify)he_pes_free);
  f->assembler = he_pes_assembler_new (on_pes, f->units);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  he_pes_assembler_free (f->assembler);
  g_ptr_array_unref (f->units);
}

static void
push_bytes (Fixture *f, const GByteArray *pes)
{
  for (gsize at = 0; at < pes->len; at += 184)
    he_pes_assembler_push (f->assembler, pes->data + at, MIN (184, pes->len - at),
                           at == 0, FALSE);
}

static void
push (Fixture *f, guint64 pts, guint64 dts, gboolean bounded, gsize len)
{
  g_autofree guint8 *data = g_malloc (len + 1);
  g_autoptr (GByteArray) pes = NULL;

  memset (data, 0x5a, len);
  pes = ts_bytes_make_pes (0xe0, pts, dts, bounded, data, len);
  push_bytes (f, pes);
}

static void
assert_unit (Fixture *f, guint i, gsize size, guint64 pts, guint64 dts, HePesFlags flags)
{
  const HePes *pes;

  g_assert_cmpuint (i, <, f->units->len);
  pes = f->units->pdata[i];
  g_assert_cmpuint (g_bytes_get_size (pes->data), ==, size);
  g_assert_cmpint (pes->has_pts, ==, pts != NONE);
  if (pts != NONE) {
    g_assert_cmpuint (pes->pts33, ==, pts);
    g_assert_cmpuint (pes->dts33, ==, dts);
  }
  g_assert_cmpuint (pes->flags, ==, flags);
}

static void
test_unbounded (Fixture *f, gconstpointer data)
{
  push (f, 900000, 896400, FALSE, 5000);
  g_assert_cmpuint (f->units->len, ==, 0);
  push (f, NONE, NONE, FALSE, 300);
  g_assert_cmpuint (f->units->len, ==, 1);
  he_pes_assembler_flush (f->assembler, FALSE);
  g_assert_cmpuint (f->units->len, ==, 2);
  assert_unit (f, 0, 5000, 900000, 896400, 0);
  assert_unit (f, 1, 300, NONE, NONE, 0);
}

static void
test_bounded (Fixture *f, gconstpointer data)
{
  push (f, 7, 7, TRUE, 1000);
  g_assert_cmpuint (f->units->len, ==, 1);
  assert_unit (f, 0, 1000, 7, 7, 0);
}

static void
test_timestamps (Fixture *f, gconstpointer data)
{
  static const guint64 times[]
      = { 0, 1, 0x7fff, 0x8000, 0x3fffffff, 0x40000000, (1ull << 33) - 1, 0x155555555 };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    push (f, times[i], times[G_N_ELEMENTS (times) - 1 - i], TRUE, 1);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    assert_unit (f, i, 1, times[i], times[G_N_ELEMENTS (times) - 1 - i], 0);
}

static void
test_truncated (Fixture *f, gconstpointer data)
{
  guint8 payload[500] = { 0 };
  g_autoptr (GByteArray) pes = ts_bytes_make_pes (0xe0, 9, 9, TRUE, payload, 500);

  g_byte_array_set_size (pes, 300);
  push_bytes (f, pes);
  push (f, 10, 10, TRUE, 100);
  assert_unit (f, 0, 286, 9, 9, HE_PES_DAMAGED);
  assert_unit (f, 1, 100, 10, 10, HE_PES_GAP);
}

/* Given a loss in a unit, then it ends there and what follows waits for a new start. */
static void
test_gap (Fixture *f, gconstpointer data)
{
  guint8 rest[184] = { 0 };

  push (f, 9, 9, FALSE, 1000);
  he_pes_assembler_push (f->assembler, rest, sizeof rest, FALSE, TRUE);
  he_pes_assembler_push (f->assembler, rest, sizeof rest, FALSE, FALSE);
  g_assert_cmpuint (f->units->len, ==, 1);
  push (f, 10, 10, FALSE, 100);
  push (f, 11, 11, FALSE, 100);
  he_pes_assembler_flush (f->assembler, FALSE);
  assert_unit (f, 0, 1000, 9, 9, HE_PES_DAMAGED);
  assert_unit (f, 1, 100, 10, 10, HE_PES_GAP);
  assert_unit (f, 2, 100, 11, 11, 0);
}

static void
test_joins_in_the_middle (Fixture *f, gconstpointer data)
{
  guint8 rest[184] = { 0 };

  he_pes_assembler_push (f->assembler, rest, sizeof rest, FALSE, FALSE);
  push (f, 10, 10, TRUE, 100);
  g_assert_cmpuint (f->units->len, ==, 1);
  assert_unit (f, 0, 100, 10, 10, 0);
}

static void
test_malformed (Fixture *f, gconstpointer data)
{
  static const guint8 bad[][20] = {
    { 0, 0, 2, 0xe0, 0, 0, 0x80, 0, 0 },                      /* start code */
    { 0, 0, 1, 0xe0, 0, 0, 0x40, 0, 0 },                      /* not MPEG-2 */
    { 0, 0, 1, 0xe0, 0, 0, 0x80, 0x40, 5 },                   /* DTS alone */
    { 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 4 },                   /* no room for the PTS */
    { 0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 5 },                   /* nor for the DTS */
    { 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x20, 0, 0, 0, 1 }, /* marker bits */
    { 0, 0, 1, 0xe0, 0, 2, 0x80, 0x00, 0 }, /* shorter than its header */
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    he_pes_assembler_push (f->assembler, bad[i], sizeof bad[i], TRUE, FALSE);
    he_pes_assembler_push (f->assembler, bad[i], sizeof bad[i], FALSE, FALSE);
  }
  g_assert_cmpuint (he_pes_assembler_dropped (f->assembler), ==, G_N_ELEMENTS (bad));
  push (f, 10, 10, TRUE, 100);
  g_assert_cmpuint (f->units->len, ==, 1);
  assert_unit (f, 0, 100, 10, 10, HE_PES_GAP);
}

/* Given a header that the end of input cuts off, then nothing is read past it. */
static void
test_short_header (Fixture *f, gconstpointer data)
{
  guint8 payload[4] = { 0 };
  g_autoptr (GByteArray) pes = ts_bytes_make_pes (0xe0, 9, 3, FALSE, payload, 4);

  for (guint len = 0; len < 19; len++) {
    HePesHeader header;
    g_autofree guint8 *copy = g_memdup2 (pes->data, len);

    g_assert_cmpint (he_pes_read_header (copy, len, &header), ==, HE_PES_HEADER_SHORT);
    if (len > 0)
      he_pes_assembler_push (f->assembler, copy, len, TRUE, FALSE);
    he_pes_assembler_flush (f->assembler, FALSE);
  }
  g_assert_cmpuint (f->units->len, ==, 0);
}

static void
test_header_in_pieces (Fixture *f, gconstpointer data)
{
  guint8 payload[300] = { 0 };
  g_autoptr (GByteArray) pes = ts_bytes_make_pes (0xe0, 9, 3, TRUE, payload, 300);

  for (guint i = 0; i < pes->len; i++)
    he_pes_assembler_push (f->assembler, pes->data + i, 1, i == 0, FALSE);
  assert_unit (f, 0, 300, 9, 3, 0);
}

static void
test_endless (Fixture *f, gconstpointer data)
{
  guint8 payload[184] = { 0 };
  g_autoptr (GByteArray) pes = ts_bytes_make_pes (0xe0, 9, 9, FALSE, payload, 100);

  push_bytes (f, pes);
  for (guint i = 0; i < 2 * HE_PES_MAX / 184; i++)
    he_pes_assembler_push (f->assembler, payload, sizeof payload, FALSE, FALSE);
  g_assert_cmpuint (f->units->len, ==, 0);
  g_assert_cmpuint (he_pes_assembler_dropped (f->assembler), ==, 1);
  push (f, 10, 10, TRUE, 100);
  assert_unit (f, 0, 100, 10, 10, HE_PES_GAP);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "/pes/unit/unbounded-ends-when-the-next-begins", test_unbounded },
    { "/pes/unit/bounded-is-given-at-once", test_bounded },
    { "/pes/unit/timestamps-keep-all-bits", test_timestamps },
    { "/pes/unit/header-in-pieces", test_header_in_pieces },
    { "/pes/unit/joins-in-the-middle", test_joins_in_the_middle },
    { "/pes/damage/truncated-unit-is-marked", test_truncated },
    { "/pes/damage/loss-ends-the-unit", test_gap },
    { "/pes/malformed/headers-are-dropped", test_malformed },
    { "/pes/malformed/short-header-is-not-read-past", test_short_header },
    { "/pes/malformed/endless-unit-is-dropped", test_endless },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
