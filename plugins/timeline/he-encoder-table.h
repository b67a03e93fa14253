/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-encoder.h"

G_BEGIN_DECLS

/* The table itself; he-encoder.h looks things up in it. */
extern const HeEncoder he_encoder_table[];              /* ends with factory NULL */
extern const HeEncoderFamily he_encoder_family_table[]; /* ends with name NULL */

G_END_DECLS
