/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a request says of itself: path, query, cookies, bearer, forwarded addresses. */
#include <string.h>
#include "fuzz.h"
#include "he-codec.h"
#include "he-gate.h"
#include "he-target.h"

const char *const fuzz_seeds[] = {
  "/live/demo/main.m3u8",
  "/live/demo/360p/index.m3u8",
  "/live/demo/360p/850000000.ts",
  "/live/demo/keys/base/28333333",
  "/s/AAECAwQFBgcICQoLDA0ODw/live/demo/360p/850000000.ts",
  "a=b&URISigningPackage=e30.e30.AAAA&transport=path",
  "a=b; headend=AAECAwQFBgcICQoLDA0ODw; headend=x; Path=/live/; HttpOnly",
  "Bearer e30.e30.AAAA",
  "192.0.2.1, 2001:db8::1,::ffff:10.0.0.1 , 127.0.0.1",
  NULL,
};

static void
check_span (HeSpan span, const char *text)
{
  if (span.text && (span.text < text || span.text + span.len > text + strlen (text)))
    g_abort ();
}

/* Whatever is accepted has one spelling: written again from its parts it is the same. */
static void
check_target (const char *text)
{
  HeTarget target;
  if (!he_target_parse (text, &target))
    return;
  g_autoptr (GString) again = g_string_new (NULL);
  check_span (target.credential, text);
  if (target.credential.text)
    g_string_append_printf (again, "/s/%.*s", (int)target.credential.len,
                            target.credential.text);
  g_string_append_printf (again, "/live/%s/", target.channel);
  switch (target.kind) {
    case HE_TARGET_MULTIVARIANT:
      g_string_append (again, "main.m3u8");
      break;
    case HE_TARGET_MEDIA:
      g_string_append_printf (again, "%s/index.m3u8", target.rendition);
      break;
    case HE_TARGET_SEGMENT:
      g_string_append_printf (again, "%s/%" G_GUINT64_FORMAT ".ts", target.rendition,
                              target.number);
      break;
    case HE_TARGET_SESSION:
      g_string_append (again, "session");
      break;
    case HE_TARGET_KEY:
      g_string_append_printf (again, "keys/%s/%" G_GUINT64_FORMAT, target.tier,
                              target.number);
      break;
  }
  if (strcmp (again->str, text) != 0)
    g_abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const trusted[] = { "127.0.0.1", "10.0.0.1", NULL };
  g_autofree char *text = g_strndup ((const char *)data, size);
  HeSpan values[4], value = { NULL, 0 };
  check_target (text);
  if (he_query_find (text, "URISigningPackage", &value))
    check_span (value, text);
  g_autofree char *rest = he_query_without (text, "URISigningPackage");
  if (rest && (!he_query_find (rest, "URISigningPackage", &value) || value.text))
    g_abort ();
  guint count = he_cookie_find (text, "headend", values, G_N_ELEMENTS (values));
  for (guint i = 0; i < count; i++)
    check_span (values[i], text);
  check_span (he_bearer_find (text), text);
  g_autofree char *client = he_gate_client_address ("127.0.0.1", text, trusted);
  if (!client)
    g_abort ();
  return 0;
}
