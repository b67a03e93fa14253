/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What stands where an address would for who comes by a Unix socket. Whoever is let in by
 * its mode is a proxy of ours and believed. No address is spelt so. */
#define HE_ADDRESS_LOCAL "unix"

/* A numeric IP address. IPv4 in IPv6 (::ffff:192.0.2.1) is the IPv4 address; the scope of
 * a link-local address (fe80::1%eth0) is left out. */
typedef struct {
  guint len; /* 4 or 16 */
  guint8 bytes[16];
} HeAddress;

gboolean he_address_parse (const char *text, HeAddress *ret_address);
char *he_address_to_string (const HeAddress *address);

/* Whether a NULL-terminated list, or NULL, names the address, in whatever spelling. */
gboolean he_address_is_listed (const HeAddress *address, const char *const *list);

/* What tells one subscriber from another: an IPv4 address, or the /64 of an IPv6 one, who
 * changes the rest at will. */
HeAddress he_address_subscriber (const HeAddress *address);

G_END_DECLS
