/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a picture looks like from far away: the mean luma of 16 x 9 fields, in rows, as
 * eight bits each. Two nodes that decode the same frame get the same signature; an encode
 * of the frame stays within what he_signature_alike() allows, and another picture does
 * not, unless nobody could tell them apart at that size. */
#define HE_SIGNATURE_COLUMNS 16
#define HE_SIGNATURE_ROWS 9
#define HE_SIGNATURE_FIELDS (HE_SIGNATURE_COLUMNS * HE_SIGNATURE_ROWS)

typedef struct {
  guint8 fields[HE_SIGNATURE_FIELDS];
} HeSignature;

/* A plane of luma: rows that begin stride bytes apart, of samples of one or two bytes (in
 * the machine's order), which are eight bits deep once shifted right. FALSE, and
 * *ret_signature untouched, when it has fewer samples than fields in a direction. */
typedef struct {
  const guint8 *data;
  gsize stride; /* bytes */
  guint width, height;
  guint sample_bytes; /* 1 or 2 */
  guint shift;        /* bits */
} HeLuma;

gboolean he_signature_take (const HeLuma *luma, HeSignature *ret_signature);

/* Whether no field differs by more than an encoder changes a mean. */
#define HE_SIGNATURE_TOLERANCE 3 /* of 255 */
gboolean he_signature_alike (const HeSignature *a, const HeSignature *b);

/* As text, base64url: HE_SIGNATURE_TEXT characters. */
#define HE_SIGNATURE_TEXT (HE_SIGNATURE_FIELDS / 3 * 4)
char *he_signature_to_text (const HeSignature *signature);
gboolean he_signature_from_text (const char *text, gsize len, HeSignature *ret_signature);

G_END_DECLS
