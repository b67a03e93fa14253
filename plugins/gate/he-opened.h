/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-session.h"

G_BEGIN_DECLS

/* Credentials that were opened before, by their text and the client's address, so that a
 * viewer's next request costs no cryptography. What a credential says never changes, so
 * nothing in here can be out of date; whether its session goes on is asked elsewhere.
 * Bounded: about HE_OPENED_MAX of those used last. Thread-safe. */
typedef struct _HeOpenedCache HeOpenedCache;

#define HE_OPENED_MAX 65536

/* One of them; immutable. */
typedef struct {
  gatomicrefcount refs;
  HeSessionRecord contents; /* as he_credential_open() fills it */
  char *text, *address;
} HeOpened;

HeOpened *he_opened_ref (HeOpened *opened);
void he_opened_unref (HeOpened *opened); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeOpened, he_opened_unref)

HeOpenedCache *he_opened_cache_new (void);
void he_opened_cache_free (HeOpenedCache *cache);

/* A reference, or NULL. */
HeOpened *he_opened_find (HeOpenedCache *cache, const char *text, gsize len,
                          const char *address);
/* Keeps that the text, from this address, is good for contents, which are taken. A
 * reference to what is kept. */
HeOpened *he_opened_keep (HeOpenedCache *cache, const char *text, gsize len,
                          const char *address, HeSessionRecord *contents);

G_END_DECLS
