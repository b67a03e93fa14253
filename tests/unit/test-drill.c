/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "description.h"
#include "drill-description.h"
#include "drill-fate.h"
#include "drill-relay.h"
#include "drill-shift.h"
#include "drill-shortage.h"
#include "drill.h"
#include "he-pes.h"

/* Given the same seed, then the same datagrams are lost, doubled and delayed; given
 * another, others; and about as many as was said. */
static void
test_fate (void)
{
  const HeadendImpairment bad
      = { .loss = 100, .duplicate = 50, .reorder = 200, .delay_ms = 20, .jitter_ms = 10 };
  HeadendDice dice[] = { { 7 }, { 7 }, { 8 } };
  guint lost = 0, twice = 0, late = 0, differ = 0;
  for (guint i = 0; i < 100000; i++) {
    gint64 delays[3][HEADEND_COPIES] = { { 0 } };
    guint copies[3];
    for (guint j = 0; j < 3; j++)
      copies[j] = headend_fate (&dice[j], &bad, delays[j]);
    g_assert_cmpuint (copies[0], ==, copies[1]);
    g_assert_cmpint (delays[0][0], ==, delays[1][0]);
    differ += copies[0] != copies[2];
    lost += copies[0] == 0;
    twice += copies[0] == 2;
    late += copies[0] > 0 && delays[0][0] >= (20 + HEADEND_REORDER_MS) * 1000;
    if (copies[0] > 0) {
      g_assert_cmpint (delays[0][0], >=, 20000);
      g_assert_cmpint (delays[0][0], <=, (30 + HEADEND_REORDER_MS) * 1000);
    }
  }
  g_assert_cmpuint (differ, >, 1000);
  g_assert_true (lost > 9000 && lost < 11000);
  g_assert_true (twice > 4000 && twice < 5000);
  g_assert_true (late > 17000 && late < 19000);
}

static guint64
pts_of (const guint8 *packet)
{
  HePesHeader header;
  g_assert_cmpint (he_pes_read_header (packet + 12, 188 - 12, &header), ==,
                   HE_PES_HEADER_OK);
  g_assert_true (header.has_pts);
  return header.pts33;
}

static guint64
pcr_of (const guint8 *packet)
{
  const guint8 *p = packet + 6;
  return (guint64)p[0] << 25 | (guint64)p[1] << 17 | (guint64)p[2] << 9
         | (guint64)p[3] << 1 | p[4] >> 7;
}

/* Given a packet with PCR, PTS and DTS, when it is moved, then all three move alike,
 * modulo 2^33, and nothing else changes. */
static void
test_shift (void)
{
  /* PCR 1000, extension 5; PTS 3000, DTS 2000. */
  guint8 packet[188 * 2]
      = { 0x47, 0x41, 0x00, 0x30, 7,    0x10, 0,    0,    1,    0xf4, 0x7e,
          5,    0,    0,    1,    0xe0, 0,    0,    0x80, 0xc0, 10,   0x31,
          0x00, 0x01, 0x17, 0x71, 0x11, 0x00, 0x01, 0x0f, 0xa1, 0xaa };
  packet[188] = 0x47; /* a packet without a time of its own */
  packet[191] = 0x10;
  guint8 before[sizeof packet];
  memcpy (before, packet, sizeof packet);
  g_assert_cmpuint (pts_of (packet), ==, 3000);
  g_assert_cmpuint (pcr_of (packet), ==, 1000);
  headend_shift_packets (packet, sizeof packet, (G_GUINT64_CONSTANT (1) << 33) - 2000);
  HePesHeader header;
  he_pes_read_header (packet + 12, 176, &header);
  g_assert_cmpuint (header.pts33, ==, 1000);
  g_assert_cmpuint (header.dts33, ==, 0);
  g_assert_cmpuint (pcr_of (packet), ==, (G_GUINT64_CONSTANT (1) << 33) - 1000);
  headend_shift_packets (packet, sizeof packet, 2000);
  g_assert_cmpmem (packet, sizeof packet, before, sizeof before);
}

static int
udp_socket (guint *ret_port)
{
  struct sockaddr_in own
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof own;
  int fd = socket (AF_INET, SOCK_DGRAM, 0);
  struct timeval patience = { .tv_sec = 60 };
  g_assert_cmpint (bind (fd, (struct sockaddr *)&own, size), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)&own, &size), ==, 0);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  *ret_port = ntohs (own.sin_port);
  return fd;
}

static void
send_to (int fd, guint port, guint8 byte)
{
  struct sockaddr_in to = { .sin_family = AF_INET,
                            .sin_port = htons ((guint16)port),
                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  g_assert_cmpint (sendto (fd, &byte, 1, 0, (struct sockaddr *)&to, sizeof to), ==, 1);
}

/* Given a relay, then datagrams go to the target, each sender gets his own answers, a cut
 * leg carries nothing, and a doubled datagram comes twice. */
static void
test_relay (void)
{
  g_autoptr (GError) error = NULL;
  guint target_port, own_port, other_port, relay_port = 0;
  int target = udp_socket (&target_port), own = udp_socket (&own_port);
  int other = udp_socket (&other_port);
  HeadendRelay *relay
      = headend_relay_start ("127.0.0.1", &relay_port, target_port, 1, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    guint8 byte = 0;
    send_to (i ? other : own, relay_port, (guint8)(10 + i));
    g_assert_cmpint (recvfrom (target, &byte, 1, 0, (struct sockaddr *)&from, &size), ==,
                     1);
    g_assert_cmpuint (byte, ==, 10 + i);
    send_to (target, ntohs (from.sin_port), (guint8)(20 + i));
    g_assert_cmpint (recv (i ? other : own, &byte, 1, 0), ==, 1);
    g_assert_cmpuint (byte, ==, 20 + i);
  }
  HeadendRelayCount count;
  headend_relay_impair (relay, &(HeadendImpairment) { .cut = TRUE });
  send_to (own, relay_port, 30);
  do
    headend_relay_count (relay, &count);
  while (count.lost == 0);
  headend_relay_impair (relay, &(HeadendImpairment) { .duplicate = 1000, .delay_ms = 5 });
  send_to (own, relay_port, 31);
  for (guint i = 0; i < 2; i++) {
    guint8 byte = 0;
    g_assert_cmpint (recv (target, &byte, 1, 0), ==, 1);
    g_assert_cmpuint (byte, ==, 31);
  }
  headend_relay_count (relay, &count);
  g_assert_cmpuint (count.taken, ==, 6);
  g_assert_cmpuint (count.doubled, ==, 1);
  headend_relay_stop (relay);
  close (target);
  close (own);
  close (other);
}

static const char description[]
    = "{\"secret\":{\"file\":\"/elsewhere/secret\"},\"tokens\":{\"keys\":\"/elsewhere/"
      "keys\"},"
      "\"nodes\":[{\"name\":\"A\",\"listen\":\"192.0.2.1:80\",\"internal\":\"192.0.2.1:"
      "81\","
      "\"state\":\"/elsewhere\"}],\"channels\":["
      "{\"name\":\"other\",\"source\":\"udp://192.0.2.9:1\",\"video\":[{\"width\":64,"
      "\"height\":64,\"bitrate\":99}]},"
      "{\"name\":\"c\",\"source\":\"srt://192.0.2.9:1?passphrase=elsewhere123\","
      "\"segment-duration\":1.92,\"window\":7,\"watermark\":false,"
      "\"destination\":\"http://elsewhere/\",\"encryption\":\"none\","
      "\"video\":[{\"width\":640,\"height\":360,\"frame-rate\":\"30000/1001\","
      "\"bitrate\":800}],\"audio\":[{\"track\":3,\"rate\":44100}],"
      "\"segment-duration\":{\"ticks\":180180}}]}";

/* Given a description, when it is made one of a drill, then what makes the segments is as
 * it was, and nothing in it leads elsewhere. */
static void
test_rewrite (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) given = g_string_new (description);
  g_string_replace (given, "\"segment-duration\":1.92,", "", 0);
  const HeadendDrillNode nodes[] = { { "A", "127.0.0.1:10001", "127.0.0.1:10002" } };
  const HeadendDrillPlaces places = { .channel = "c",
                                      .nodes = nodes,
                                      .n_nodes = 1,
                                      .edge = "127.0.0.1:10003",
                                      .trusted = "127.0.0.1",
                                      .source = "srt://127.0.0.1:10004" };
  g_autofree char *text = headend_drill_rewrite (given->str, &places, &error);
  g_assert_no_error (error);
  g_assert_null (strstr (text, "elsewhere"));
  g_assert_null (strstr (text, "192.0.2"));
  g_autoptr (HeadendModel) model
      = headend_description_parse (text, -1, "drill.json", "/folder", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (model->channels->len, ==, 1);
  const HeadendModelChannel *channel = model->channels->pdata[0];
  const HeadendVideo *video = channel->video->pdata[0];
  const HeadendAudio *audio = channel->audio->pdata[0];
  g_assert_cmpstr (channel->source, ==, "srt://127.0.0.1:10004");
  g_assert_cmpuint (channel->duration90, ==, 180180);
  g_assert_cmpuint (channel->window, ==, 7);
  g_assert_false (channel->encrypted || channel->watermark);
  g_assert_cmpuint (video->frame_rate.n, ==, 30000);
  g_assert_cmpuint (audio->rate, ==, 44100);
  g_assert_cmpuint (audio->track, ==, 0);
  g_assert_cmpstr (model->edge.listen, ==, "127.0.0.1:10003");
}

static gboolean
passes (const HeadendDrill *drill, const HeadendTally *tally)
{
  HeadendDrillResult *result = headend_drill_result_new (drill->name);
  result->tally = *tally;
  headend_drill_judge (result, drill, 25, 1, 180000);
  g_assert_cmpuint (result->reasons->len, <=, 1);
  gboolean passed = result->passed;
  g_autofree char *line = headend_drill_line (result);
  g_assert_nonnull (strstr (line, passed ? "pass" : "FAIL"));
  headend_drill_result_free (result);
  return passed;
}

/* Given what a viewer saw, then each kind of fault alone fails a drill, and what a drill
 * allows does not. */
static void
test_judge (void)
{
  const HeadendDrill drill = { .name = "d", .filler = 2, .jumps = 1 };
  const HeadendTally good = { .frames = 100,
                              .filler = 50,
                              .jumps = 1,
                              .stalls = 1,
                              .retries = 3,
                              .longest_stall = 2000000 };
  g_assert_true (passes (&drill, &good));
#define BAD(field, value)                                                                \
  G_STMT_START                                                                           \
  {                                                                                      \
    HeadendTally bad = good;                                                             \
    bad.field = value;                                                                   \
    g_assert_false (passes (&drill, &bad));                                              \
  }                                                                                      \
  G_STMT_END
  BAD (frames, 0);
  BAD (lost, 1);
  BAD (repeated, 1);
  BAD (filler, 51);
  BAD (jumps, 2);
  BAD (sounds_lost, 1);
  BAD (sounds_repeated, 1);
  BAD (misplaced, 1);
  BAD (uneven, 1);
  BAD (broken, 1);
  BAD (undecoded, 1);
  BAD (longest_stall, 2001000);
}

/* Given a machine that withheld time, then what that may be the cause of is no verdict;
 * what nodes do wrong is one, and so is all of it where they had their time. */
static void
test_starved (void)
{
  static const struct {
    HeadendTally tally;
    gint64 withheld;
    gboolean passed, starved;
  } cases[] = {
    { { .frames = 9 }, 0, TRUE, FALSE },
    { { .frames = 9 }, HEADEND_DRILL_WITHHELD + 1, TRUE, FALSE },
    { { .frames = 9, .lost = 1 }, HEADEND_DRILL_WITHHELD, FALSE, FALSE },
    { { .frames = 9, .lost = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, TRUE },
    { { .frames = 9, .filler = 1, .jumps = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, TRUE },
    { { .frames = 9, .lost = 1, .uneven = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, FALSE },
    { { .frames = 9, .repeated = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, FALSE },
    { { .frames = 9, .sounds_repeated = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, FALSE },
    { { .frames = 9, .misplaced = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, FALSE },
    { { .frames = 9, .broken = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, FALSE },
    { { .frames = 9, .undecoded = 1 }, HEADEND_DRILL_WITHHELD + 1, FALSE, FALSE },
  };
  const HeadendDrill drill = { .name = "d" };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    HeadendDrillResult *result = headend_drill_result_new (drill.name);
    result->tally = cases[i].tally;
    result->withheld = cases[i].withheld;
    headend_drill_judge (result, &drill, 25, 1, 180000);
    g_assert_cmpint (result->passed, ==, cases[i].passed);
    g_assert_cmpint (result->starved, ==, cases[i].starved);
    g_autofree char *line = headend_drill_line (result);
    g_assert_cmpint (strstr (line, "starved") != NULL, ==, cases[i].starved);
    headend_drill_result_free (result);
  }
  HeadendDrillResult *broken = headend_drill_result_new (drill.name);
  broken->tally.frames = 9;
  broken->withheld = HEADEND_DRILL_WITHHELD + 1;
  headend_drill_fault (broken, "it cannot be done");
  headend_drill_judge (broken, &drill, 25, 1, 180000);
  g_assert_false (broken->passed || broken->starved);
  headend_drill_result_free (broken);
}

/* Given what the kernel says of processes and threads, then it is read; given a picture
 * that came late, then that counts from the beginning on. */
static void
test_shortage (void)
{
  HeadendShortage shortage = { 0 };
  int group = getpgrp ();
  guint64 waited = 0;
  g_assert_true (headend_shortage_read ("4116279 130000000 7\n", &waited));
  g_assert_cmpuint (waited, ==, 130000000);
  g_assert_false (headend_shortage_read ("", &waited));
  g_assert_cmpint (headend_shortage_group ("7 (a) b) S 1 42 42 0"), ==, 42);
  g_assert_cmpint (headend_shortage_group ("7 (a"), ==, 0);
  headend_shortage_look (&shortage, 5, &group, 1);
  g_assert_cmpint (shortage.longest, ==, 0);
  headend_shortage_begin (&shortage, &group, 1);
  g_assert_true (
      g_hash_table_contains (shortage.waited, GINT_TO_POINTER ((int)getpid ())));
  headend_shortage_look (&shortage, 700000, &group, 1);
  headend_shortage_look (&shortage, 5, &group, 1);
  g_assert_cmpint (shortage.longest, >=, 700000);
  headend_shortage_clear (&shortage);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/drill/the-same-seed-the-same-fate", test_fate);
  g_test_add_func ("/drill/times-of-packets-are-moved", test_shift);
  g_test_add_func ("/drill/relay", test_relay);
  g_test_add_func ("/drill/description-leads-nowhere-else", test_rewrite);
  g_test_add_func ("/drill/verdict", test_judge);
  g_test_add_func ("/drill/no-verdict-without-time", test_starved);
  g_test_add_func ("/drill/shortage", test_shortage);
  return g_test_run ();
}
