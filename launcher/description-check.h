/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

G_BEGIN_DECLS

/* Relations between values: names, addresses and folders that must differ, durations that
 * must be whole frames, levels that must exist. On failure *ret_path says where
 * ("$.channels[0].segment-duration") and *ret_message what is wrong and what would be
 * right. */
gboolean
headend_model_check (const HeadendModel *model, char **ret_path, char **ret_message);

G_END_DECLS
