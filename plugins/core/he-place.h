/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A place that files are put to: "file:DIR", "http://HOST/PATH/" or "https://HOST/PATH/".
 * HE_ERROR_INVALID says what is wrong, without the text, which may hold a password. */
gboolean he_place_check (const char *text, GError **error);

/* The folder of a file: place, relative paths being relative to one, or NULL for others.
 * base NULL: the working directory. */
char *he_place_folder (const char *text, const char *base);

G_END_DECLS
