/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-psi.h"

G_BEGIN_DECLS

/* Reads the packets of one program out of an MPEG transport stream (ISO/IEC 13818-1
 * section 2.4.3), from any byte of it. Of several programs it takes the first of the PAT,
 * unless told otherwise.
 * Memory is bounded: one input plus less than three packets. */

#define HE_TS_PACKET 188
/* A feed that shows no usable program within this many bytes is refused. */
#define HE_TS_MAX_PROBE (4 * 1024 * 1024)

typedef enum {
  HE_TS_UNIT_START = 1 << 0, /* payload_unit_start_indicator */
  HE_TS_GAP = 1 << 1,        /* packets of this PID were lost before this one */
} HeTsFlags;

typedef struct {
  /* A PMT that holds H.264, H.265 or AAC (ADTS), and differs from the one before. Its
   * supported PIDs are delivered from now on, others no longer. */
  void (*program) (const HePmt *pmt, gpointer user);
  /* Payload (1..184 bytes) of a supported PID, valid during the call. */
  void (*payload) (guint16 pid, const guint8 *data, gsize len, HeTsFlags flags,
                   gpointer user);
} HeTsHandlers;

typedef struct {
  guint64 packets;
  guint64 skipped_bytes; /* outside of packets */
  guint64 sync_losses;
  guint64 gaps; /* continuity counter errors */
  guint64 duplicates;
  guint64 transport_errors;
  guint64 scrambled;    /* refused: of the program's own PIDs */
  guint64 bad_sections; /* malformed, or with a wrong CRC */
} HeTsStats;

typedef struct _HeTsParser HeTsParser;

/* handlers must outlive the parser; they may not call back into it. */
HeTsParser *he_ts_parser_new (const HeTsHandlers *handlers, gpointer user);
void he_ts_parser_free (HeTsParser *parser); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeTsParser, he_ts_parser_free)

/* program_number of the PAT; 0: the first. Before the first input. */
void he_ts_parser_set_program (HeTsParser *parser, guint16 program);

/* FALSE with HE_ERROR_INVALID once HE_TS_MAX_PROBE bytes held no usable program, or as
 * many of the program's packets were scrambled and none clear. */
gboolean
he_ts_parser_push (HeTsParser *parser, const guint8 *data, gsize len, GError **error);

/* The input ends: reads what was held back to find packet boundaries. FALSE with
 * HE_ERROR_INVALID when there never was a usable program. */
gboolean he_ts_parser_finish (HeTsParser *parser, GError **error);

/* Bytes are missing before the next input: the next packet of every PID follows a gap. */
void he_ts_parser_mark_gap (HeTsParser *parser);

/* What comes next is another stream, with tables of its own. */
void he_ts_parser_begin_anew (HeTsParser *parser);

const HeTsStats *he_ts_parser_stats (const HeTsParser *parser);

/* Which stream types the parser delivers. */
gboolean he_ts_stream_is_supported (const HePmtStream *stream);

G_END_DECLS
