/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-adts.h"

#include <string.h>

#include "he-epoch.h"

#define MIN_HEADER 7
/* A frame of 8191 bytes in units of more than a packet spans no more. */
#define MAX_MARKS 64

static const guint rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
                               22050, 16000, 12000, 11025, 8000,  7350 };

/* Where a unit began in the input, and its time. */
typedef struct {
  gsize at;
  guint64 pts90;
} Mark;

struct _HeAdtsSplitter {
  HeAdtsFunc func;
  gpointer user;
  GByteArray *input;
  Mark marks[MAX_MARKS];
  guint n_marks;
  gboolean locked;
  gboolean gap;
  guint64 base90;  /* time of the frame that samples are counted from */
  guint64 samples; /* since then */
  guint rate;      /* of those samples */
  guint64 errors;
};

gboolean
he_adts_read_header (const guint8 *data, gsize len, HeAdtsHeader *ret)
{
  static const guint channels[] = { 0, 1, 2, 3, 4, 5, 6, 8 };

  if (len < MIN_HEADER || data[0] != 0xff || (data[1] & 0xf6) != 0xf0)
    return FALSE;

  guint rate = data[2] >> 2 & 0x0f;
  HeAdtsHeader header = {
    .channels = channels[(data[2] & 1) << 2 | data[3] >> 6],
    .samples = HE_AUDIO_FRAME * (1 + (data[6] & 0x03)),
    .header = data[1] & 1 ? 7 : 9,
    .size = (gsize)(data[3] & 0x03) << 11 | (gsize)data[4] << 3 | data[5] >> 5,
  };
  if (rate >= G_N_ELEMENTS (rates) || header.size <= header.header)
    return FALSE;
  header.rate = rates[rate];
  *ret = header;
  return TRUE;
}

gboolean
he_adts_maker_init (HeAdtsMaker *maker, const guint8 *config, gsize len)
{
  guint8 header[] = { 0xff, 0xf1, 0, 0, 0, 0x1f, 0xfc };
  HeAdtsHeader parsed;

  if (len < 2)
    return FALSE;
  guint object = config[0] >> 3, rate = (config[0] & 7) << 1 | config[1] >> 7;
  guint channels = config[1] >> 3 & 15;
  gboolean short_frames = config[1] & 4; /* of 960 samples */

  if (object == 5 || object == 29) {
    object = 2; /* SBR over LC: the core is LC, and told of behind SBR's rate */
    short_frames = len > 2 && config[2] & 2;
  }
  /* Channels of configuration 0 are described where ADTS has no place for it. */
  if (object < 1 || object > 4 || rate > 12 || channels < 1 || channels > 7
      || short_frames)
    return FALSE;
  header[2] = (guint8)((object - 1) << 6 | rate << 2 | channels >> 2);
  header[3] = (guint8)(channels << 6);
  memcpy (maker->header, header, sizeof header);
  header[4] = 16 >> 3; /* some length */
  if (!he_adts_read_header (header, sizeof header, &parsed))
    return FALSE;
  maker->rate = parsed.rate;
  return TRUE;
}

GBytes *
he_adts_maker_frame (const HeAdtsMaker *maker, const guint8 *data, gsize len)
{
  gsize size = len + sizeof maker->header;
  guint8 *frame;

  if (size > HE_ADTS_MAX_FRAME)
    return NULL;
  frame = g_malloc (size);
  memcpy (frame, maker->header, sizeof maker->header);
  frame[3] |= (guint8)(size >> 11);
  frame[4] = (guint8)(size >> 3);
  frame[5] |= (guint8)((size & 7) << 5);
  memcpy (frame + sizeof maker->header, data, len);
  return g_bytes_new_take (frame, size);
}

HeAdtsSplitter *
he_adts_splitter_new (HeAdtsFunc func, gpointer user)
{
  HeAdtsSplitter *splitter = g_new0 (HeAdtsSplitter, 1);

  splitter->func = func;
  splitter->user = user;
  splitter->input = g_byte_array_new ();
  splitter->base90 = HE_ADTS_NO_TIME;
  return splitter;
}

void
he_adts_splitter_free (HeAdtsSplitter *splitter)
{
  if (splitter == NULL)
    return;
  g_byte_array_unref (splitter->input);
  g_free (splitter);
}

guint64
he_adts_splitter_errors (const HeAdtsSplitter *splitter)
{
  return splitter->errors;
}

static void
lose_framing (HeAdtsSplitter *splitter)
{
  splitter->locked = FALSE;
  splitter->gap = TRUE;
  splitter->base90 = HE_ADTS_NO_TIME;
}

static void
add_mark (HeAdtsSplitter *splitter, guint64 pts90)
{
  if (splitter->n_marks == MAX_MARKS) {
    splitter->n_marks--;
    memmove (splitter->marks, splitter->marks + 1, splitter->n_marks * sizeof (Mark));
  }
  splitter->marks[splitter->n_marks++]
      = (Mark) { .at = splitter->input->len, .pts90 = pts90 };
}

/* A frame begins at this place: the time of its unit applies if it is the first there. */
static void
take_mark (HeAdtsSplitter *splitter, gsize at)
{
  guint last = splitter->n_marks;

  while (last > 0 && splitter->marks[last - 1].at > at)
    last--;
  if (last == 0)
    return;
  if (splitter->marks[last - 1].pts90 != HE_ADTS_NO_TIME) {
    splitter->base90 = splitter->marks[last - 1].pts90;
    splitter->samples = 0;
  }
  splitter->n_marks -= last;
  memmove (splitter->marks, splitter->marks + last, splitter->n_marks * sizeof (Mark));
}

static guint64
time_of (const HeAdtsSplitter *splitter, guint64 samples)
{
  return splitter->base90
         + (samples * HE_TICKS_PER_SECOND + splitter->rate / 2) / splitter->rate;
}

static void
give_frame (HeAdtsSplitter *splitter, gsize at, const HeAdtsHeader *header)
{
  take_mark (splitter, at);
  if (splitter->base90 == HE_ADTS_NO_TIME)
    return;
  if (splitter->rate != header->rate) {
    if (splitter->samples > 0)
      splitter->base90 = time_of (splitter, splitter->samples);
    splitter->rate = header->rate;
    splitter->samples = 0;
  }

  HeAdtsFrame frame = {
    .header = *header,
    .data = splitter->input->data + at,
    .pts90 = time_of (splitter, splitter->samples),
    .gap = splitter->gap,
  };
  splitter->samples += header->samples;
  frame.duration90 = time_of (splitter, splitter->samples) - frame.pts90;
  splitter->gap = FALSE;
  splitter->func (&frame, splitter->user);
}

typedef enum {
  FRAME_YES,
  FRAME_NO,
  FRAME_WAIT, /* more bytes are needed to tell */
} Verdict;

/* A frame that is exactly one unit needs no second header to be believed. */
static gboolean
fills_unit (const HeAdtsSplitter *splitter, gsize at, gsize size)
{
  return splitter->n_marks > 0 && splitter->marks[splitter->n_marks - 1].at == at
         && at + size == splitter->input->len;
}

/* Whether a frame begins here, and is complete. Once locked, frames follow each other;
 * before, a second header must stand behind it, or the end of all input. */
static Verdict
judge (const HeAdtsSplitter *splitter, gsize at, gboolean last, HeAdtsHeader *ret)
{
  const guint8 *data = splitter->input->data + at;
  gsize len = splitter->input->len - at;
  HeAdtsHeader next;

  if (len < MIN_HEADER)
    return FRAME_WAIT;
  if (!he_adts_read_header (data, len, ret))
    return FRAME_NO;
  if (len < ret->size)
    return FRAME_WAIT;
  if (splitter->locked || fills_unit (splitter, at, ret->size))
    return FRAME_YES;
  if (last && len == ret->size)
    return FRAME_YES;
  if (len < ret->size + MIN_HEADER)
    return last ? FRAME_NO : FRAME_WAIT;
  if (!he_adts_read_header (data + ret->size, len - ret->size, &next)
      || next.rate != ret->rate || next.channels != ret->channels)
    return FRAME_NO;
  return FRAME_YES;
}

static void
read_input (HeAdtsSplitter *splitter, gboolean last)
{
  gsize at = 0;

  while (at < splitter->input->len) {
    HeAdtsHeader header;
    Verdict verdict = judge (splitter, at, last, &header);

    if (verdict == FRAME_WAIT)
      break;
    if (verdict == FRAME_YES) {
      splitter->locked = TRUE;
      give_frame (splitter, at, &header);
      at += header.size;
      continue;
    }
    if (splitter->locked) {
      take_mark (splitter, at); /* its time was that of the frame that is broken */
      splitter->errors++;
      lose_framing (splitter);
    }
    at++;
  }

  g_byte_array_remove_range (splitter->input, 0, (guint)at);
  for (guint i = 0; i < splitter->n_marks; i++)
    splitter->marks[i].at -= MIN (splitter->marks[i].at, at);
}

void
he_adts_splitter_push (HeAdtsSplitter *splitter, const guint8 *data, gsize len,
                       guint64 pts90, gboolean gap, gboolean damaged)
{
  if (gap) {
    g_byte_array_set_size (splitter->input, 0);
    splitter->n_marks = 0;
    lose_framing (splitter);
  }
  add_mark (splitter, pts90);
  g_byte_array_append (splitter->input, data, (guint)len);
  read_input (splitter, FALSE);
  if (damaged) {
    g_byte_array_set_size (splitter->input, 0);
    splitter->n_marks = 0;
    lose_framing (splitter);
  }
}

void
he_adts_splitter_flush (HeAdtsSplitter *splitter)
{
  read_input (splitter, TRUE);
  g_byte_array_set_size (splitter->input, 0);
  splitter->n_marks = 0;
}
