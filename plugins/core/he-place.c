/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-place.h"

#include <string.h>

#include "he-error.h"

#define EXPECTED "expected file:DIR, http://HOST/PATH/ or https://HOST/PATH/"

static gboolean
is_web (GUri *uri)
{
  return g_str_equal (g_uri_get_scheme (uri), "http")
         || g_str_equal (g_uri_get_scheme (uri), "https");
}

static gboolean
check_web (GUri *uri, GError **error)
{
  const char *wrong = NULL;

  if (g_uri_get_userinfo (uri) != NULL)
    wrong = "holds a user or password, which would be shown; put USER:PASSWORD into a "
            "file and name it as credentials";
  else if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0')
    wrong = "names no host; " EXPECTED;
  else if (g_uri_get_query (uri) != NULL || g_uri_get_fragment (uri) != NULL)
    wrong = "has a query or fragment; " EXPECTED;
  else if (!g_str_has_suffix (g_uri_get_path (uri), "/"))
    wrong = "does not end with a slash; " EXPECTED;
  if (wrong == NULL)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID, "the destination %s", wrong);
  return FALSE;
}

gboolean
he_place_check (const char *text, GError **error)
{
  g_autoptr (GUri) uri = NULL;

  if (g_str_has_prefix (text, "file:") && text[strlen ("file:")] != '\0'
      && !g_str_has_prefix (text, "file://"))
    return TRUE;
  if (g_str_has_prefix (text, "file:///"))
    return TRUE;
  uri = g_uri_parse (text, G_URI_FLAGS_HAS_PASSWORD, NULL);
  if (uri != NULL && is_web (uri))
    return check_web (uri, error);
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "the destination is no folder and no web server; " EXPECTED);
  return FALSE;
}

char *
he_place_folder (const char *text, const char *base)
{
  const char *path;

  if (!g_str_has_prefix (text, "file:"))
    return NULL;
  path = text + strlen ("file:");
  /* file:///DIR is file:/DIR. */
  return g_canonicalize_filename (g_str_has_prefix (path, "///") ? path + 2 : path, base);
}
