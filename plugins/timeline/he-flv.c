/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-flv.h"

#include <string.h>

#include "he-adts.h"
#include "he-codec.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-stamp.h"

/* Adobe Flash Video File Format Specification 10.1, annex E. */
#define FILE_HEADER 9
#define TAG_HEADER 11
#define BACK_POINTER 4
#define TAG_AUDIO 8
#define TAG_VIDEO 9
#define CODEC_AVC 7
#define SOUND_AAC 10
#define FRAME_KEY 1
/* The other of video and audio is waited for so long before the program is told. */
#define MAX_LONE_TAGS 200

enum { VIDEO, AUDIO, N_STREAMS };
static const guint16 pids[] = { HE_FLV_VIDEO_PID, HE_FLV_AUDIO_PID };
static const guint8 types[] = { HE_STREAM_TYPE_H264, HE_STREAM_TYPE_AAC_ADTS };

typedef struct {
  guint stream;
  GBytes *data;
  gint64 pts_ms, dts_ms;
  guint64 wall90;
  gboolean gap; /* something ahead of it was left out */
} Held;

struct _HeFlvReader {
  const HeFlvHandlers *handlers;
  gpointer user;
  GByteArray *input;
  gboolean in_tags; /* behind the file's header */
  gboolean known[N_STREAMS], told[N_STREAMS];
  guint lone_tags;
  guint fps_n, fps_d;
  GByteArray *parameters; /* parameter sets, as a byte stream */
  guint length_size;      /* of NAL units' lengths */
  HeAdtsMaker adts;
  gint64 ms; /* of the last tag, unwrapped */
  gboolean has_ms;
  guint64 wall90; /* of the input at hand */
  HeStamp stamps[N_STREAMS];
  gboolean skips, gap[N_STREAMS];
  guint64 skipped;
  GQueue held; /* Held */
  gsize held_bytes;
};

static void
held_free (gpointer data)
{
  Held *held = data;

  g_bytes_unref (held->data);
  g_free (held);
}

HeFlvReader *
he_flv_reader_new (const HeFlvHandlers *handlers, gpointer user, guint fps_n, guint fps_d)
{
  HeFlvReader *reader = g_new0 (HeFlvReader, 1);

  reader->handlers = handlers;
  reader->user = user;
  reader->input = g_byte_array_new ();
  reader->parameters = g_byte_array_new ();
  reader->fps_n = fps_n;
  reader->fps_d = fps_d;
  g_queue_init (&reader->held);
  for (guint i = 0; i < N_STREAMS; i++)
    he_stamp_init (&reader->stamps[i], 0, 1);
  return reader;
}

void
he_flv_reader_free (HeFlvReader *reader)
{
  if (reader == NULL)
    return;
  g_queue_clear_full (&reader->held, held_free);
  for (guint i = 0; i < N_STREAMS; i++)
    he_stamp_clear (&reader->stamps[i]);
  g_byte_array_unref (reader->input);
  g_byte_array_unref (reader->parameters);
  g_free (reader);
}

/* --- Times -------------------------------------------------------------------------- */

static void
give (HeFlvReader *reader, Held *held)
{
  const HeStamp *stamp = &reader->stamps[held->stream];
  HePes *pes = g_new0 (HePes, 1);

  pes->data = g_bytes_ref (held->data);
  pes->flags = held->gap ? HE_PES_GAP : 0;
  pes->has_pts = TRUE;
  pes->pts33 = (guint64)he_stamp_time (stamp, held->pts_ms) & (HE_PTS_WRAP - 1);
  pes->dts33 = (guint64)he_stamp_time (stamp, held->dts_ms) & (HE_PTS_WRAP - 1);
  reader->handlers->unit (pids[held->stream], pes, held->wall90, reader->user);
  reader->held_bytes -= g_bytes_get_size (held->data);
  held_free (held);
}

static void
give_held (HeFlvReader *reader)
{
  while (!g_queue_is_empty (&reader->held))
    give (reader, g_queue_pop_head (&reader->held));
}

static gboolean
must_wait (HeFlvReader *reader)
{
  const Held *first = g_queue_peek_head (&reader->held);
  gboolean ready = TRUE;

  for (guint i = 0; i < N_STREAMS; i++)
    ready &= !reader->told[i] || he_stamp_is_ready (&reader->stamps[i]);
  return !ready && reader->held_bytes <= HE_FLV_MAX_HELD && first != NULL
         && ABS (reader->ms - first->dts_ms) <= HE_FLV_MAX_HELD_MS;
}

static void
settle (HeFlvReader *reader)
{
  for (guint i = 0; i < N_STREAMS; i++)
    if (reader->told[i])
      he_stamp_settle (&reader->stamps[i]);
  give_held (reader);
}

static void
hold (HeFlvReader *reader, Held *held)
{
  held->gap = reader->gap[held->stream];
  reader->gap[held->stream] = FALSE;
  reader->held_bytes += g_bytes_get_size (held->data);
  g_queue_push_tail (&reader->held, held);
}

static void
leave_out (HeFlvReader *reader, Held *held)
{
  reader->gap[held->stream] = TRUE;
  reader->skipped += held->stream == VIDEO;
  held_free (held);
}

/* Takes data. */
static void
take_unit (HeFlvReader *reader, guint stream, GBytes *data, gint64 pts_ms, gint64 dts_ms)
{
  HeStamp *stamp = &reader->stamps[stream];
  Held *held = g_new0 (Held, 1);

  *held = (Held) { stream, data, pts_ms, dts_ms, reader->wall90, FALSE };
  if (!reader->told[stream]) {
    held_free (held);
    return;
  }
  if (stamp->begun && ABS (pts_ms - stamp->ms) >= HE_STAMP_JUMP)
    settle (reader);
  if (!he_stamp_take (stamp, pts_ms))
    he_stamp_take (stamp, pts_ms);
  if (reader->skips)
    leave_out (reader, held);
  else
    hold (reader, held);
  if (g_queue_is_empty (&reader->held) || must_wait (reader))
    return;
  settle (reader);
}

/* 32 bits that wrap after 49 days; behind a jump, the new time. */
static gint64
unwrap (HeFlvReader *reader, guint32 ms)
{
  if (reader->has_ms)
    reader->ms += (gint32)(ms - (guint32)reader->ms);
  else
    reader->ms = ms;
  reader->has_ms = TRUE;
  return reader->ms;
}

/* --- Tags --------------------------------------------------------------------------- */

static void
tell_program (HeFlvReader *reader)
{
  HePmt pmt = { .program = 1 };

  if (!memcmp (reader->known, reader->told, sizeof reader->told))
    return;
  if (!(reader->known[VIDEO] && reader->known[AUDIO])
      && reader->lone_tags++ < MAX_LONE_TAGS)
    return;
  for (guint i = 0; i < N_STREAMS; i++) {
    if (reader->known[i])
      pmt.streams[pmt.n_streams++] = (HePmtStream) { .pid = pids[i], .type = types[i] };
    reader->told[i] = reader->known[i];
  }
  reader->handlers->program (&pmt, reader->user);
}

static const guint8 start_code[] = { 0, 0, 0, 1 };

static void
append_nal (GByteArray *out, const guint8 *data, gsize len)
{
  g_byte_array_append (out, start_code, sizeof start_code);
  g_byte_array_append (out, data, (guint)len);
}

/* AVCDecoderConfigurationRecord, ISO/IEC 14496-15 section 5.3.3.1. */
static gboolean
read_avc_config (HeFlvReader *reader, const guint8 *data, gsize len)
{
  gsize at = 5;

  if (len < 7 || data[0] != 1)
    return FALSE;
  g_byte_array_set_size (reader->parameters, 0);
  reader->length_size = (data[4] & 3) + 1;
  for (guint set = 0; set < 2; set++) {
    if (at >= len)
      return set > 0;
    guint n = set == 0 ? data[at] & 0x1f : data[at];

    for (at++; n > 0; n--) {
      if (at + 2 > len || he_read_be16 (data + at) > len - at - 2)
        return FALSE;
      gsize size = he_read_be16 (data + at);

      append_nal (reader->parameters, data + at + 2, size);
      at += 2 + size;
    }
  }
  return TRUE;
}

static GBytes *
byte_stream (HeFlvReader *reader, const guint8 *data, gsize len, gboolean key)
{
  GByteArray *out = g_byte_array_sized_new ((guint)len + 64);

  if (key)
    g_byte_array_append (out, reader->parameters->data, reader->parameters->len);
  while (len > reader->length_size) {
    gsize size = 0;

    for (guint i = 0; i < reader->length_size; i++)
      size = size << 8 | *data++;
    len -= reader->length_size;
    if (size > len)
      break;
    append_nal (out, data, size);
    data += size;
    len -= size;
  }
  return g_byte_array_free_to_bytes (out);
}

static gboolean
read_video (HeFlvReader *reader, const guint8 *data, gsize len, gint64 ms, GError **error)
{
  if (len < 5)
    return TRUE;
  if ((data[0] & 0x0f) != CODEC_AVC || data[0] & 0x80) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the feed's video is of another codec than H.264 (FLV 0x%02x); send "
                 "H.264",
                 data[0]);
    return FALSE;
  }
  gint32 offset = (gint32)((guint32)data[2] << 24 | data[3] << 16 | data[4] << 8) >> 8;

  if (data[1] == 0) {
    reader->known[VIDEO] |= read_avc_config (reader, data + 5, len - 5);
    if (!reader->told[VIDEO])
      he_stamp_init (&reader->stamps[VIDEO],
                     reader->fps_n > 0 ? (guint64)reader->fps_d * 1000 : 0,
                     MAX (reader->fps_n, 1));
    tell_program (reader);
  } else if (data[1] == 1 && reader->known[VIDEO]) {
    GBytes *unit = byte_stream (reader, data + 5, len - 5, data[0] >> 4 == FRAME_KEY);

    tell_program (reader);
    if (g_bytes_get_size (unit) > 0)
      take_unit (reader, VIDEO, unit, ms + offset, ms);
    else
      g_bytes_unref (unit);
  }
  return TRUE;
}

static gboolean
read_aac_config (HeFlvReader *reader, const guint8 *data, gsize len)
{
  if (!he_adts_maker_init (&reader->adts, data, len))
    return FALSE;
  if (!reader->told[AUDIO])
    he_stamp_init (&reader->stamps[AUDIO], (guint64)HE_AUDIO_FRAME * 1000,
                   reader->adts.rate);
  return TRUE;
}

static gboolean
read_audio (HeFlvReader *reader, const guint8 *data, gsize len, gint64 ms, GError **error)
{
  if (len < 2)
    return TRUE;
  if (data[0] >> 4 != SOUND_AAC) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "the feed's sound is of another codec than AAC (FLV %u); send AAC",
                 data[0] >> 4);
    return FALSE;
  }
  if (data[1] == 0) {
    reader->known[AUDIO] |= read_aac_config (reader, data + 2, len - 2);
    tell_program (reader);
  } else if (reader->known[AUDIO]) {
    GBytes *frame = he_adts_maker_frame (&reader->adts, data + 2, len - 2);

    tell_program (reader);
    if (frame != NULL)
      take_unit (reader, AUDIO, frame, ms, ms);
  }
  return TRUE;
}

/* One tag at the beginning. 0: more input is needed; with an error: it cannot be used. */
static gsize
read_tag (HeFlvReader *reader, const guint8 *data, gsize len, GError **error)
{
  gsize size, whole;
  gboolean ok = TRUE;

  if (len < TAG_HEADER)
    return 0;
  size = (gsize)data[1] << 16 | data[2] << 8 | data[3];
  whole = TAG_HEADER + size + BACK_POINTER;
  if ((data[0] & 0xc0) != 0 || size > HE_PES_MAX) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "no FLV: a tag of type 0x%02x and %" G_GSIZE_FORMAT " bytes", data[0],
                 size);
    return 0;
  }
  if (len < whole)
    return 0;
  guint32 ms = (guint32)data[7] << 24 | data[4] << 16 | data[5] << 8 | data[6];
  const guint8 *body = data + TAG_HEADER;

  if (data[0] == TAG_VIDEO)
    ok = read_video (reader, body, size, unwrap (reader, ms), error);
  else if (data[0] == TAG_AUDIO)
    ok = read_audio (reader, body, size, unwrap (reader, ms), error);
  return ok ? whole : 0;
}

static gsize
read_header (HeFlvReader *reader, const guint8 *data, gsize len, GError **error)
{
  if (len < FILE_HEADER + BACK_POINTER)
    return 0;
  if (memcmp (data, "FLV", 3) != 0 || he_read_be32 (data + 5) != FILE_HEADER) {
    g_set_error_literal (error, HE_ERROR, HE_ERROR_INVALID, "no FLV: it has no header");
    return 0;
  }
  reader->in_tags = TRUE;
  return FILE_HEADER + BACK_POINTER;
}

gboolean
he_flv_reader_push (HeFlvReader *reader, const guint8 *data, gsize len, guint64 wall90,
                    GError **error)
{
  GError *wrong = NULL;
  gsize at = 0, taken;

  reader->wall90 = wall90;
  g_byte_array_append (reader->input, data, (guint)len);
  do {
    const guint8 *head = reader->input->data + at;
    gsize left = reader->input->len - at;

    taken = reader->in_tags ? read_tag (reader, head, left, &wrong)
                            : read_header (reader, head, left, &wrong);
    at += taken;
  } while (taken > 0);
  g_byte_array_remove_range (reader->input, 0, (guint)at);
  if (wrong == NULL)
    return TRUE;
  g_propagate_error (error, wrong);
  return FALSE;
}

void
he_flv_reader_skip (HeFlvReader *reader, gboolean skip)
{
  reader->skips = skip;
}

guint64
he_flv_reader_skipped (const HeFlvReader *reader)
{
  return reader->skipped;
}

void
he_flv_reader_finish (HeFlvReader *reader)
{
  settle (reader);
  g_byte_array_set_size (reader->input, 0);
  reader->in_tags = FALSE;
}
