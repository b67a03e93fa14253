/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-authorizer.h"

#include <libsoup/soup.h>
#include <string.h>

#include "he-body.h"
#include "he-error.h"
#include "he-json.h"

#define SECONDS_MAX 86400

struct _HeAuthorizer {
  char *uri, *authorization;
  guint timeout_ms;
  SoupSession *session;
  GMainContext *context;
  GHashTable *calls; /* Call, a set: those under way */
};

typedef struct {
  HeAuthorizer *authorizer;
  SoupMessage *message;
  GInputStream *stream;
  GCancellable *cancellable;
  GSource *timer;
  gboolean late;
  HeAuthorizerFunc done;
  gpointer user_data;
  char answer[HE_AUTHORIZER_ANSWER + 1];
} Call;

gboolean
he_authorizer_check (const char *text, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  gboolean secure = g_str_has_prefix (text, "https://");

  if (uri == NULL || (!secure && !g_str_has_prefix (text, "http://"))
      || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0'
      || g_uri_get_userinfo (uri) != NULL || strpbrk (text, "?#") != NULL) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_INVALID,
                         "the authorizer's URI is none; expected http(s)://HOST/PATH");
    return FALSE;
  }
  if (secure && !g_tls_backend_supports_tls (g_tls_backend_get_default ())) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                         "an authorizer by https needs TLS: install the Debian package "
                         "glib-networking");
    return FALSE;
  }
  return TRUE;
}

HeAuthorizer *
he_authorizer_new (const char *uri, HeSecret *login, guint timeout_ms)
{
  HeAuthorizer *authorizer = g_new0 (HeAuthorizer, 1);

  authorizer->uri = g_strdup (uri);
  authorizer->timeout_ms = timeout_ms;
  if (login != NULL) {
    char *text = g_base64_encode (he_secret_data (login), he_secret_len (login));

    authorizer->authorization = g_strconcat ("Basic ", text, NULL);
    he_string_wipe_free (text);
  }
  /* No proxy: what is asked is the operator's own, whatever the environment says. */
  authorizer->session = soup_session_new_with_options (
      "proxy-resolver", NULL, "max-conns-per-host", HE_RENEWALS_AT_ONCE, "user-agent",
      "gst-headend", NULL);
  authorizer->context = g_main_context_ref_thread_default ();
  authorizer->calls = g_hash_table_new (NULL, NULL);
  return authorizer;
}

void
he_authorizer_free (HeAuthorizer *authorizer)
{
  if (authorizer == NULL)
    return;
  while (g_hash_table_size (authorizer->calls) > 0) {
    g_autoptr (GList) calls = g_hash_table_get_keys (authorizer->calls);
    g_autoptr (GCancellable) cancellable
        = g_object_ref (((Call *)calls->data)->cancellable);

    g_cancellable_cancel (cancellable);
    g_main_context_iteration (authorizer->context, TRUE);
  }
  soup_session_abort (authorizer->session);
  g_object_unref (authorizer->session);
  g_hash_table_unref (authorizer->calls);
  g_main_context_unref (authorizer->context);
  he_string_wipe_free (authorizer->authorization);
  g_free (authorizer->uri);
  g_free (authorizer);
}

static void
call_over (Call *call, HeRenewalAnswer answer, guint seconds, const char *why)
{
  g_hash_table_remove (call->authorizer->calls, call);
  g_source_destroy (call->timer);
  g_source_unref (call->timer);
  call->done (answer, seconds, call->late ? "no answer in time" : why, call->user_data);
  g_clear_object (&call->stream);
  g_object_unref (call->cancellable);
  g_object_unref (call->message);
  g_free (call);
}

/* libsoup takes the end of a connection for that of a body. */
static gboolean
is_whole (Call *call, gsize len)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (call->message);

  return soup_message_headers_get_encoding (headers) != SOUP_ENCODING_CONTENT_LENGTH
         || soup_message_headers_get_content_length (headers) == (goffset)len;
}

/* Strict, since whatever stands between may answer, too. */
static void
judge (Call *call, gsize len)
{
  g_autoptr (HeJson) root
      = he_json_parse (call->answer, (gssize)len, HE_AUTHORIZER_ANSWER, 4, NULL);
  gboolean renew = FALSE;
  guint64 seconds = 0;

  if (len > HE_AUTHORIZER_ANSWER)
    call_over (call, HE_RENEWAL_FAILED, 0, "its answer is too long");
  else if (!is_whole (call, len))
    call_over (call, HE_RENEWAL_FAILED, 0, "its answer was cut off");
  else if (root == NULL || he_json_type (root) != HE_JSON_OBJECT
           || !he_json_get_boolean (root, "renew", TRUE, &renew, NULL)
           || !he_json_get_uint64 (root, "seconds", FALSE, SECONDS_MAX, &seconds, NULL))
    call_over (call, HE_RENEWAL_FAILED, 0,
               soup_message_get_status (call->message) == 403
                   ? "it answers 403 without {\"renew\": false}: is it our login?"
                   : "its answer is not {\"renew\": true} or {\"renew\": false}");
  else if (renew && soup_message_get_status (call->message) != 200)
    call_over (call, HE_RENEWAL_FAILED, 0, "it answers 403 and {\"renew\": true}");
  else
    call_over (call, renew ? HE_RENEWAL_ALLOWED : HE_RENEWAL_REFUSED, (guint)seconds, NULL);
}

static void
got_answer (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  gsize len = 0;

  if (g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &len, &error))
    judge (call, len);
  else
    call_over (call, HE_RENEWAL_FAILED, 0, error->message);
}

static void
got_stream (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  guint status;

  call->stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  status = soup_message_get_status (call->message);
  if (call->stream == NULL)
    call_over (call, HE_RENEWAL_FAILED, 0, error->message);
  else if (status != 200 && status != 403) {
    g_autofree char *why = g_strdup_printf ("it answers %u", status);

    call_over (call, HE_RENEWAL_FAILED, 0, why);
  } else
    g_input_stream_read_all_async (call->stream, call->answer, sizeof call->answer,
                                   G_PRIORITY_DEFAULT, call->cancellable, got_answer,
                                   call);
}

static gboolean
time_is_up (gpointer data)
{
  Call *call = data;

  call->late = TRUE;
  g_cancellable_cancel (call->cancellable);
  return G_SOURCE_REMOVE;
}

void
he_authorizer_ask (HeAuthorizer *authorizer, GBytes *question, HeAuthorizerFunc done,
                   gpointer user_data)
{
  Call *call = g_new0 (Call, 1);

  call->authorizer = authorizer;
  call->done = done;
  call->user_data = user_data;
  call->cancellable = g_cancellable_new ();
  call->message = soup_message_new ("POST", authorizer->uri);
  soup_message_add_flags (call->message, SOUP_MESSAGE_NO_REDIRECT);
  he_body_set (call->message, "application/json", question);
  /* A kept connection that the other side gave up meanwhile would be a failure: libsoup does
   * not send a POST again. */
  soup_message_headers_replace (soup_message_get_request_headers (call->message),
                                "Connection", "close");
  /* Compressed, the length that is announced would not be that of what is read. */
  soup_message_headers_replace (soup_message_get_request_headers (call->message),
                                "Accept-Encoding", "identity");
  if (authorizer->authorization != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (call->message),
                                  "Authorization", authorizer->authorization);
  g_hash_table_add (authorizer->calls, call);
  call->timer = g_timeout_source_new (authorizer->timeout_ms);
  g_source_set_callback (call->timer, time_is_up, call, NULL);
  g_source_attach (call->timer, authorizer->context);
  soup_session_send_async (authorizer->session, call->message, G_PRIORITY_DEFAULT,
                           call->cancellable, got_stream, call);
}
