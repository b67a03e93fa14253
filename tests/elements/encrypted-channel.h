/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <string.h>

#include "gst-headend.h"
#include "he-crypto.h"
#include "he-epoch.h"
#include "he-keys.h"

G_BEGIN_DECLS

/* The channel that both tests of segmentencrypt encrypt. */
#define SECRET "8f1d5a0c3b7e92664df0a1c25e8b7934601fd2ab9ce3475880b6e41d2f7a9c53"
#define EPOCH (G_GUINT64_CONSTANT (1795248000) * GST_SECOND)
#define D90 90000
#define FIRST G_GUINT64_CONSTANT (1795248000) /* segment of one second at EPOCH */
#define ROTATION 2

/* As a player does it: with the key of the schedule and the number as IV. */
static inline GBytes *
decrypt (const guint8 *data, gsize len, guint64 msn)
{
  g_autoptr (HeSecret) content = he_secret_from_hex (SECRET, "secret", NULL);
  g_autoptr (GError) error = NULL;
  guint8 key[16], iv[16];
  GBytes *plain;

  he_content_key (content, 1, "demo", "base", he_key_period (msn, ROTATION), key);
  he_content_iv (msn, iv);
  plain = he_aes128_cbc_decrypt (key, iv, data, len, &error);
  g_assert_no_error (error);
  return plain;
}

G_END_DECLS
