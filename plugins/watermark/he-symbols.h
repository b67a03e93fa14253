/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What detection reads from a copy and tracing takes: JSON, one object a line. The first
 * is the head, the others are symbols:
 *
 *   {"channel":"demo","key-version":1,"segment-duration":180000}
 *   {"msn":880000000,"z":11.4}
 *   {"msn":880000001,"z":null}
 *
 * segment-duration is in 90 kHz ticks. z is in deviations of what a wrong key gives:
 * positive speaks for b, negative for a; null or none is an erasure. Other members are
 * passed over, so that a writer may say more. */
typedef struct {
  guint64 msn;
  double z; /* NaN: erased */
} HeSymbol;

typedef struct {
  char *channel;
  guint key_version;
  guint64 duration90;
  GArray *symbols; /* HeSymbol, ascending by MSN, none twice */
} HeSymbols;

void he_symbols_free (HeSymbols *symbols); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSymbols, he_symbols_free)

#define HE_SYMBOLS_LINE_MAX 4096 /* bytes */
#define HE_SYMBOLS_MAX 65535     /* symbols: what he_tail_new() adds up */

/* Takes one line after the other, without their ends; blank ones are passed over. */
typedef struct _HeSymbolsReader HeSymbolsReader;
HeSymbolsReader *he_symbols_reader_new (void);
void he_symbols_reader_free (HeSymbolsReader *reader); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeSymbolsReader, he_symbols_reader_free)
/* The error says which line it is. */
gboolean he_symbols_reader_add (HeSymbolsReader *reader, const char *line, gssize len,
                                GError **error);
/* What was read, sorted. NULL when there was no head, or a MSN came twice. */
HeSymbols *he_symbols_reader_end (HeSymbolsReader *reader, GError **error);

G_END_DECLS
