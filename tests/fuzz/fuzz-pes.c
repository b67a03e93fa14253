/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packetized elementary streams and what they carry: units, ADTS frames, entry points. The
 * first byte says into how long pieces the rest is cut. */
#include "fuzz.h"
#include "he-adts.h"
#include "he-h264.h"
#include "he-h265.h"
#include "he-pes.h"

/* Text holds no zero byte; the whole units in tests/fuzz/corpus/pes do. */
const char *const fuzz_seeds[] = {
  "\x40\xff\xf1\x4c\x80\x02\x1f\xfc\x21\x10\x05\xff\xf1\x4c\x80\x02\x1f\xfc\x21\x10\x05",
  NULL,
};

static void
take_frame (const HeAdtsFrame *frame, gpointer user)
{
  gsize *left = user;

  if (frame->header.size < frame->header.header || frame->header.size > HE_ADTS_MAX_FRAME
      || frame->header.size > *left || frame->duration90 == 0)
    g_abort ();
  *left -= frame->header.size;
}

static void
take_unit (HePes *pes, gpointer user)
{
  gsize *left = user, len = 0;
  const guint8 *data = g_bytes_get_data (pes->data, &len);

  /* Nothing is made up, and nothing comes twice. */
  if (len == 0 || len > *left || len > HE_PES_MAX
      || (pes->has_pts && (pes->pts33 >> 33 || pes->dts33 >> 33)))
    g_abort ();
  *left -= len;
  he_h264_entry (data, len);
  he_h265_entry (data, len);
  he_pes_free (pes);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  gsize left = size, frames_left = size;
  g_autoptr (HePesAssembler) assembler = he_pes_assembler_new (take_unit, &left);
  g_autoptr (HeAdtsSplitter) splitter = he_adts_splitter_new (take_frame, &frames_left);
  HePesHeader header = { 0 };

  if (size == 0)
    return 0;
  if (he_pes_read_header (data, size, &header) == HE_PES_HEADER_OK
      && (header.header > size || (header.packet && header.packet < header.header)))
    g_abort ();
  gsize piece = 1 + data[0];
  for (size_t at = 1; at < size; at += piece) {
    gsize len = MIN (piece, size - at);

    he_pes_assembler_push (assembler, data + at, len, data[at] == 0, data[at] == 0xff);
    he_adts_splitter_push (splitter, data + at, len, at * 90, data[at] == 1,
                           data[at] == 2);
  }
  he_pes_assembler_flush (assembler, FALSE);
  he_adts_splitter_flush (splitter);
  return 0;
}
