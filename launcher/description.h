/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-secret.h"
#include "model.h"

G_BEGIN_DECLS

/* Reads a description (pipelines/headend.schema.json says the same as a JSON Schema):
 * strictly, completely, and only then into a model. Errors are HE_ERROR_INVALID and read
 *
 *   FILE:LINE:COL: $.channels[0].video[1].width: 70000 is not a width; expected an
 * integer 64..8192
 *
 * file is for messages; relative paths in the text start at folder. */
HeadendModel *headend_description_parse (const char *text, gssize len, const char *file,
                                         const char *folder, GError **error);

/* The same from a file of at most HEADEND_DESCRIPTION_MAX bytes. ret_text, when not NULL,
 * receives what was read. */
#define HEADEND_DESCRIPTION_MAX (1024 * 1024)
HeadendModel *
headend_description_load (const char *path, char **ret_text, GError **error);

/* The master secret from its file or variable. The error says how to make one. */
HeSecret *headend_model_load_secret (const HeadendModel *model, GError **error);

G_END_DECLS
