/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Packetized elementary streams: ISO/IEC 13818-1 section 2.4.3.6. */

/* A unit beyond this is dropped: a picture at 4:2:2 intra profiles is well below it. */
#define HE_PES_MAX (8 * 1024 * 1024)

typedef enum {
  HE_PES_DAMAGED = 1 << 0, /* this unit is truncated */
  HE_PES_GAP = 1 << 1,     /* something of the stream was lost before this unit */
} HePesFlags;

typedef struct {
  GBytes *data; /* the elementary stream's bytes, at least one */
  gboolean has_pts;
  guint64 pts33; /* 0 .. 2^33-1 */
  guint64 dts33; /* = pts33 when the header has none */
  HePesFlags flags;
} HePes;

void he_pes_free (HePes *pes); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HePes, he_pes_free)

typedef struct {
  gsize header; /* bytes before the elementary stream */
  gsize packet; /* whole size, header included; 0: unbounded */
  gboolean has_pts;
  guint64 pts33, dts33;
} HePesHeader;

typedef enum {
  HE_PES_HEADER_OK,
  HE_PES_HEADER_SHORT, /* more bytes are needed */
  HE_PES_HEADER_BAD,
} HePesHeaderResult;

HePesHeaderResult he_pes_read_header (const guint8 *data, gsize len, HePesHeader *ret);

/* Puts the units of one PID together. Units of declared length are given as soon as they
 * are complete, unbounded ones (video only) when the next begins. */
typedef struct _HePesAssembler HePesAssembler;
typedef void (*HePesFunc) (HePes *pes, gpointer user); /* takes the unit */

HePesAssembler *he_pes_assembler_new (HePesFunc func, gpointer user);
void he_pes_assembler_free (HePesAssembler *assembler); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HePesAssembler, he_pes_assembler_free)

/* gap: bytes were lost before these. What stands open then ends there, damaged, and the
 * rest up to the next unit start is dropped: it may belong to a unit whose header is
 * lost. */
void he_pes_assembler_push (HePesAssembler *assembler, const guint8 *data, gsize len,
                            gboolean unit_start, gboolean gap);
/* The stream ends, or moves to another PID (then gap). */
void he_pes_assembler_flush (HePesAssembler *assembler, gboolean gap);

/* Units dropped because they were malformed or too large. */
guint64 he_pes_assembler_dropped (const HePesAssembler *assembler);

G_END_DECLS
