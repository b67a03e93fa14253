/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-channel.h"
#include "he-error.h"
#include "he-segment.h"

#include <string.h>

static void
paths_name_a_segment_completely (void)
{
  HeSegment segment = { .channel = (char *)"demo",
                        .rendition = (char *)"360p",
                        .variant = HE_VARIANT_B,
                        .msn = G_MAXUINT64 };
  g_autofree char *path = he_segment_path (&segment);
  g_autoptr (GError) error = NULL;
  g_autoptr (HeSegment) back = he_segment_from_path (path, &error);

  g_assert_cmpstr (path, ==, "/origin/b/demo/360p/18446744073709551615.ts");
  g_assert_no_error (error);
  g_assert_cmpstr (back->channel, ==, "demo");
  g_assert_cmpstr (back->rendition, ==, "360p");
  g_assert_cmpint (back->variant, ==, HE_VARIANT_B);
  g_assert_cmpuint (back->msn, ==, G_MAXUINT64);
}

static void
other_paths_are_refused (void)
{
  static const char *const bad[] = {
    "",
    "/",
    "origin/a/demo/360p/7.ts",
    "/origin/a/demo/360p/7.ts/",
    "/origin/a/demo/360p/7.ts/x",
    "/origin//a/demo/360p/7.ts",
    "/origin/c/demo/360p/7.ts",
    "/origin/A/demo/360p/7.ts",
    "/origin/a/../360p/7.ts",
    "/origin/a/demo/36%30p/7.ts",
    "/origin/a/demo//7.ts",
    "/origin/a/demo/360p/07.ts",
    "/origin/a/demo/360p/-7.ts",
    "/origin/a/demo/360p/.ts",
    "/origin/a/demo/360p/7",
    "/origin/a/demo/360p/7.tsx",
    "/origin/a/demo/360p/7.m4s",
    "/origin/a/demo/360p/7.ts?x",
    "/origin/a/demo/360p/18446744073709551616.ts",
    "/live/a/demo/360p/7.ts",
  };
  g_autofree char *endless = g_strnfill (100000, '/');
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_assert_null (he_segment_from_path (bad[i], &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_clear_error (&error);
  }
  g_assert_null (he_segment_from_path (endless, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
}

static void
header_carries_the_rest (void)
{
  HeSegment segment = { .msn = 881856000,
                        .generation = 4,
                        .pts90 = 881856000 * G_GUINT64_CONSTANT (180000),
                        .duration90 = 180000,
                        .flags = HE_SEGMENT_FILLED | HE_SEGMENT_DAMAGED };
  HeSegment back = { .msn = 881856000 };
  g_autofree char *header = he_segment_to_header (&segment);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (header, ==,
                   "generation=4;pts90=158734080000000;duration90=180000;flags=3");
  g_assert_true (he_segment_read_header (&back, header, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (&back, sizeof back, &segment, sizeof segment);
}

static void
header_tells_what_it_looks_like (void)
{
  HeSegment segment
      = { .msn = 2, .pts90 = 360000, .duration90 = 180000, .has_signature = TRUE };
  HeSegment back = { .msn = 2 };
  g_autofree char *signed_only = NULL;
  g_autofree char *both = NULL;
  g_autofree char *cut = NULL;
  static const char bare[] = "generation=0;pts90=360000;duration90=180000;flags=0";

  for (guint i = 0; i < HE_SIGNATURE_FIELDS; i++)
    segment.signature.fields[i] = (guint8)(i + 30);
  signed_only = he_segment_to_header (&segment);
  g_assert_true (he_segment_read_header (&back, signed_only, NULL));
  g_assert_cmpmem (&back, sizeof back, &segment, sizeof segment);
  segment.frames = 50;
  both = he_segment_to_header (&segment);
  g_assert_true (g_str_has_prefix (both,
                                   "generation=0;pts90=360000;duration90=180000;flags=0;"
                                   "frames=50;signature=Hh8g"));
  g_assert_true (he_segment_read_header (&back, both, NULL));
  g_assert_cmpmem (&back, sizeof back, &segment, sizeof segment);
  /* What is not told is not kept from before. */
  g_assert_true (he_segment_read_header (&back, bare, NULL));
  g_assert_cmpuint (back.frames, ==, 0);
  g_assert_false (back.has_signature);
  cut = g_strndup (both, strlen (both) - 1);
  g_assert_false (he_segment_read_header (&back, cut, NULL));
}

static void
copies_are_told_apart (void)
{
  HeSegment a = { .msn = 2, .pts90 = 360000, .duration90 = 180000, .frames = 50 }, b = a;

  g_assert_null (he_segment_apart (&a, &b));
  b.frames = 49;
  g_assert_cmpstr (he_segment_apart (&a, &b), ==, "another number of frames");
  b.frames = 0;
  g_assert_null (he_segment_apart (&a, &b));
  b = a;
  b.has_signature = TRUE;
  memset (b.signature.fields, 99, sizeof b.signature.fields);
  g_assert_null (he_segment_apart (&a, &b));
  a.has_signature = TRUE;
  g_assert_cmpstr (he_segment_apart (&a, &b), ==, "another picture");
  b = a;
  b.duration90++;
  g_assert_cmpstr (he_segment_apart (&a, &b), ==, "other boundaries");
}

static void
other_headers_are_refused (void)
{
  static const char *const bad[] = {
    "",
    "generation=0",
    "generation=0;pts90=360000;duration90=180000",
    "generation=0;pts90=360000;duration90=180000;",
    "generation=0;pts90=360000;duration90=180000;flags=",
    "generation=0;pts90=360000;duration90=180000;flags=0;",
    "generation=0;pts90=360000;duration90=180000;flags=0 ",
    "generation=0;pts90=360000;duration90=180000;flags=0;frames=0",
    "generation=0;pts90=360000;duration90=180000;flags=0;frames=50;",
    "generation=0;pts90=360000;duration90=180000;flags=0;frames=50;frames=50",
    "generation=0;pts90=360000;duration90=180000;flags=0;frames=4294967296",
    "generation=0;pts90=360000;duration90=180000;flags=0;signature=",
    "generation=0;pts90=360000;duration90=180000;flags=0;signature=Hh8g",
    "generation=0;pts90=360000;duration90=180000;flags=4",
    "generation=0; pts90=360000;duration90=180000;flags=0",
    "pts90=360000;generation=0;duration90=180000;flags=0",
    "generation=4294967296;pts90=360000;duration90=180000;flags=0",
    "generation=-1;pts90=360000;duration90=180000;flags=0",
    "generation=0;pts90=0;duration90=0;flags=0",
    "generation=0;pts90=360001;duration90=180000;flags=0",
    "generation=0;pts90=18446744073709551614;duration90=9223372036854775809;flags=0",
  };
  HeSegment segment = { .msn = 2, .generation = 9 };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (he_segment_read_header (&segment, bad[i], &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_cmpuint (segment.generation, ==, 9);
  }
  g_assert_true (he_segment_read_header (
      &segment, "generation=0;pts90=360000;duration90=180000;flags=0", NULL));
}

static void
a_copy_stands_alone (void)
{
  g_autoptr (HeSegment) segment
      = he_segment_from_path ("/origin/none/demo/audio/7.ts", NULL);
  g_autoptr (HeSegment) copy = he_segment_copy (segment);

  segment->channel[0] = 'x';
  segment->rendition[0] = 'x';
  g_assert_cmpstr (copy->channel, ==, "demo");
  g_assert_cmpstr (copy->rendition, ==, "audio");
  g_assert_cmpuint (copy->msn, ==, 7);
  he_segment_free (NULL);
}

static void
variants_have_names (void)
{
  HeVariant variant = HE_VARIANT_B;

  g_assert_true (he_variant_from_name ("none", &variant));
  g_assert_cmpint (variant, ==, HE_VARIANT_NONE);
  g_assert_false (he_variant_from_name ("c", &variant));
  g_assert_false (he_variant_from_name (NULL, &variant));
  g_assert_cmpstr (he_variant_name (HE_VARIANT_A), ==, "a");
}

static void
a_channel_finds_its_renditions (void)
{
  g_autoptr (HeChannel) channel = he_channel_new ("demo");
  g_autoptr (HeChannel) second = he_channel_ref (channel);

  g_ptr_array_add (channel->renditions, he_rendition_new ("360p", HE_MEDIA_VIDEO));
  g_ptr_array_add (channel->renditions, he_rendition_new ("audio", HE_MEDIA_AUDIO));
  g_assert_cmpint (he_channel_find (second, "audio")->media, ==, HE_MEDIA_AUDIO);
  g_assert_null (he_channel_find (second, "720p"));
  g_assert_cmpuint (channel->duration90, ==, 180000);
  g_assert_cmpuint (channel->window, ==, 6);
  g_assert_true (channel->encrypted);
  g_assert_cmpuint (channel->key_rotation, ==, 30);
  g_assert_cmpuint (channel->key_version, ==, 1);
  g_assert_cmpstr (channel->tier, ==, "base");
  he_channel_unref (NULL);
  he_rendition_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/segment/path/names-a-segment-completely",
                   paths_name_a_segment_completely);
  g_test_add_func ("/segment/path/others-are-refused", other_paths_are_refused);
  g_test_add_func ("/segment/header/carries-the-rest", header_carries_the_rest);
  g_test_add_func ("/segment/header/tells-what-it-looks-like",
                   header_tells_what_it_looks_like);
  g_test_add_func ("/segment/copies-are-told-apart", copies_are_told_apart);
  g_test_add_func ("/segment/header/others-are-refused", other_headers_are_refused);
  g_test_add_func ("/segment/a-copy-stands-alone", a_copy_stands_alone);
  g_test_add_func ("/segment/variants-have-names", variants_have_names);
  g_test_add_func ("/channel/finds-its-renditions", a_channel_finds_its_renditions);
  return g_test_run ();
}
