/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The one error domain of every core. Messages name the offending thing and its
 * value, and where a person caused it, end with what to do. */
#define HE_ERROR (he_error_quark ())

typedef enum {
  HE_ERROR_INVALID,     /* malformed or out-of-range input */
  HE_ERROR_LIMIT,       /* well-formed, but larger or deeper than we accept */
  HE_ERROR_DENIED,      /* authentication or authorisation failed */
  HE_ERROR_NOT_FOUND,   /* the named thing does not exist */
  HE_ERROR_CONFLICT,    /* something else holds the name, the port, the slot */
  HE_ERROR_IO,          /* file, socket or peer failed */
  HE_ERROR_CRYPTO,      /* a cipher, key or signature operation failed */
  HE_ERROR_UNAVAILABLE, /* a part that is needed is missing or not ready yet */
} HeError;

GQuark he_error_quark (void);

G_END_DECLS
