/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http.h"

#include <libsoup/soup.h>
#include <string.h>
#include "he-error.h"
#include "he-exchange.h"
#include "he-sign.h"

GBytes *
headend_http_request (const char *address, const char *method, const char *path,
                      const HeSecret *key, const char *body, guint timeout,
                      gsize limit, guint *ret_status, GError **error)
{
  g_autoptr (GError) failed = NULL;
  g_autofree char *url = g_strdup_printf ("http://%s%s", address, path);
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  if (!message) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "%s is no URL", url);
    return NULL;
  }
  /* What is signed is for this address alone. */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  /* A session belongs to one thread, and requests here are rare: one each. */
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_main_context_push_thread_default (context);
  g_autoptr (SoupSession) session
      = soup_session_new_with_options ("timeout", timeout, "proxy-resolver", NULL, NULL);
  gsize len = body ? strlen (body) : 0;
  if (body) {
    g_autoptr (GBytes) bytes = g_bytes_new (body, len);
    soup_message_set_request_body_from_bytes (message, "application/json", bytes);
  }
  if (key) {
    g_autofree char *authorization
        = he_sign_request (key, method, path, (const guint8 *)(body ? body : ""), len,
                           g_get_real_time () / G_USEC_PER_SEC);
    soup_message_headers_replace (soup_message_get_request_headers (message),
                                  "Authorization", authorization);
  }
  HeExchange exchange = { .seconds = timeout, .limit = limit };
  g_autoptr (GBytes) answer = he_exchange (&exchange, session, message, NULL, &failed);
  g_main_context_pop_thread_default (context);
  if (!answer && exchange.late)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "%s: no whole answer to %s %s within %u seconds", address, method, path,
                 timeout);
  else if (!answer)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE, "%s: %s", address,
                 failed->message);
  else if (exchange.more)
    g_set_error (error, HE_ERROR, HE_ERROR_LIMIT,
                 "%s: the answer to %s %s is larger than %" G_GSIZE_FORMAT
                 " bytes; is this the internal listener of an origin?",
                 address, method, path, limit);
  if (!answer || exchange.more)
    return NULL;
  *ret_status = soup_message_get_status (message);
  return g_steal_pointer (&answer);
}
