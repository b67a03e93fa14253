/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-secret.h"

G_BEGIN_DECLS

/* Signed requests to the internal listeners of other origins, all at once and within a
 * deadline. Everything runs on the thread-default context of the thread that made it. */
typedef struct _HePeers HePeers;

/* addresses: "ADDRESS:PORT", may be NULL. HE_ERROR_INVALID when one is no such thing. */
gboolean he_peers_check (const char *const *addresses, GError **error);
HePeers *he_peers_new (const char *const *addresses, HeSecret *key);
/* Breaks off what is under way; its callbacks run before this returns. Takes NULL. */
void he_peers_free (HePeers *peers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HePeers, he_peers_free)

guint he_peers_count (const HePeers *peers);

typedef struct {
  const char *peer;
  guint status; /* 0: no answer in time */
  gboolean late; /* it was under way until the deadline */
  GBytes *body;  /* of an answer, at most 32 MiB; or NULL */
} HePeerReply;

/* replies has he_peers_count() elements, in the order of the addresses. */
typedef void (*HePeersFunc) (const HePeerReply *replies, guint n, gpointer user_data);

#define HE_PEERS_MAX 64
#define HE_PEERS_ALL G_MAXUINT64

/* Asks those peers whose bit is set in which. done is always called once, never before
 * this returns. body may be NULL. */
void he_peers_call (HePeers *peers, guint64 which, const char *method, const char *path,
                    GBytes *body, guint timeout_ms, HePeersFunc done, gpointer user_data);

G_END_DECLS
