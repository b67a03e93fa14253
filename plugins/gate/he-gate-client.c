/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-gate.h"

#include <string.h>
#include "he-address.h"

#define MAX_HOPS 32

/* The entry that ends at *end, which moves in front of its comma (NULL after the first).
 */
static gboolean
take_last (const char *header, const char **end, HeAddress *ret_address)
{
  char text[64];
  const char *start = *end, *stop = *end;
  while (start > header && start[-1] != ',')
    start--;
  *end = start > header ? start - 1 : NULL;
  while (start < stop && (*start == ' ' || *start == '\t'))
    start++;
  while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t'))
    stop--;
  if ((gsize)(stop - start) >= sizeof text)
    return FALSE;
  memcpy (text, start, stop - start);
  text[stop - start] = '\0';
  return he_address_parse (text, ret_address);
}

char *
he_gate_client_address (const char *peer, const char *x_forwarded_for,
                        const char *const *trusted_proxies)
{
  HeAddress client, hop;
  const char *end = x_forwarded_for ? x_forwarded_for + strlen (x_forwarded_for) : NULL;
  if (g_str_equal (peer, HE_ADDRESS_LOCAL)) {
    if (!end || !take_last (x_forwarded_for, &end, &client))
      return g_strdup (peer);
  } else if (!he_address_parse (peer, &client))
    return g_strdup (peer);
  for (guint i = 0;
       i < MAX_HOPS && end && he_address_is_listed (&client, trusted_proxies); i++) {
    if (!take_last (x_forwarded_for, &end, &hop))
      break;
    client = hop;
  }
  return he_address_to_string (&client);
}
