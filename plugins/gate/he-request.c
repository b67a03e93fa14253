/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-request.h"

#include <string.h>
#include <time.h>

#include "he-conditions.h"

HeRequest *
he_request_new (HeHead *head, GRefString *peer, HePart *part, HeLink *link)
{
  HeRequest *request = g_new (HeRequest, 1);

  *request = (HeRequest) {
    .head = head,
    .peer = g_ref_string_acquire (peer),
    .fields = g_string_sized_new (500),
    .file = -1,
    .part = he_part_ref (part),
    .link = link,
  };
  g_atomic_ref_count_init (&request->refs);
  return request;
}

void
he_request_count (HeRequest *request, gsize head, gsize body)
{
  HeBudget *budget = request->part->budget;

  request->counted_head = head;
  request->counted_body = body;
  __atomic_fetch_add (&budget->heads, head, __ATOMIC_RELAXED);
  __atomic_fetch_add (&budget->bodies, body, __ATOMIC_RELAXED);
}

HeRequest *
he_request_ref (HeRequest *request)
{
  g_atomic_ref_count_inc (&request->refs);
  return request;
}

void
he_request_unref (HeRequest *request)
{
  if (!g_atomic_ref_count_dec (&request->refs))
    return;
  __atomic_fetch_sub (&request->part->budget->heads, request->counted_head,
                      __ATOMIC_RELAXED);
  __atomic_fetch_sub (&request->part->budget->bodies, request->counted_body,
                      __ATOMIC_RELAXED);
  he_head_free (request->head);
  g_ref_string_release (request->peer);
  g_free (request->cookie);
  g_free (request->forwarded);
  g_clear_pointer (&request->body, g_bytes_unref);
  g_clear_pointer (&request->answer, g_bytes_unref);
  if (request->fields != NULL)
    g_string_free (request->fields, TRUE);
  he_part_unref (request->part);
  g_free (request);
}

const char *
he_request_method (const HeRequest *request)
{
  return request->head->method;
}

const char *
he_request_path (const HeRequest *request)
{
  return request->head->path;
}

const char *
he_request_query (const HeRequest *request)
{
  return request->head->query;
}

const char *
he_request_peer (const HeRequest *request)
{
  return request->peer;
}

GBytes *
he_request_body (HeRequest *request)
{
  if (request->body == NULL)
    request->body = g_bytes_new_static ("", 0);
  return request->body;
}

void
he_request_set_class (HeRequest *request, const char *class_name)
{
  g_atomic_pointer_set (&request->class_name, class_name);
}

const char *
he_request_class (HeRequest *request)
{
  return g_atomic_pointer_get (&request->class_name);
}

/* A player that holds several cookies may send them one by one, and each proxy may add a field
 * of its own. */
static const char *
join_once (const HeHead *head, const char *name, const char *separator, char **kept)
{
  if (he_head_count (head, name) < 2)
    return he_head_field (head, name);
  if (*kept == NULL)
    *kept = he_head_join (head, name, separator);
  return *kept;
}

const char *
he_request_field (const HeRequest *request, const char *name)
{
  return he_head_field (request->head, name);
}

const char *
he_request_cookie (HeRequest *request)
{
  return join_once (request->head, "Cookie", "; ", &request->cookie);
}

const char *
he_request_forwarded_for (HeRequest *request)
{
  return join_once (request->head, "X-Forwarded-For", ", ", &request->forwarded);
}

void
he_request_add_field (HeRequest *request, const char *name, const char *value)
{
  GString *fields = request->fields;
  gsize at = fields->len;
  gsize name_len = strlen (name), left = strlen (value), plain;
  char *end;

  g_string_set_size (fields, at + name_len + left + strlen (": \r\n"));
  end = memcpy (fields->str + at, name, name_len);
  end = memcpy (end + name_len, ": ", 2);
  for (end += 2; left > 0; value += plain, left -= plain) {
    plain = he_head_plain (value, left);
    memcpy (end, value, plain);
    end += plain;
    if (plain == 0)
      plain = 1; /* is left out */
  }
  memcpy (end, "\r\n", 2);
  g_string_truncate (fields, (gsize)(end + 2 - fields->str));
}

static gboolean
deliver (gpointer data)
{
  HeRequest *request = data;

  if (request->link != NULL)
    he_link_answered (request->link, request);
  return G_SOURCE_REMOVE;
}

static void
respond (HeRequest *request, guint status, const char *content_type, GBytes *body)
{
  g_return_if_fail (request->status == 0);
  if (content_type != NULL)
    he_request_add_field (request, "Content-Type", content_type);
  request->length = body != NULL ? g_bytes_get_size (body) : 0;
  if (request->length > 0 && !g_str_equal (request->head->method, "HEAD"))
    request->answer = g_bytes_ref (body);
  request->status = status;
  if (request->part->thread == g_thread_self ())
    deliver (request);
  else if (!g_atomic_int_get (&request->part->stopped))
    g_main_context_invoke_full (request->part->context, G_PRIORITY_DEFAULT, deliver,
                                he_request_ref (request),
                                (GDestroyNotify)he_request_unref);
}

/* RFC 9110 section 13.2.2. Nothing here has a date of modification, so what asks for one
 * says nothing; what has no tag (NULL) is there all the same. 0: the request goes on. */
static guint
precondition (const HeHead *head, const char *etag)
{
  g_autofree char *match = he_head_join (head, "If-Match", ", ");
  g_autofree char *none = he_head_join (head, "If-None-Match", ", ");

  if (match != NULL && !he_etags_have (match, etag, FALSE))
    return 412;
  return he_etags_have (none, etag, TRUE) ? 304 : 0;
}

/* What is not sent after all: 304 or 412. */
static void
respond_refused (HeRequest *request, guint status)
{
  request->file = -1;
  if (status == 304)
    respond (request, status, NULL, NULL);
  else
    he_request_respond_text (request, status, "not what is held\n");
}

static gboolean
is_read (const HeRequest *request)
{
  const char *method = request->head->method;

  return g_str_equal (method, "GET") || g_str_equal (method, "HEAD");
}

void
he_request_respond (HeRequest *request, guint status, const char *content_type,
                    GBytes *body)
{
  guint refused
      = status == 200 && is_read (request) ? precondition (request->head, NULL) : 0;

  if (refused != 0)
    respond_refused (request, refused);
  else
    respond (request, status, content_type, body);
}

void
he_request_respond_text (HeRequest *request, guint status, const char *text)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));

  /* What may be kept says so itself: a cache's name for a refusal may hold a token. */
  if (strstr (request->fields->str, "Cache-Control: ") == NULL)
    he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond (request, status, "text/plain; charset=utf-8", body);
}

void
he_request_respond_json (HeRequest *request, char *json)
{
  g_autoptr (GBytes) body = g_bytes_new_take (json, strlen (json));

  he_request_add_field (request, "Cache-Control", "no-store");
  he_request_respond (request, 200, "application/json", body);
}

void
he_request_set_file (HeRequest *request, int file, gint64 offset)
{
  request->file = file;
  request->offset = offset;
}

void
he_request_respond_range (HeRequest *request, const char *content_type, GBytes *body,
                          const char *etag)
{
  guint status = precondition (request->head, etag);
  const char *if_range = he_request_field (request, "If-Range");
  guint64 size = g_bytes_get_size (body), first, last;
  g_autofree char *content_range = NULL;
  g_autoptr (GBytes) part = NULL;
  HeRange range = HE_RANGE_NONE;

  if (g_str_equal (request->head->method, "GET")
      && (if_range == NULL || g_str_equal (if_range, etag)))
    range = he_range_parse (he_request_field (request, "Range"), size, &first, &last);
  he_request_add_field (request, "ETag", etag);
  if (status != 0) {
    respond_refused (request, status);
    return;
  }
  he_request_add_field (request, "Accept-Ranges", "bytes");
  switch (range) {
    case HE_RANGE_NONE:
      respond (request, 200, content_type, body);
      return;
    case HE_RANGE_UNSATISFIABLE:
      content_range = g_strdup_printf ("bytes */%" G_GUINT64_FORMAT, size);
      he_request_add_field (request, "Content-Range", content_range);
      request->file = -1;
      he_request_respond_text (request, 416, "no such range\n");
      return;
    case HE_RANGE_ONE:
      content_range = g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT
                                       "/%" G_GUINT64_FORMAT,
                                       first, last, size);
      he_request_add_field (request, "Content-Range", content_range);
      part = g_bytes_new_from_bytes (body, first, last - first + 1);
      request->offset += (gint64)first;
      respond (request, 206, content_type, part);
      return;
  }
}

const char *
he_http_phrase (guint status)
{
  static const struct {
    guint status;
    const char *phrase;
  } phrases[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 302, "Found" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 431, "Request Header Fields Too Large" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (phrases); i++)
    if (phrases[i].status == status)
      return phrases[i].phrase;
  return "Unknown";
}

/* IMF-fixdate (RFC 9110 section 5.6.7), whatever the locale; made once a second. */
static const char *
date_line (HePart *part, gint64 now)
{
  static const char days[] = "SunMonTueWedThuFriSat";
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t seconds = (time_t)now;
  struct tm tm;

  if (part->date_second == now)
    return part->date;
  gmtime_r (&seconds, &tm);
  g_snprintf (part->date, sizeof part->date,
              "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday,
              tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
              tm.tm_min, tm.tm_sec);
  part->date_second = now;
  return part->date;
}

/* The status line and the date. */
static void
prepend_start (GString *text, guint status, const char *date)
{
  const char digits[] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
                          (char)('0' + status % 10), ' ', '\0' };
  char start[128];
  char *end = g_stpcpy (g_stpcpy (start, "HTTP/1.1 "), digits);

  end = g_stpcpy (end, he_http_phrase (status));
  end = g_stpcpy (g_stpcpy (end, "\r\n"), date);
  g_string_insert_len (text, 0, start, end - start);
}

GString *
he_request_render_head (HeRequest *request, gboolean keep_alive, gint64 now)
{
  GString *text = g_steal_pointer (&request->fields);

  prepend_start (text, request->status, date_line (request->part, now));
  if (request->status != 204 && request->status != 304)
    g_string_append_printf (text, "Content-Length: %" G_GSIZE_FORMAT "\r\n",
                            request->length);
  if (!keep_alive)
    g_string_append (text, "Connection: close\r\n");
  else if (!request->head->http11)
    g_string_append (text, "Connection: keep-alive\r\n");
  g_string_append (text, "\r\n");
  return text;
}
