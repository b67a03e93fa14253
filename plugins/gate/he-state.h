/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Files of a state folder. After a crash at any moment the file holds the old text or the
 * new one, which is on the disk when this returns. HE_ERROR_IO names the file. */
gboolean
he_state_write (const char *folder, const char *name, const char *text, GError **error);

G_END_DECLS
