/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* Where files are put that somebody else serves: a folder of this machine ("file:DIR"),
 * where a file appears whole (it is written under another name and renamed), or a web
 * server that takes PUT and makes the folders it needs ("http://HOST/PATH/", "https:…").
 * Blocking; used by one thread at a time. */
typedef struct _HeDepot HeDepot;

/* uri: he-place.h. credentials: "USER:PASSWORD" for HTTP's Basic scheme, or NULL. A URI
 * that holds them itself, or a query, is HE_ERROR_INVALID: it would be shown. */
HeDepot *he_depot_new (const char *uri, HeSecret *credentials, GError **error);
void he_depot_free (HeDepot *depot); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeDepot, he_depot_free)

/* path: "demo/360p/12.ts". *ret_again: the same may succeed later. */
gboolean he_depot_put (HeDepot *depot, const char *path, const char *type, GBytes *body,
                       GCancellable *cancellable, gboolean *ret_again, GError **error);

/* Removes the segments of a folder ("demo/360p") that are numbered below a number. A web
 * server is asked to DELETE those from a number on, as DASH-IF Live Media Ingest wants it
 * (interface 2); one that refuses is not asked again, and left to whoever runs it. */
void he_depot_trim (HeDepot *depot, const char *folder, guint64 from, guint64 below,
                    GCancellable *cancellable);

G_END_DECLS
