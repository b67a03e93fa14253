/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-encoder.h"

G_BEGIN_DECLS

/* The table itself; he-encoder.h looks things up in it. */
const HeEncoder *he_encoder_table (void);              /* ends with factory NULL */
const HeEncoderFamily *he_encoder_family_table (void); /* ends with name NULL */

G_END_DECLS
