/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

#include <string.h>

#include "he-codec.h"
#include "he-crypto.h"
#include "he-watch-resource.h"

#define PREFIX "/watch/"
#define ROOM "/headend/watch/"

/* hls.js demuxes in a worker made from a blob, and plays a blob. */
#define POLICY                                                                           \
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "        \
  "media-src blob:; worker-src blob:; img-src data:; base-uri 'none'; "                  \
  "form-action 'none'; frame-ancestors 'self'"

/* Names of channels have no dot, so none of them is a file's. */
static const struct {
  const char *name, *type;
} files[] = {
  { "watch.html", "text/html; charset=utf-8" },
  { "watch.css", "text/css; charset=utf-8" },
  { "watch.js", "text/javascript; charset=utf-8" },
  { "hls.min.js", "text/javascript; charset=utf-8" },
};

static struct {
  GBytes *body;
  char etag[2 + 32 + 1];
} loaded[G_N_ELEMENTS (files)];

static void
load (guint i)
{
  g_autofree char *path = g_strconcat (ROOM, files[i].name, NULL);
  guint8 digest[HE_SHA256_LEN];
  g_autofree char *hex = NULL;
  gsize len;
  const guint8 *data;

  loaded[i].body = g_resource_lookup_data (he_watch_get_resource (), path,
                                           G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  data = g_bytes_get_data (loaded[i].body, &len);
  he_sha256 (data, len, digest);
  hex = he_hex_encode (digest, 16);
  g_snprintf (loaded[i].etag, sizeof loaded[i].etag, "\"%s\"", hex);
}

/* Hashed once: anybody may ask for half a megabyte as often as he likes. */
static void
load_once (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;
  he_watch_register_resource ();
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    load (i);
  g_once_init_leave (&done, 1);
}

static void
respond_file (HeRequest *request, guint i)
{
  load_once ();
  he_request_set_class (request, "page");
  /* The same for everybody, and short enough for an upgrade to be seen soon. */
  he_request_add_field (request, "Cache-Control", "public, max-age=60");
  he_request_add_field (request, "Content-Security-Policy", POLICY);
  he_request_add_field (request, "X-Content-Type-Options", "nosniff");
  he_request_add_field (request, "Referrer-Policy", "no-referrer");
  he_request_respond_range (request, files[i].type, loaded[i].body, loaded[i].etag);
}

gboolean
he_watch_handle (HeOrigin *origin, HeRequest *request)
{
  const char *name = he_request_path (request);
  g_autoptr (HeChannel) channel = NULL;

  if (!g_str_has_prefix (name, PREFIX))
    return FALSE;
  name += strlen (PREFIX);
  for (guint i = 1; i < G_N_ELEMENTS (files); i++)
    if (g_str_equal (name, files[i].name)) {
      respond_file (request, i);
      return TRUE;
    }
  channel = he_store_find_channel (origin->store, name);
  if (channel == NULL)
    return FALSE;
  respond_file (request, 0);
  return TRUE;
}
