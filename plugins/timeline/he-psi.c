/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-psi.h"

#include <string.h>

#include "he-codec.h"

#define TABLE_PAT 0x00
#define TABLE_PMT 0x02
#define STUFFING 0xff
#define LONG_HEADER 8
#define CRC_LEN 4

void
he_section_reset (HeSectionBuffer *buffer)
{
  buffer->len = 0;
  buffer->open = FALSE;
}

/* The whole length that an open section declares, 0 when it cannot be one that we want:
 * every section of a PAT or PMT has the long header and a CRC. */
static gsize
section_size (const guint8 *section)
{
  gsize size = 3 + (he_read_be16 (section + 1) & 0x0fff);

  if (!(section[1] & 0x80) || size < LONG_HEADER + CRC_LEN || size > HE_PSI_MAX_SECTION)
    return 0;
  return size;
}

/* Appends to the open section until it is complete. Returns the bytes used. */
static gsize
section_append (HeSectionBuffer *buffer, const guint8 *data, gsize len,
                guint *ret_malformed, HeSectionFunc func, gpointer user)
{
  gsize used = 0, want = 3;

  if (buffer->len < 3) {
    used = MIN (3 - buffer->len, len);
    memcpy (buffer->data + buffer->len, data, used);
    buffer->len += used;
    if (buffer->len < 3)
      return used;
  }
  want = section_size (buffer->data);
  if (want == 0) {
    *ret_malformed += 1;
    he_section_reset (buffer);
    return len; /* where the next one begins cannot be known: wait for a pointer */
  }

  gsize more = MIN (want - buffer->len, len - used);
  memcpy (buffer->data + buffer->len, data + used, more);
  buffer->len += more;
  if (buffer->len == want) {
    if (he_crc32_mpeg (buffer->data, want) == 0)
      func (buffer->data, want, user);
    else
      *ret_malformed += 1;
    he_section_reset (buffer);
  }
  return used + more;
}

guint
he_section_push (HeSectionBuffer *buffer, const guint8 *payload, gsize len,
                 gboolean unit_start, HeSectionFunc func, gpointer user)
{
  guint malformed = 0;

  if (!unit_start) {
    if (buffer->open)
      section_append (buffer, payload, len, &malformed, func, user);
    buffer->open = buffer->len > 0;
    return malformed;
  }

  if (len < 1 || payload[0] > len - 1) {
    he_section_reset (buffer);
    return 1;
  }

  gsize first = 1 + payload[0];
  if (buffer->open)
    section_append (buffer, payload + 1, first - 1, &malformed, func, user);
  if (buffer->len > 0)
    malformed++; /* the section before ended short */
  he_section_reset (buffer);

  payload += first;
  len -= first;
  while (len > 0 && payload[0] != STUFFING) {
    gsize used = section_append (buffer, payload, len, &malformed, func, user);

    payload += used;
    len -= used;
    if (buffer->len > 0)
      break;
  }
  buffer->open = buffer->len > 0;
  return malformed;
}

/* Past the checks of section_append() a section is at least LONG_HEADER + CRC_LEN long;
 * repeated here, so that these readers stand on their own. */
static gboolean
is_table (const guint8 *section, gsize len, guint8 table)
{
  return len >= LONG_HEADER + CRC_LEN && len <= HE_PSI_MAX_SECTION && section[0] == table
         && (section[5] & 0x01) /* current_next_indicator */;
}

gboolean
he_psi_read_pat (const guint8 *section, gsize len, guint16 wanted, guint16 *ret_program,
                 guint16 *ret_pmt_pid)
{
  if (!is_table (section, len, TABLE_PAT))
    return FALSE;

  for (gsize at = LONG_HEADER; at + 4 + CRC_LEN <= len; at += 4) {
    guint16 program = he_read_be16 (section + at);

    if (program != 0 /* the network PID */ && (wanted == 0 || program == wanted)) {
      *ret_program = program;
      *ret_pmt_pid = he_read_be16 (section + at + 2) & 0x1fff;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
he_psi_read_pmt (const guint8 *section, gsize len, guint16 program, HePmt *ret_pmt)
{
  HePmt pmt = { .program = program };

  if (!is_table (section, len, TABLE_PMT) || len < 12 + CRC_LEN
      || he_read_be16 (section + 3) != program)
    return FALSE;

  gsize end = len - CRC_LEN;
  gsize at = 12 + (he_read_be16 (section + 10) & 0x0fff);
  if (at > end)
    return FALSE;
  while (at + 5 <= end && pmt.n_streams < HE_PSI_MAX_STREAMS) {
    gsize descriptors = he_read_be16 (section + at + 3) & 0x0fff;

    if (descriptors > end - at - 5)
      return FALSE;
    pmt.streams[pmt.n_streams++] = (HePmtStream) {
      .type = section[at],
      .pid = he_read_be16 (section + at + 1) & 0x1fff,
    };
    at += 5 + descriptors;
  }
  *ret_pmt = pmt;
  return TRUE;
}
