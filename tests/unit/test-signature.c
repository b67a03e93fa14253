/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "he-signature.h"

#define WIDTH 640
#define HEIGHT 360

/* A scene that moves: waves, and a bright box that goes right by three samples a frame.
 */
static void
paint (guint8 *luma, guint frame)
{
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++) {
      guint box = 40 + 3 * frame;
      gboolean inside = y > 100 && y < 220 && x >= box && x < box + 90;

      luma[y * WIDTH + x]
          = inside ? 220 : (guint8)(90 + 40 * sin (x / 37.0) + 20 * cos (y / 23.0));
    }
}

/* What a poor encode does: noise in each sample, and a constant error in each block. */
static void
encode (guint8 *luma, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  gint8 blocks[HEIGHT / 8][WIDTH / 8];

  for (guint i = 0; i < HEIGHT / 8; i++)
    for (guint j = 0; j < WIDTH / 8; j++)
      blocks[i][j] = (gint8)g_rand_int_range (rand, -6, 7);
  for (guint i = 0; i < WIDTH * HEIGHT; i++) {
    int value = luma[i] + blocks[i / WIDTH / 8][i % WIDTH / 8]
                + g_rand_int_range (rand, -12, 13);

    luma[i] = (guint8)CLAMP (value, 0, 255);
  }
}

static HeSignature
take (const guint8 *luma)
{
  HeSignature signature;

  g_assert_true (he_signature_take (&(HeLuma) { .data = luma,
                                                .stride = WIDTH,
                                                .width = WIDTH,
                                                .height = HEIGHT,
                                                .sample_bytes = 1 },
                                    &signature));
  return signature;
}

static void
an_encode_is_alike_and_another_picture_is_not (void)
{
  g_autofree guint8 *luma = g_malloc (WIDTH * HEIGHT);

  for (guint frame = 0; frame < 20; frame++) {
    HeSignature source, same, encoded, next;

    paint (luma, frame);
    source = take (luma);
    same = take (luma);
    g_assert_cmpmem (&source, sizeof source, &same, sizeof same);
    encode (luma, frame);
    encoded = take (luma);
    g_assert_true (he_signature_alike (&source, &encoded));
    paint (luma, frame + 1);
    next = take (luma);
    g_assert_false (he_signature_alike (&source, &next));
    encode (luma, frame);
    next = take (luma);
    g_assert_false (he_signature_alike (&source, &next));
  }
}

static void
one_field_is_enough (void)
{
  HeSignature a, b;

  memset (&a, 100, sizeof a);
  for (guint i = 0; i < HE_SIGNATURE_FIELDS; i++) {
    b = a;
    b.fields[i] += HE_SIGNATURE_TOLERANCE;
    g_assert_true (he_signature_alike (&a, &b));
    g_assert_true (he_signature_alike (&b, &a));
    b.fields[i]++;
    g_assert_false (he_signature_alike (&a, &b));
    g_assert_false (he_signature_alike (&b, &a));
  }
}

/* Ten bits, low or high in their two bytes, with room behind each row. */
static void
deep_pictures_are_read_too (void)
{
  enum { W = 33, H = 19, STRIDE = 80 };
  guint8 plain[W * H];
  guint8 deep[STRIDE * H] = { 0 };
  HeSignature expected, got;

  for (guint i = 0; i < W * H; i++)
    plain[i] = (guint8)(i * 7 + i / W * 31);
  g_assert_true (he_signature_take (
      &(HeLuma) {
          .data = plain, .stride = W, .width = W, .height = H, .sample_bytes = 1 },
      &expected));
  for (guint shift = 2; shift <= 8; shift += 6) {
    for (guint y = 0; y < H; y++)
      for (guint x = 0; x < W; x++) {
        guint16 sample = (guint16)(plain[y * W + x] << shift);

        memcpy (deep + y * STRIDE + 2 * x, &sample, sizeof sample);
      }
    g_assert_true (he_signature_take (&(HeLuma) { .data = deep,
                                                  .stride = STRIDE,
                                                  .width = W,
                                                  .height = H,
                                                  .sample_bytes = 2,
                                                  .shift = shift },
                                      &got));
    g_assert_cmpmem (&got, sizeof got, &expected, sizeof expected);
  }
}

static void
tiny_pictures_have_none (void)
{
  static const guint8 luma[16 * 9];
  HeSignature signature;
  HeLuma picture
      = { .data = luma, .stride = 16, .width = 16, .height = 9, .sample_bytes = 1 };

  g_assert_true (he_signature_take (&picture, &signature));
  picture.width = 15;
  g_assert_false (he_signature_take (&picture, &signature));
  picture.width = 16;
  picture.height = 8;
  g_assert_false (he_signature_take (&picture, &signature));
}

static void
text_comes_back (void)
{
  HeSignature signature, back = { 0 };
  g_autofree char *text = NULL;

  for (guint i = 0; i < HE_SIGNATURE_FIELDS; i++)
    signature.fields[i] = (guint8)(i * 89);
  text = he_signature_to_text (&signature);
  g_assert_cmpuint (strlen (text), ==, HE_SIGNATURE_TEXT);
  g_assert_false (he_signature_from_text (text, strlen (text) - 1, &back));
  g_assert_true (he_signature_from_text (text, strlen (text), &back));
  g_assert_cmpmem (&signature, sizeof signature, &back, sizeof back);
  text[5] = '=';
  g_assert_false (he_signature_from_text (text, strlen (text), &back));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/signature/an-encode-is-alike-and-another-picture-is-not",
                   an_encode_is_alike_and_another_picture_is_not);
  g_test_add_func ("/signature/one-field-is-enough", one_field_is_enough);
  g_test_add_func ("/signature/deep-pictures-are-read-too", deep_pictures_are_read_too);
  g_test_add_func ("/signature/tiny-pictures-have-none", tiny_pictures_have_none);
  g_test_add_func ("/signature/text-comes-back", text_comes_back);
  return g_test_run ();
}
