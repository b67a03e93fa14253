/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-rtp.h"

#include <string.h>

#include "he-adts.h"
#include "he-epoch.h"
#include "he-error.h"

#define S HE_TICKS_PER_SECOND
#define WALL (G_GUINT64_CONSTANT (1795000000) * S)
#define NTP_UNIX G_GUINT64_CONSTANT (2208988800)
#define VIDEO_SSRC 0x11111111
#define AUDIO_SSRC 0x22222222
#define RATE 48000

static const HeRtpSession session
    = { .video = 96, .audio = 97, .config = { 0x11, 0x90 }, .config_len = 2 };

typedef struct {
  guint programs, streams;
  GPtrArray *units[2]; /* HePes */
  HeRtpReader *reader;
  guint16 sequence[2];
  guint64 wall90;
} Line;

static void
on_program (const HePmt *pmt, gpointer user)
{
  Line *line = user;

  line->programs++;
  line->streams = pmt->n_streams;
}

static void
on_unit (guint16 pid, HePes *pes, guint64 wall90, gpointer user)
{
  Line *line = user;

  g_ptr_array_add (line->units[pid - HE_RTP_VIDEO_PID], pes);
}

static const HeFlvHandlers handlers = { on_program, on_unit };

static Line *
line_new_of (const HeRtpSession *of)
{
  Line *line = g_new0 (Line, 1);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    line->units[i] = g_ptr_array_new_with_free_func ((GDestroyNotify)he_pes_free);
  line->sequence[0] = 65530; /* wraps */
  line->wall90 = WALL;
  line->reader = he_rtp_reader_new (of, &handlers, line, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (line->programs, ==, 1);
  g_assert_cmpuint (line->streams, ==, of->audio != 0 ? 2 : 1);
  return line;
}

static Line *
line_new (void)
{
  return line_new_of (&session);
}

static void
line_free (Line *line)
{
  he_rtp_reader_free (line->reader);
  for (guint i = 0; i < 2; i++)
    g_ptr_array_unref (line->units[i]);
  g_free (line);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Line, line_free)

static const HePes *
unit (const Line *line, guint stream, guint number)
{
  g_assert_cmpuint (number, <, line->units[stream]->len);
  return line->units[stream]->pdata[number];
}

static void
put32 (guint8 *at, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    at[i] = (guint8)(value >> (24 - 8 * i));
}

/* A packet of a stream, with the next sequence number. */
static void
send (Line *line, guint stream, guint32 ssrc, guint32 timestamp, gboolean marker,
      const guint8 *payload, gsize len)
{
  guint8 packet[2000] = { 0x80, (guint8)((marker ? 0x80 : 0) | (96 + stream)) };
  guint16 sequence = line->sequence[stream]++;

  packet[2] = (guint8)(sequence >> 8);
  packet[3] = (guint8)sequence;
  put32 (packet + 4, timestamp);
  put32 (packet + 8, ssrc);
  memcpy (packet + 12, payload, len);
  he_rtp_reader_push (line->reader, packet, 12 + len, line->wall90);
}

/* A picture in one packet. */
static void
send_picture (Line *line, guint32 timestamp)
{
  const guint8 nal[] = { 0x65, 1, 2, 3 };

  send (line, 0, VIDEO_SSRC, timestamp, TRUE, nal, sizeof nal);
}

/* The same, which says that nothing of it was before. */
static void
send_first (Line *line, guint32 timestamp)
{
  const guint8 sps[] = { 0x67, 7 };

  send (line, 0, VIDEO_SSRC, timestamp, FALSE, sps, sizeof sps);
  send_picture (line, timestamp);
}

/* Two frames of AAC, of three and two bytes. */
static void
send_sound (Line *line, guint32 timestamp)
{
  const guint8 payload[] = { 0, 32, 0, 3 << 3, 0, 2 << 3, 'a', 'b', 'c', 'd', 'e' };

  send (line, 1, AUDIO_SSRC, timestamp, TRUE, payload, sizeof payload);
}

/* A sender report: what the timestamp stands for by the sender's clock. */
static void
report (Line *line, guint32 ssrc, guint64 clock90, guint32 timestamp)
{
  guint8 packet[28] = { 0x80, 200, 0, 6 };

  put32 (packet + 4, ssrc);
  put32 (packet + 8, (guint32)(clock90 / S + NTP_UNIX));
  put32 (packet + 12, (guint32)(((clock90 % S) << 32) / S));
  put32 (packet + 16, timestamp);
  he_rtp_reader_push (line->reader, packet, sizeof packet, line->wall90);
}

/* Given packets of every kind, then units hold what a transport stream would have held.
 */
static void
test_units (void)
{
  g_autoptr (Line) line = line_new ();
  const guint8 stap[] = { 24, 0, 2, 0x67, 7, 0, 3, 0x68, 8, 9 };
  const guint8 begin[] = { 0x7c, 0x85, 1, 2 }, middle[] = { 0x7c, 0x05, 3 },
               end[] = { 0x7c, 0x45, 4 };
  const guint8 whole[]
      = { 0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x68, 8, 9, 0, 0, 0, 1, 0x65, 1, 2, 3, 4 };
  const guint8 frame[] = { 'd', 'e' };
  HeAdtsHeader header;
  gsize len;

  send (line, 0, VIDEO_SSRC, 5000, FALSE, stap, sizeof stap);
  send (line, 0, VIDEO_SSRC, 5000, FALSE, begin, sizeof begin);
  send (line, 0, VIDEO_SSRC, 5000, FALSE, middle, sizeof middle);
  send (line, 0, VIDEO_SSRC, 5000, TRUE, end, sizeof end);
  send_sound (line, 77);
  g_assert_cmpuint (line->units[0]->len, ==, 0); /* they wait for reports */
  he_rtp_reader_finish (line->reader);
  const guint8 *data = g_bytes_get_data (unit (line, 0, 0)->data, &len);
  g_assert_cmpmem (data, len, whole, sizeof whole);
  g_assert_cmpint (unit (line, 0, 0)->flags, ==, 0);
  data = g_bytes_get_data (unit (line, 1, 1)->data, &len);
  g_assert_true (he_adts_read_header (data, len, &header));
  g_assert_cmpuint (header.rate, ==, RATE);
  g_assert_cmpuint (header.channels, ==, 2);
  g_assert_cmpuint (header.size, ==, len);
  g_assert_cmpmem (data + 7, len - 7, frame, sizeof frame);
  g_assert_cmpuint (unit (line, 1, 1)->pts33 - unit (line, 1, 0)->pts33, ==, 1920);
}

/* Given timestamps from anywhere, then those of pictures stay what they are modulo 2^32,
 * with the turn that the sender's clock says, and sound stands beside them as the reports
 * say, whenever they came. */
static void
test_times (void)
{
  static const guint32 starts[] = { 0, 0x7fffff00, 0xffffff00 };

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++) {
    g_autoptr (Line) line = line_new ();

    for (guint n = 0; n < 50; n++) {
      send_picture (line, starts[i] + n * 3600);
      send_sound (line, 1000 + n * RATE / 25);
      line->wall90 += 3600;
    }
    /* By the sender's clock sound 1000 is 9000 ticks later than the first picture. */
    report (line, VIDEO_SSRC, WALL + 90 * S + 3600, starts[i] + 3600);
    g_assert_cmpuint (line->units[0]->len, ==, 0);
    report (line, AUDIO_SSRC, WALL + 90 * S + 9000, 1000);
    g_assert_cmpuint (line->units[0]->len, ==, 50);
    for (guint n = 0; n < 50; n++) {
      const HePes *picture = unit (line, 0, n), *sound = unit (line, 1, 2 * n);

      g_assert_true (picture->has_pts && sound->has_pts);
      g_assert_cmpuint ((guint32)picture->pts33, ==, starts[i] + n * 3600);
      g_assert_cmpuint ((sound->pts33 - picture->pts33 - 9000 + 1) % HE_PTS_WRAP, <=, 2);
      g_assert_cmpuint ((picture->pts33 - unit (line, 0, 0)->pts33) % HE_PTS_WRAP, ==,
                        n * 3600);
    }
    /* Within half of 2^32 of the sender's clock. */
    gint64 off = (gint64)((unit (line, 0, 0)->pts33 - (WALL + 90 * S)) % HE_PTS_WRAP);
    g_assert_true (off <= G_GINT64_CONSTANT (1) << 31
                   || off >= (gint64)HE_PTS_WRAP - (G_GINT64_CONSTANT (1) << 31));
  }
}

/* Given no reports, then units do not wait for ever, and what came together belongs
 * together. */
static void
test_no_reports (void)
{
  g_autoptr (Line) line = line_new ();

  for (guint n = 0; n < 25 * 10; n++) {
    send_picture (line, 500 + n * 3600);
    send_sound (line, 90000 + n * RATE / 25);
    line->wall90 += 3600;
  }
  g_assert_cmpuint (line->units[0]->len, ==, 250);
  g_assert_cmpuint (line->units[1]->len, ==, 500);
  g_assert_cmpuint (unit (line, 0, 249)->pts33, ==, unit (line, 1, 498)->pts33);
}

/* Given losses, then the picture that lost something is damaged, what follows a loss says
 * so, and an old packet changes nothing. */
static void
test_losses (void)
{
  g_autoptr (Line) line = line_new ();
  const guint8 begin[] = { 0x7c, 0x85, 1, 2 }, end[] = { 0x7c, 0x45, 4 };

  send_first (line, 0);
  send (line, 0, VIDEO_SSRC, 3600, FALSE, begin, sizeof begin);
  line->sequence[0]++;
  send (line, 0, VIDEO_SSRC, 3600, TRUE, end, sizeof end);
  send_picture (line, 7200);
  line->sequence[0] -= 2;
  send_picture (line, 99999);
  line->sequence[0]++;
  send_sound (line, 0);
  line->sequence[1]++;
  send_sound (line, 4096);
  he_rtp_reader_finish (line->reader);
  g_assert_cmpuint (line->units[0]->len, ==, 3);
  g_assert_cmpint (unit (line, 0, 0)->flags, ==, 0);
  g_assert_cmpint (unit (line, 0, 1)->flags, ==, HE_PES_DAMAGED | HE_PES_GAP);
  g_assert_cmpint (unit (line, 0, 2)->flags, ==, 0);
  g_assert_cmpint (unit (line, 1, 2)->flags, ==, HE_PES_GAP);
  g_assert_cmpint (unit (line, 1, 3)->flags, ==, 0);
}

/* Given a sender that was started again, then what it sends waits for its reports, too.
 */
static void
test_another_sender (void)
{
  g_autoptr (Line) line = line_new ();
  const guint8 nal[] = { 0x65, 1 };

  send_picture (line, 0);
  send_sound (line, 0);
  report (line, VIDEO_SSRC, WALL, 0);
  report (line, AUDIO_SSRC, WALL, 0);
  g_assert_cmpuint (line->units[0]->len, ==, 1);
  send (line, 0, 0x33333333, 12345, TRUE, nal, sizeof nal);
  g_assert_cmpuint (line->units[0]->len, ==, 1);
  report (line, 0x33333333, WALL + S, 12345);
  g_assert_cmpuint (line->units[0]->len, ==, 2);
  g_assert_cmpuint ((guint32)unit (line, 0, 1)->pts33, ==, 12345);
  g_assert_cmpint (unit (line, 0, 1)->flags & HE_PES_GAP, ==, HE_PES_GAP);
  send_sound (line, RATE); /* as its first report still says, a second after it */
  g_assert_cmpuint (line->units[1]->len, ==, 4);
  g_assert_cmpuint (unit (line, 1, 2)->pts33, ==, unit (line, 0, 1)->pts33);
}

/* A line on air without reports: 10 s of pictures, then, of sound too. */
static void
go_on_air (Line *line, gboolean sound)
{
  for (guint n = 0; n < 25 * 10; n++) {
    send_picture (line, 500 + n * 3600);
    if (sound)
      send_sound (line, 90000 + n * RATE / 25);
    line->wall90 += 3600;
  }
}

/* Given reports that come when pictures are on air, by a clock of which another turn is
 * nearest, then their times go on; and sound that begins then is put beside them. */
static void
test_late_reports (void)
{
  const guint64 other = WALL + (G_GUINT64_CONSTANT (1) << 32);
  const guint8 nothing[] = { 0, 0 };
  HeRtpSession silent = session;
  silent.audio = 0;
  g_autoptr (Line) alone = line_new_of (&silent);
  g_autoptr (Line) line = line_new (), late = line_new ();

  go_on_air (alone, FALSE);
  go_on_air (line, TRUE);
  go_on_air (late, FALSE);
  for (guint i = 0; i < 3; i++) {
    Line *one = i == 0 ? alone : i == 1 ? line : late;
    guint before = one->units[0]->len;

    g_assert_cmpuint (before, ==, 250);
    report (one, VIDEO_SSRC, other, 500 + 250 * 3600);
    if (i == 2) /* nothing that can be used, but it makes the sender known */
      send (one, 1, AUDIO_SSRC, 90000, FALSE, nothing, sizeof nothing);
    if (i > 0) /* where the other line has it by when it came */
      report (one, AUDIO_SSRC, other, 90000 + 250 * (RATE / 25));
    send_picture (one, 500 + 250 * 3600);
    g_assert_cmpuint (unit (one, 0, 250)->pts33, ==, unit (one, 0, 249)->pts33 + 3600);
    if (i > 0)
      send_sound (one, 90000 + 250 * (RATE / 25));
    if (i > 0)
      g_assert_cmpuint (unit (one, 1, one->units[1]->len - 2)->pts33, ==,
                        unit (one, 0, 250)->pts33);
  }
}

/* Given sound long before any picture, then it has no time of its own: what is given is
 * beside pictures. */
static void
test_early_sound (void)
{
  g_autoptr (Line) line = line_new ();

  for (guint n = 0; n < 25 * 10; n++) {
    send_sound (line, 90000 + n * RATE / 25);
    line->wall90 += 3600;
  }
  g_assert_cmpuint (line->units[1]->len, ==, 0);
  for (guint n = 0; n < 25 * 10; n++) {
    send_picture (line, 777777 + n * 3600);
    send_sound (line, 90000 + (250 + n) * RATE / 25);
    line->wall90 += 3600;
  }
  g_assert_cmpuint (line->units[0]->len, ==, 250);
  /* What came together belongs together, but for the second frame of a packet. */
  guint64 last = unit (line, 1, line->units[1]->len - 2)->pts33;
  g_assert_cmpuint (unit (line, 0, 249)->pts33 - last, <=, 1920);
  g_assert_cmpint (unit (line, 1, 0)->flags, ==, HE_PES_GAP);
}

/* Given a wall clock that is set back, then units do not wait for it. */
static void
test_clock_set_back (void)
{
  g_autoptr (Line) line = line_new ();

  send_picture (line, 0);
  line->wall90 -= 3600 * S;
  send_picture (line, 3600);
  g_assert_cmpuint (line->units[0]->len, ==, 2);
}

/* Given a sender that is joined within a picture, then that one is damaged, and what
 * continues nothing is left out. */
static void
test_joined (void)
{
  g_autoptr (Line) line = line_new ();
  const guint8 middle[] = { 0x7c, 0x05, 3 }, end[] = { 0x7c, 0x45, 4 };
  const guint8 kept[] = { 0, 0, 0, 1, 0x65, 1, 2, 3 };
  gsize len;

  send (line, 0, VIDEO_SSRC, 0, FALSE, middle, sizeof middle);
  send (line, 0, VIDEO_SSRC, 0, FALSE, end, sizeof end);
  send_picture (line, 0); /* another slice */
  send_picture (line, 3600);
  send (line, 0, 0x33333333, 99, TRUE, end, sizeof end); /* nothing to keep of it */
  send (line, 0, 0x33333333, 3699, TRUE, kept + 4, sizeof kept - 4);
  he_rtp_reader_finish (line->reader);
  g_assert_cmpuint (line->units[0]->len, ==, 3);
  const guint8 *data = g_bytes_get_data (unit (line, 0, 0)->data, &len);
  g_assert_cmpmem (data, len, kept, sizeof kept);
  g_assert_cmpint (unit (line, 0, 0)->flags, ==, HE_PES_DAMAGED);
  g_assert_cmpint (unit (line, 0, 1)->flags, ==, 0);
  g_assert_cmpint (unit (line, 0, 2)->flags, ==, HE_PES_GAP);

  /* Whole slices, before which others may have been. */
  g_autoptr (Line) slices = line_new ();
  send_picture (slices, 0);
  send_picture (slices, 3600);
  he_rtp_reader_finish (slices->reader);
  g_assert_cmpint (unit (slices, 0, 0)->flags, ==, HE_PES_DAMAGED);
  g_assert_cmpint (unit (slices, 0, 1)->flags, ==, 0);
}

/* Given a session that cannot be read, then that is said. */
static void
test_wrong_sessions (void)
{
  static const struct {
    HeRtpSession session;
    const char *said;
  } wrong[] = {
    { { .video = 72 }, "RTCP" },
    { { .video = 0 }, "RTCP" },
    { { .video = 352 }, "RTCP" },
    { { .video = 96, .audio = 95, .config = { 0x11, 0x90 }, .config_len = 2 }, "RTCP" },
    { { .video = 96, .audio = 353, .config = { 0x11, 0x90 }, .config_len = 2 }, "RTCP" },
    { { .video = 96, .audio = 97, .config = { 0x11, 0x94 }, .config_len = 2 }, "1024" },
    { { .video = 96, .audio = 97, .config = { 0x11, 0x80 }, .config_len = 2 },
      "channel configurations 1 to 7" },
    { { .video = 96, .audio = 97, .config = { 0x2b, 0x11, 0x8a }, .config_len = 3 },
      "1024" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (Line) line = line_new ();
    g_autoptr (GError) error = NULL;

    g_assert_null (he_rtp_reader_new (&wrong[i].session, &handlers, line, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, wrong[i].said));
  }
}

/* Given bytes that are no packets of ours, then nothing comes of them. */
static void
test_others (void)
{
  g_autoptr (Line) line = line_new ();
  GRand *rand = g_rand_new_with_seed (5);
  HeRtpSession wrong = session;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 20000; i++) {
    guint8 packet[64];
    gsize len = (gsize)g_rand_int_range (rand, 0, sizeof packet);

    for (gsize n = 0; n < len; n++)
      packet[n] = (guint8)g_rand_int (rand);
    packet[0] = (guint8)((packet[0] & 0x3f) | 0x80);
    packet[1] = i % 3 == 0 ? 200 : i % 3 == 1 ? 96 : 97;
    g_autofree guint8 *exact = g_memdup2 (packet, len);
    he_rtp_reader_push (line->reader, exact, len, line->wall90);
    line->wall90 += 90;
  }
  he_rtp_reader_finish (line->reader);
  wrong.config_len = 1;
  g_assert_null (he_rtp_reader_new (&wrong, &handlers, line, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_INVALID);
  g_rand_free (rand);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtp/units-are-whole", test_units);
  g_test_add_func ("/rtp/times-are-the-sender's", test_times);
  g_test_add_func ("/rtp/nothing-waits-for-ever-for-reports", test_no_reports);
  g_test_add_func ("/rtp/losses-are-told", test_losses);
  g_test_add_func ("/rtp/another-sender-begins-anew", test_another_sender);
  g_test_add_func ("/rtp/late-reports-move-nothing-on-air", test_late_reports);
  g_test_add_func ("/rtp/early-sound-waits-for-pictures", test_early_sound);
  g_test_add_func ("/rtp/a-clock-set-back-holds-nothing", test_clock_set_back);
  g_test_add_func ("/rtp/a-picture-joined-within-is-damaged", test_joined);
  g_test_add_func ("/rtp/wrong-sessions-are-refused", test_wrong_sessions);
  g_test_add_func ("/rtp/other-packets-are-left-out", test_others);
  return g_test_run ();
}
