/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The head of a request, and the range it asks for. */
#include <string.h>
#include "fuzz.h"
#include "he-conditions.h"
#include "he-front.h"

const char *const fuzz_seeds[] = {
  "GET /live/demo/main.m3u8?a=b HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n",
  "PUT http://a/origin/a/demo/360p/1.ts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
  "Expect: 100-continue\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n",
  "GET http://[::1]:80/?a HTTP/1.1\r\nHost: [::1]\r\nTE: trailers\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
  "bytes=0-499",
  "bytes=-1,3-",
  NULL,
};

static gboolean
is_within (const char *text, const HeHead *head, gsize len)
{
  return text >= head->text && text + strlen (text) <= head->text + len;
}

/* The same whether it comes at once or in two pieces. */
static gsize
find_head (const char *text, gsize size, guint *ret_status, const char **ret_why)
{
  HeHeadScan scan = { 0 }, pieces = { 0 };
  guint status = 0;
  gsize len = he_head_scan (text, size, &scan, ret_status, ret_why);
  gsize first = he_head_scan (text, size / 2, &pieces, &status, ret_why);

  if (first == 0 && status == 0)
    first = he_head_scan (text, size, &pieces, &status, ret_why);
  if (first != len || (status != 0) != (*ret_status != 0))
    g_abort ();
  return len;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  guint status = 0;
  const char *text = (const char *)data, *why = NULL;
  gsize len = find_head (text, size, &status, &why);
  g_autoptr (HeHead) head
      = len > 0 ? he_head_parse (text, len, &status, &why) : NULL;
  g_autofree char *range = g_strndup ((const char *)data, size);
  guint64 first, last;

  if (head == NULL && len > 0 && (status < 400 || status > 599 || why == NULL))
    g_abort ();
  if (head != NULL) {
    if ((head->path[0] != '/' && strcmp (head->path, "*") != 0) || !is_within (head->path, head, size)
        || !is_within (head->method, head, size)
        || (head->query != NULL && !is_within (head->query, head, size)))
      g_abort ();
    for (guint i = 0; i < head->n_fields; i++)
      if (!is_within (head->fields[i].name, head, size)
          || !is_within (head->fields[i].value, head, size))
        g_abort ();
  }
  if (he_range_parse (range, 100, &first, &last) == HE_RANGE_ONE
      && (first > last || last > 99))
    g_abort ();
  return 0;
}
