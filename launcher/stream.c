/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream.h"

#include "he-ts-parser.h"

struct _HeadendStream {
  HeTsParser *parser;
  guint64 faults;
  gboolean spoke, speaks; /* held pictures or sound: ever, in what is at hand */
};

static void
on_program (const HePmt *pmt, gpointer user)
{
}

static void
on_payload (guint16 pid, const guint8 *data, gsize len, HeTsFlags flags, gpointer user)
{
  HeadendStream *stream = user;
  stream->spoke = stream->speaks = TRUE;
}

HeadendStream *
headend_stream_new (guint program)
{
  static const HeTsHandlers handlers = { on_program, on_payload };
  HeadendStream *stream = g_new0 (HeadendStream, 1);
  stream->parser = he_ts_parser_new (&handlers, stream);
  he_ts_parser_set_program (stream->parser, (guint16)program);
  return stream;
}

void
headend_stream_free (HeadendStream *stream)
{
  if (!stream)
    return;
  he_ts_parser_free (stream->parser);
  g_free (stream);
}

gboolean
headend_stream_push (HeadendStream *stream, const guint8 *data, gsize len,
                     gboolean *ret_damaged)
{
  stream->speaks = FALSE;
  gboolean ok = he_ts_parser_push (stream->parser, data, len, NULL);
  const HeTsStats *stats = he_ts_parser_stats (stream->parser);
  guint64 faults = stats->gaps + stats->transport_errors + stats->sync_losses;
  *ret_damaged = !ok || faults != stream->faults;
  stream->faults = faults;
  return stream->speaks || !stream->spoke;
}

void
headend_stream_count (const HeadendStream *stream, HeInput *input)
{
  const HeTsStats *stats = he_ts_parser_stats (stream->parser);
  input->counts[HE_INPUT_GAPS] = stats->gaps;
  input->counts[HE_INPUT_BROKEN] = stats->transport_errors + stats->sync_losses;
}
