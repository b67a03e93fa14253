/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-depot.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>

#include "he-body.h"
#include "he-codec.h"
#include "he-error.h"
#include "he-exchange.h"
#include "he-place.h"
#include "he-put.h"

#define IO_TIMEOUT 5 /* seconds without a byte */
#define PUT_LIMIT 60 /* seconds */
#define DELETE_LIMIT 5
#define DELETE_ANSWER 65536

struct _HeDepot {
  char *name;
  char *folder; /* or NULL */
  char *base;   /* with a slash at its end, or NULL */
  char *authorization;
  SoupSession *session; /* of the thread that puts */
  gboolean keeps;       /* it does not take DELETE */
};

HeDepot *
he_depot_new (const char *uri, HeSecret *credentials, GError **error)
{
  HeDepot *self;

  if (!he_place_check (uri, error))
    return NULL;
  if (g_str_has_prefix (uri, "https:")
      && !g_tls_backend_supports_tls (g_tls_backend_get_default ())) {
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "the destination %s needs TLS: install the Debian package "
                 "glib-networking",
                 uri);
    return NULL;
  }
  self = g_new0 (HeDepot, 1);
  self->name = g_strdup (uri);
  self->folder = he_place_folder (uri, NULL);
  if (self->folder == NULL)
    self->base = g_strdup (uri);
  if (credentials != NULL && self->base != NULL) {
    char *text
        = g_base64_encode (he_secret_data (credentials), he_secret_len (credentials));

    self->authorization = g_strconcat ("Basic ", text, NULL);
    he_string_wipe_free (text);
  }
  return self;
}

void
he_depot_free (HeDepot *self)
{
  if (self == NULL)
    return;
  g_clear_object (&self->session);
  he_string_wipe_free (self->authorization);
  g_free (self->name);
  g_free (self->folder);
  g_free (self->base);
  g_free (self);
}

/* ---- a folder ---- */

static gboolean
put_file (HeDepot *self, const char *path, GBytes *body, gboolean *ret_again,
          GError **error)
{
  g_autofree char *file = g_build_filename (self->folder, path, NULL);
  g_autofree char *folder = g_path_get_dirname (file);
  g_autoptr (GError) local = NULL;
  gsize len;
  const char *data = g_bytes_get_data (body, &len);

  *ret_again = TRUE; /* a full or absent disk may come right */
  if (g_mkdir_with_parents (folder, 0777) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: cannot make the folder %s: %s",
                 self->name, folder, g_strerror (errno));
    return FALSE;
  }
  if (g_file_set_contents_full (file, data, (gssize)len, G_FILE_SET_CONTENTS_CONSISTENT,
                                0666, &local))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", self->name, local->message);
  return FALSE;
}

static void
trim_folder (HeDepot *self, const char *folder, guint64 below)
{
  g_autofree char *path = g_build_filename (self->folder, folder, NULL);
  g_autoptr (GDir) dir = NULL;
  const char *name;

  dir = g_dir_open (path, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    guint64 msn;

    if (g_str_has_suffix (name, ".ts")
        && he_uint64_decode (name, strlen (name) - strlen (".ts"), G_MAXUINT64, &msn)
        && msn < below)
      g_unlink (file);
  }
}

/* ---- a web server ---- */

static SoupMessage *
request_new (HeDepot *self, const char *method, const char *path)
{
  g_autofree char *url = g_strconcat (self->base, path, NULL);
  SoupMessage *message = soup_message_new (method, url);

  /* Credentials are for the server that was named. */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  if (self->authorization != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message),
                                  "Authorization", self->authorization);
  return message;
}

static SoupSession *
session_of (HeDepot *self)
{
  if (self->session == NULL)
    self->session = soup_session_new_with_options (
        "timeout", IO_TIMEOUT, "idle-timeout", 60, "max-conns-per-host",
        HE_EXCHANGE_CONNECTIONS, "user-agent", "gst-headend", NULL);
  return self->session;
}

static const char *
remedy (guint status)
{
  switch (status) {
    case 401:
    case 403:
      return ": compare the credentials, and what the server allows";
    case 404:
    case 409:
      return ": let the server make folders (nginx: create_full_put_path on)";
    case 405:
      return ": let the server take PUT there (nginx: dav_methods PUT)";
    case 413:
      return ": let the server take larger files (nginx: client_max_body_size)";
    default:
      return "";
  }
}

static gboolean
put_web (HeDepot *self, const char *path, const char *type, GBytes *body,
         GCancellable *cancellable, gboolean *ret_again, GError **error)
{
  g_autoptr (SoupMessage) message = request_new (self, "PUT", path);
  const HePut put
      = { .place = self->name, .path = path, .seconds = PUT_LIMIT, .remedy = remedy };

  he_body_set (message, type, body);
  return he_put_send (&put, session_of (self), message, cancellable, ret_again, error);
}

/* What is gone already is as good. */
static gboolean
remove_web (HeDepot *self, const char *path, GCancellable *cancellable)
{
  g_autoptr (SoupMessage) message = request_new (self, "DELETE", path);
  HeExchange exchange = { .seconds = DELETE_LIMIT, .limit = DELETE_ANSWER };
  g_autoptr (GBytes) answer
      = he_exchange (&exchange, session_of (self), message, cancellable, NULL);
  guint status = soup_message_get_status (message);

  return answer != NULL
         && (SOUP_STATUS_IS_SUCCESSFUL (status) || status == SOUP_STATUS_NOT_FOUND
             || status == SOUP_STATUS_GONE);
}

void
he_depot_trim (HeDepot *self, const char *folder, guint64 from, guint64 below,
               GCancellable *cancellable)
{
  if (self->folder != NULL) {
    trim_folder (self, folder, below);
    return;
  }
  for (guint64 msn = from; msn < below && !self->keeps; msn++) {
    g_autofree char *path = g_strdup_printf ("%s/%" G_GUINT64_FORMAT ".ts", folder, msn);

    /* Live segments must not wait for what is only tidy. */
    self->keeps = !remove_web (self, path, cancellable);
  }
}

gboolean
he_depot_put (HeDepot *self, const char *path, const char *type, GBytes *body,
              GCancellable *cancellable, gboolean *ret_again, GError **error)
{
  return self->folder != NULL
             ? put_file (self, path, body, ret_again, error)
             : put_web (self, path, type, body, cancellable, ret_again, error);
}
