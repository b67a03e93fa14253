/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-put.h"

#include "he-error.h"
#include "he-exchange.h"

#define STATUS_TOO_MANY 429    /* RFC 6585; libsoup has no name for it */
#define ANSWER_MAX (64 * 1024) /* beyond it a connection is cheaper than what follows */

gboolean
he_put_send (const HePut *put, SoupSession *session, SoupMessage *message,
             GCancellable *cancellable, gboolean *ret_again, GError **error)
{
  g_autoptr (GError) local = NULL;
  HeExchange exchange = { .seconds = put->seconds, .limit = ANSWER_MAX };
  g_autoptr (GBytes) answer
      = he_exchange (&exchange, session, message, cancellable, &local);
  gboolean answered = answer != NULL;
  guint status = soup_message_get_status (message);

  *ret_again = !answered || status >= 500 || status == SOUP_STATUS_REQUEST_TIMEOUT
               || status == STATUS_TOO_MANY;
  if (answered && SOUP_STATUS_IS_SUCCESSFUL (status))
    return TRUE;
  if (!answered && exchange.late)
    g_set_error (error, HE_ERROR, HE_ERROR_IO,
                 "%s: no whole answer to PUT %s within %u seconds", put->place, put->path,
                 put->seconds);
  else if (!answered)
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", put->place, local->message);
  else
    g_set_error (error, HE_ERROR,
                 status == 401 || status == 403 ? HE_ERROR_DENIED : HE_ERROR_UNAVAILABLE,
                 "%s answered %u %s to PUT %s%s", put->place, status,
                 soup_status_get_phrase (status), put->path, put->remedy (status));
  return FALSE;
}
