/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Program-specific information: ISO/IEC 13818-1 section 2.4.4. */

#define HE_PSI_MAX_SECTION 1024 /* PAT and PMT: section_length is at most 1021 */
#define HE_PSI_MAX_STREAMS 32

/* Puts the sections of one PID together. Zero-initialise, or he_section_reset(). */
typedef struct {
  guint8 data[HE_PSI_MAX_SECTION];
  gsize len;
  gboolean open; /* a section has begun and its rest is awaited */
} HeSectionBuffer;

typedef void (*HeSectionFunc) (const guint8 *section, gsize len, gpointer user);

void he_section_reset (HeSectionBuffer *buffer);

/* Takes the payload of one TS packet and calls func for every complete section whose CRC
 * holds. Returns how many sections were malformed and dropped. */
guint he_section_push (HeSectionBuffer *buffer, const guint8 *payload, gsize len,
                       gboolean unit_start, HeSectionFunc func, gpointer user);

/* A program of a PAT section, the first for wanted == 0. FALSE when it is no PAT, not in
 * force yet, or does not name it. */
gboolean he_psi_read_pat (const guint8 *section, gsize len, guint16 wanted,
                          guint16 *ret_program, guint16 *ret_pmt_pid);

typedef struct {
  guint16 pid;
  guint8 type; /* stream_type, table 2-34 */
} HePmtStream;

#define HE_STREAM_TYPE_AAC_ADTS 0x0f
#define HE_STREAM_TYPE_H264 0x1b
#define HE_STREAM_TYPE_H265 0x24

typedef struct {
  guint16 program;
  guint n_streams;
  HePmtStream streams[HE_PSI_MAX_STREAMS]; /* in the section's order; more are ignored */
} HePmt;

/* FALSE when it is no PMT of that program, not in force yet, or malformed. */
gboolean
he_psi_read_pmt (const guint8 *section, gsize len, guint16 program, HePmt *ret_pmt);

G_END_DECLS
