/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ts-parser.h"

#include "he-error.h"
#include "ts-bytes.h"

typedef struct {
  guint programs;
  HePmt pmt;
  guint payloads, gaps, starts;
  GByteArray *bytes;
} Seen;

static void
on_program (const HePmt *pmt, gpointer user)
{
  Seen *seen = user;

  seen->programs++;
  seen->pmt = *pmt;
}

static void
on_payload (guint16 pid, const guint8 *data, gsize len, HeTsFlags flags, gpointer user)
{
  Seen *seen = user;

  seen->payloads++;
  seen->gaps += (flags & HE_TS_GAP) != 0;
  seen->starts += (flags & HE_TS_UNIT_START) != 0;
  g_byte_array_append (seen->bytes, data, (guint)len);
}

static const HeTsHandlers handlers = { .program = on_program, .payload = on_payload };

typedef struct {
  TsBytes *ts;
  HeTsParser *parser;
  Seen seen;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->ts = ts_bytes_new ();
  f->seen.bytes = g_byte_array_new ();
  f->parser = he_ts_parser_new (&handlers, &f->seen);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  he_ts_parser_free (f->parser);
  g_byte_array_unref (f->seen.bytes);
  ts_bytes_free (f->ts);
}

static void
push (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (
      he_ts_parser_push (f->parser, f->ts->out->data, f->ts->out->len, &error));
  g_assert_no_error (error);
  g_byte_array_set_size (f->ts->out, 0);
}

static void
finish (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  he_ts_parser_finish (f->parser, &error);
  g_assert_no_error (error);
}

static void
video_packets (Fixture *f, guint n)
{
  guint8 payload[184] = { 0 };

  for (guint i = 0; i < n; i++) {
    payload[0] = (guint8)i;
    ts_bytes_packet (f->ts, TS_BYTES_VIDEO, i == 0, payload, sizeof payload);
  }
}

static void
test_program (Fixture *f, gconstpointer data)
{
  ts_bytes_tables (f->ts);
  ts_bytes_tables (f->ts); /* repeated: no news */
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.programs, ==, 1);
  g_assert_cmpuint (f->seen.pmt.n_streams, ==, 2);
  g_assert_cmpuint (f->seen.pmt.streams[0].pid, ==, TS_BYTES_VIDEO);
  g_assert_cmpuint (f->seen.pmt.streams[1].pid, ==, TS_BYTES_AUDIO);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->bad_sections, ==, 0);
}

static void
test_long_section (Fixture *f, gconstpointer data)
{
  guint16 streams[32][2];

  for (guint i = 0; i < 32; i++) {
    streams[i][0] = (guint16)(0x200 + i);
    streams[i][1] = i == 31 ? HE_STREAM_TYPE_H264 : 0x06;
  }
  ts_bytes_pat (f->ts, 1, TS_BYTES_PMT);
  ts_bytes_pmt (f->ts, 1, TS_BYTES_PMT, streams, 32); /* 368 bytes: three packets */
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.programs, ==, 1);
  g_assert_cmpuint (f->seen.pmt.streams[31].pid, ==, 0x21f);
}

static void
test_any_chunks (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) expected = g_byte_array_new ();

  ts_bytes_tables (f->ts);
  for (gsize i = 0; i < 50; i++) {
    guint8 payload[184] = { (guint8)i };

    ts_bytes_packet (f->ts, TS_BYTES_VIDEO, i == 0, payload, sizeof payload);
    g_byte_array_append (expected, payload, sizeof payload);
  }
  for (guint chunk = 1; chunk < 400; chunk += 37) {
    g_autoptr (HeTsParser) parser = he_ts_parser_new (&handlers, &f->seen);

    g_byte_array_set_size (f->seen.bytes, 0);
    for (gsize at = 0; at < f->ts->out->len; at += chunk)
      g_assert_true (he_ts_parser_push (parser, f->ts->out->data + at,
                                        MIN (chunk, f->ts->out->len - at), NULL));
    g_assert_true (he_ts_parser_finish (parser, NULL));
    g_assert_cmpmem (f->seen.bytes->data, f->seen.bytes->len, expected->data,
                     expected->len);
  }
}

static void
test_joins_within_a_packet (Fixture *f, gconstpointer data)
{
  video_packets (f, 3);
  g_byte_array_remove_range (f->ts->out, 0, 100);
  ts_bytes_tables (f->ts);
  video_packets (f, 10);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.payloads, ==, 10);
  g_assert_cmpuint (f->seen.gaps, ==, 0);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->skipped_bytes, ==, 88);
}

static void
test_resync (Fixture *f, gconstpointer data)
{
  static const guint8 junk[] = "\x47 not a packet \x47\x47";

  ts_bytes_tables (f->ts);
  video_packets (f, 5);
  g_byte_array_append (f->ts->out, junk, sizeof junk);
  video_packets (f, 5);
  push (f);
  finish (f);
  /* The junk begins with a sync byte and is long enough to cost the packet it covers. */
  g_assert_cmpuint (f->seen.payloads, >=, 9);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->sync_losses, >=, 1);
}

static void
test_lost_packet (Fixture *f, gconstpointer data)
{
  ts_bytes_tables (f->ts);
  gsize tables = f->ts->out->len;
  video_packets (f, 10);
  g_byte_array_remove_range (f->ts->out, (guint)tables + 4 * 188, 188);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.payloads, ==, 9);
  g_assert_cmpuint (f->seen.gaps, ==, 1);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->gaps, ==, 1);
}

static void
test_duplicate_packet (Fixture *f, gconstpointer data)
{
  guint8 again[188];

  ts_bytes_tables (f->ts);
  video_packets (f, 3);
  memcpy (again, f->ts->out->data + f->ts->out->len - 188, 188);
  g_byte_array_append (f->ts->out, again, 188);
  video_packets (f, 3);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.payloads, ==, 6);
  g_assert_cmpuint (f->seen.gaps, ==, 0);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->duplicates, ==, 1);
}

/* Given a counter that jumps where the discontinuity indicator allows it. */
static void
test_indicated (Fixture *f, gconstpointer data)
{
  guint8 payload[100] = { 0 };

  ts_bytes_tables (f->ts);
  video_packets (f, 3);
  f->ts->counters[TS_BYTES_VIDEO] += 7;
  gsize at = ts_bytes_packet (f->ts, TS_BYTES_VIDEO, TRUE, payload, sizeof payload);
  f->ts->out->data[at + 5] |= 0x80;
  video_packets (f, 3);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.payloads, ==, 7);
  g_assert_cmpuint (f->seen.gaps, ==, 0);
}

static void
test_transport_error (Fixture *f, gconstpointer data)
{
  ts_bytes_tables (f->ts);
  gsize tables = f->ts->out->len;
  video_packets (f, 5);
  f->ts->out->data[tables + 2 * 188 + 1] |= 0x80;
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.payloads, ==, 4);
  g_assert_cmpuint (f->seen.gaps, ==, 1);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->transport_errors, ==, 1);
}

/* Given a PMT that moves the video, when it is in force, then the old PID is silent. */
static void
test_moved (Fixture *f, gconstpointer data)
{
  static const guint16 moved[][2] = { { 0x300, HE_STREAM_TYPE_H264 } };
  guint8 payload[184] = { 0 };

  ts_bytes_tables (f->ts);
  ts_bytes_pmt (f->ts, 1, TS_BYTES_PMT, moved, 1);
  video_packets (f, 3);
  ts_bytes_packet (f->ts, 0x300, TRUE, payload, sizeof payload);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.programs, ==, 2);
  g_assert_cmpuint (f->seen.payloads, ==, 1);
}

static void
test_wrong_crc (Fixture *f, gconstpointer data)
{
  ts_bytes_tables (f->ts);
  f->ts->out->data[187] ^= 1; /* the PAT's last byte */
  video_packets (f, 1);       /* three packets make sure of the framing */
  push (f);
  g_assert_cmpuint (f->seen.programs, ==, 0);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->bad_sections, ==, 1);
  ts_bytes_tables (f->ts);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.programs, ==, 1);
}

/* Sections that lie about themselves; each is followed by good tables. */
static void
test_malformed_sections (Fixture *f, gconstpointer data)
{
  static const guint8 bad[][16] = {
    { 0, 0x00, 0xb0, 0x00 },             /* section length zero */
    { 0, 0x00, 0xb0, 0x01, 0xff },       /* shorter than its header */
    { 0, 0x00, 0xbf, 0xff },             /* longer than allowed */
    { 0, 0x00, 0x30, 0x0d },             /* short syntax */
    { 200 },                             /* pointer behind the packet */
    { 183 },                             /* pointer at its last byte but one */
    { 0, 0x02, 0xb0, 0x00, 0x00, 0x00 }, /* another table */
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    for (guint pid = 0; pid <= TS_BYTES_PMT; pid += TS_BYTES_PMT) {
      guint8 payload[184];

      memset (payload, 0xff, sizeof payload);
      memcpy (payload, bad[i], sizeof bad[i]);
      ts_bytes_packet (f->ts, (guint16)pid, TRUE, payload, sizeof payload);
    }
    ts_bytes_tables (f->ts);
  }
  video_packets (f, 1);
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.programs, ==, 1);
  g_assert_cmpuint (f->seen.payloads, ==, 1);
  g_assert_cmpuint (he_ts_parser_stats (f->parser)->bad_sections, >=, 4);
}

/* Adaptation fields that reach the packet's end or beyond hold no payload. */
static void
test_malformed_adaptation (Fixture *f, gconstpointer data)
{
  ts_bytes_tables (f->ts);
  for (guint length = 182; length < 256; length++) {
    guint8 payload[184] = { (guint8)length };
    gsize at = ts_bytes_packet (f->ts, TS_BYTES_VIDEO, FALSE, payload, sizeof payload);

    f->ts->out->data[at + 3] |= 0x20;
  }
  push (f);
  finish (f);
  g_assert_cmpuint (f->seen.payloads, ==, 1); /* 182: one byte is left */
  g_assert_cmpuint (f->seen.bytes->len, ==, 1);
}

/* --- What is refused ------------------------------------------------------------------
 */

static void
assert_refused (Fixture *f, const char *what)
{
  g_autoptr (GError) error = NULL;
  gsize pushed = 0;

  while (he_ts_parser_push (f->parser, f->ts->out->data, f->ts->out->len, &error)) {
    pushed += f->ts->out->len;
    g_assert_cmpuint (pushed, <=, HE_TS_MAX_PROBE);
  }
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, what));
}

static void
test_random (Fixture *f, gconstpointer data)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (188);
  guint8 bytes[4096];

  for (guint i = 0; i < HE_TS_MAX_PROBE / sizeof bytes; i++) {
    for (gsize k = 0; k < sizeof bytes; k++)
      bytes[k] = (guint8)g_rand_int (rand);
    g_byte_array_append (f->ts->out, bytes, sizeof bytes);
  }
  assert_refused (f, "no ");
}

static void
test_zeros (Fixture *f, gconstpointer data)
{
  g_byte_array_set_size (f->ts->out, 64 * 1024);
  memset (f->ts->out->data, 0, f->ts->out->len);
  assert_refused (f, "not an MPEG transport stream");
}

static void
test_no_pat (Fixture *f, gconstpointer data)
{
  video_packets (f, 1000);
  assert_refused (f, "no valid PAT");
}

static void
test_no_pmt (Fixture *f, gconstpointer data)
{
  ts_bytes_pat (f->ts, 7, TS_BYTES_PMT);
  video_packets (f, 1000);
  assert_refused (f, "no valid PMT of program 7 on PID 256");
}

static void
test_other_codecs (Fixture *f, gconstpointer data)
{
  static const guint16 streams[][2] = { { 0x101, 0x02 }, { 0x102, 0x81 } };

  ts_bytes_pat (f->ts, 1, TS_BYTES_PMT);
  ts_bytes_pmt (f->ts, 1, TS_BYTES_PMT, streams, 2);
  video_packets (f, 1000);
  assert_refused (f, "0x02 0x81");
}

static void
test_scrambled (Fixture *f, gconstpointer data)
{
  ts_bytes_tables (f->ts);
  gsize tables = f->ts->out->len;
  video_packets (f, 1000);
  for (gsize at = tables; at < f->ts->out->len; at += 188)
    f->ts->out->data[at + 3] |= 0x80;
  assert_refused (f, "scrambled");
  g_assert_cmpuint (f->seen.payloads, ==, 0);
}

static void
test_ends_early (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  video_packets (f, 10);
  push (f);
  g_assert_false (he_ts_parser_finish (f->parser, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "before the feed ended"));
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "/ts-parser/program/is-told-once", test_program },
    { "/ts-parser/program/section-over-several-packets", test_long_section },
    { "/ts-parser/input/any-chunks-give-the-same", test_any_chunks },
    { "/ts-parser/input/joins-within-a-packet", test_joins_within_a_packet },
    { "/ts-parser/input/finds-packets-again-behind-junk", test_resync },
    { "/ts-parser/loss/lost-packet-is-a-gap", test_lost_packet },
    { "/ts-parser/loss/duplicate-is-dropped", test_duplicate_packet },
    { "/ts-parser/loss/indicated-discontinuity-is-none", test_indicated },
    { "/ts-parser/loss/transport-error-drops-the-packet", test_transport_error },
    { "/ts-parser/program/moved-stream-is-followed", test_moved },
    { "/ts-parser/malformed/wrong-crc-is-ignored", test_wrong_crc },
    { "/ts-parser/malformed/sections-recover", test_malformed_sections },
    { "/ts-parser/malformed/adaptation-field-beyond-packet", test_malformed_adaptation },
    { "/ts-parser/refused/random-bytes", test_random },
    { "/ts-parser/refused/zeros", test_zeros },
    { "/ts-parser/refused/no-pat", test_no_pat },
    { "/ts-parser/refused/no-pmt", test_no_pmt },
    { "/ts-parser/refused/other-codecs", test_other_codecs },
    { "/ts-parser/refused/scrambled", test_scrambled },
    { "/ts-parser/refused/ends-without-program", test_ends_early },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
