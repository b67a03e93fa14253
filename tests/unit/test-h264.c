/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-h264.h"

static void
test_h264_entry (void)
{
  static const guint8 idr[] = { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 9 };
  static const guint8 plain[]
      = { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 9, 0, 0, 1, 0x65, 9 };
  static const guint8 recovery[] = { 0,    0, 1, 0x67, 1, 0,    0, 1, 0x06, 4,    1,
                                     0x55, 6, 1, 0x84, 0, 0x80, 0, 0, 1,    0x41, 9 };
  static const guint8 cut[] = { 0, 0, 1, 0x06, 0xff, 0xff, 0xff };

  g_assert_cmpint (he_h264_entry (idr, sizeof idr), ==, HE_H264_IDR | HE_H264_SPS);
  g_assert_cmpint (he_h264_entry (plain, sizeof plain), ==, HE_H264_NONE);
  g_assert_cmpint (he_h264_entry (recovery, sizeof recovery), ==,
                   HE_H264_SPS | HE_H264_RECOVERY);
  for (gsize len = 0; len <= sizeof cut; len++) {
    g_autofree guint8 *copy = g_memdup2 (cut, len);

    g_assert_cmpint (he_h264_entry (copy, len), ==, HE_H264_NONE);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/h264/entry/idr-parameter-sets-and-recovery-points", test_h264_entry);
  return g_test_run ();
}
