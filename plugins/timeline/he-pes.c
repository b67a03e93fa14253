/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-pes.h"

#include "he-codec.h"

#define FIXED_HEADER 9

struct _HePesAssembler {
  HePesFunc func;
  gpointer user;
  GByteArray *unit; /* its room is used again and again */
  gboolean open;    /* FALSE: waiting for a unit start */
  HePesHeader header;
  gboolean has_header;
  gboolean gap; /* the next unit follows a loss */
  guint64 dropped;
};

void
he_pes_free (HePes *pes)
{
  if (pes == NULL)
    return;
  g_bytes_unref (pes->data);
  g_free (pes);
}

/* Table 2-21: 4 bits of prefix, then 3 + 15 + 15 bits with a marker behind each. */
static gboolean
read_timestamp (const guint8 *p, guint8 prefix, guint64 *ret)
{
  if (p[0] >> 4 != prefix || !(p[0] & 1) || !(p[2] & 1) || !(p[4] & 1))
    return FALSE;
  *ret = (guint64)(p[0] >> 1 & 0x07) << 30 | (guint64)(he_read_be16 (p + 1) >> 1) << 15
         | (guint64)(he_read_be16 (p + 3) >> 1);
  return TRUE;
}

HePesHeaderResult
he_pes_read_header (const guint8 *data, gsize len, HePesHeader *ret)
{
  HePesHeader header = { 0 };

  if (len < FIXED_HEADER)
    return HE_PES_HEADER_SHORT;
  if (data[0] != 0 || data[1] != 0 || data[2] != 1 || (data[6] & 0xc0) != 0x80)
    return HE_PES_HEADER_BAD;

  header.header = FIXED_HEADER + data[8];
  header.packet = he_read_be16 (data + 4);
  if (header.packet > 0)
    header.packet += 6;
  if (header.packet > 0 && header.packet < header.header)
    return HE_PES_HEADER_BAD;
  if (len < header.header)
    return HE_PES_HEADER_SHORT;

  switch (data[7] >> 6) {
    case 0:
      break;
    case 2:
      if (data[8] < 5 || !read_timestamp (data + 9, 2, &header.pts33))
        return HE_PES_HEADER_BAD;
      header.dts33 = header.pts33;
      header.has_pts = TRUE;
      break;
    case 3:
      if (data[8] < 10 || !read_timestamp (data + 9, 3, &header.pts33)
          || !read_timestamp (data + 14, 1, &header.dts33))
        return HE_PES_HEADER_BAD;
      header.has_pts = TRUE;
      break;
    default: /* a DTS alone is forbidden */
      return HE_PES_HEADER_BAD;
  }
  *ret = header;
  return HE_PES_HEADER_OK;
}

HePesAssembler *
he_pes_assembler_new (HePesFunc func, gpointer user)
{
  HePesAssembler *assembler = g_new0 (HePesAssembler, 1);

  assembler->func = func;
  assembler->user = user;
  assembler->unit = g_byte_array_new ();
  return assembler;
}

void
he_pes_assembler_free (HePesAssembler *assembler)
{
  if (assembler == NULL)
    return;
  g_byte_array_unref (assembler->unit);
  g_free (assembler);
}

guint64
he_pes_assembler_dropped (const HePesAssembler *assembler)
{
  return assembler->dropped;
}

static void
drop_unit (HePesAssembler *assembler)
{
  assembler->open = FALSE;
  assembler->dropped++;
  assembler->gap = TRUE;
}

/* Gives the open unit, complete or as far as it came. */
static void
close_unit (HePesAssembler *assembler, gboolean damaged)
{
  gsize packet = assembler->header.packet;
  gsize end = assembler->unit->len;

  if (!assembler->open)
    return;
  if (!assembler->has_header) {
    drop_unit (assembler);
    return;
  }
  assembler->open = FALSE;
  if (packet > 0) {
    damaged |= end < packet;
    end = MIN (end, packet);
  }
  if (end > assembler->header.header) {
    HePes *pes = g_new0 (HePes, 1);

    pes->data = g_bytes_new (assembler->unit->data + assembler->header.header,
                             end - assembler->header.header);
    pes->has_pts = assembler->header.has_pts;
    pes->pts33 = assembler->header.pts33;
    pes->dts33 = assembler->header.dts33;
    pes->flags = (damaged ? HE_PES_DAMAGED : 0) | (assembler->gap ? HE_PES_GAP : 0);
    assembler->gap = FALSE;
    assembler->func (pes, assembler->user);
  }
  assembler->gap |= damaged;
}

void
he_pes_assembler_push (HePesAssembler *assembler, const guint8 *data, gsize len,
                       gboolean unit_start, gboolean gap)
{
  if (unit_start || gap)
    close_unit (assembler, gap);
  assembler->gap |= gap;
  if (unit_start) {
    g_byte_array_set_size (assembler->unit, 0);
    assembler->open = TRUE;
    assembler->has_header = FALSE;
  }
  if (!assembler->open)
    return;
  if (assembler->unit->len + len > HE_PES_MAX) {
    drop_unit (assembler);
    return;
  }

  g_byte_array_append (assembler->unit, data, (guint)len);
  if (!assembler->has_header) {
    HePesHeaderResult result = he_pes_read_header (
        assembler->unit->data, assembler->unit->len, &assembler->header);

    if (result == HE_PES_HEADER_BAD)
      drop_unit (assembler);
    assembler->has_header = result == HE_PES_HEADER_OK;
  }
  if (assembler->open && assembler->has_header && assembler->header.packet > 0
      && assembler->unit->len >= assembler->header.packet)
    close_unit (assembler, FALSE);
}

void
he_pes_assembler_flush (HePesAssembler *assembler, gboolean gap)
{
  close_unit (assembler, gap);
  assembler->gap |= gap;
}
