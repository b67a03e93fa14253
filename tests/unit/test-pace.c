/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pace.h"
#include "vectors.h"

/* By hand from ETSI TS 104 002 clause 5.5.3.2 and RFC 8949. */
static void
sidecars_are_deterministic_cbor (void)
{
  static const struct {
    gint position;
    const char *hex, *header;
  } cases[] = {
    { -1, "a201010281a10620", "ogEBAoGhBiA" },
    { 0, "a201010281a10600", "ogEBAoGhBgA" },
    { 23, "a201010281a10617", "ogEBAoGhBhc" },
    { 24, "a201010281a1061818", "ogEBAoGhBhgY" },
    { 33, "a201010281a1061821", "ogEBAoGhBhgh" },
    { 255, "a201010281a10618ff", "ogEBAoGhBhj_" },
    { 256, "a201010281a106190100", "ogEBAoGhBhkBAA" },
    { 32767, "a201010281a106197fff", "ogEBAoGhBhl__w" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GBytes) sidecar = he_pace_sidecar (cases[i].position);
    g_autofree char *header = he_pace_egress (cases[i].position);

    assert_hex (g_bytes_get_data (sidecar, NULL), g_bytes_get_size (sidecar),
                cases[i].hex);
    g_assert_cmpstr (header, ==, cases[i].header);
  }
}

static void
positions_follow_the_number (void)
{
  g_assert_cmpint (he_pace_position (HE_VARIANT_A, 33), ==, 33);
  g_assert_cmpint (he_pace_position (HE_VARIANT_B, 32768 * 1000 + 5), ==, 5);
  g_assert_cmpint (he_pace_position (HE_VARIANT_A, G_MAXUINT64), ==, 32767);
  g_assert_cmpint (he_pace_position (HE_VARIANT_NONE, 33), ==, -1);
}

static void
paths_are_those_of_the_specification (void)
{
  static const struct {
    const char *path;
    HePacePath kind;
    HeVariant variant;
  } cases[] = {
    { "/live/demo/360p/WMPaceInfo/7.ts", HE_PACE_INFO, HE_VARIANT_A },
    { "/live/demo/360p/a/7.ts", HE_PACE_SEGMENT, HE_VARIANT_A },
    { "/live/demo/360p/b/7.ts", HE_PACE_SEGMENT, HE_VARIANT_B },
    { "/live/demo/360p/c/7.ts", HE_PACE_NONE, 0 },
    { "/live/demo/360p/7.ts", HE_PACE_NONE, 0 },
    { "/live/demo/360p/wmpaceinfo/7.ts", HE_PACE_NONE, 0 },
    { "/live/demo/360p/WMPaceInfo/index.m3u8", HE_PACE_NONE, 0 },
    { "/live/demo/360p/a/7.ts/", HE_PACE_NONE, 0 },
    { "/live/de mo/360p/a/7.ts", HE_PACE_NONE, 0 },
    { "/dead/demo/360p/a/7.ts", HE_PACE_NONE, 0 },
    { "live/demo/360p/a/7.ts", HE_PACE_NONE, 0 },
    { "", HE_PACE_NONE, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (HeSegment) segment = NULL;

    g_test_message ("%s", cases[i].path);
    g_assert_cmpint (he_pace_parse (cases[i].path, &segment), ==, cases[i].kind);
    g_assert_true ((segment != NULL) == (cases[i].kind != HE_PACE_NONE));
    if (segment != NULL) {
      g_assert_cmpint (segment->variant, ==, cases[i].variant);
      g_assert_cmpstr (segment->rendition, ==, "360p");
      g_assert_cmpuint (segment->msn, ==, 7);
    }
  }
  g_assert_true (he_pace_is_asked ("/s/abc/live/demo/360p/WMPaceInfo/7.ts"));
  g_assert_false (he_pace_is_asked ("/live/demo/WMPaceInfo.ts"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pace/sidecars-are-deterministic-cbor",
                   sidecars_are_deterministic_cbor);
  g_test_add_func ("/pace/positions-follow-the-number", positions_follow_the_number);
  g_test_add_func ("/pace/paths-are-those-of-the-specification",
                   paths_are_those_of_the_specification);
  return g_test_run ();
}
