/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "load-answer.h"
#include "load-viewer.h"

#define SECOND G_USEC_PER_SEC

/* Pushes text in pieces of size bytes; returns how much of it was taken. */
static gsize
push (HeadendAnswer *answer, const char *text, gsize size)
{
  gsize done = 0, len = strlen (text);
  while (done < len) {
    gsize n = MIN (size, len - done);
    gsize taken = headend_answer_push (answer, text + done, n);
    done += taken;
    if (taken < n)
      break;
  }
  return done;
}

/* Given answers with a length, in chunks and without either, when they come in pieces of
 * any size, then each is told with its body, and nothing behind it is taken. */
static void
answers_are_read (void)
{
  static const char chunked[]
      = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: headend=a.b; "
        "Path=/\r\n"
        "\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nHTTP";
  static const char sized[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                              "content-length: 13\r\nConnection: close\r\n\r\n"
                              "abc0123456789HTTP";
  static const char *const texts[] = { chunked, sized };
  for (gsize size = 1; size < sizeof chunked; size++)
    for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
      HeadendAnswer answer = { 0 };
      headend_answer_begin (&answer, TRUE);
      g_assert_cmpuint (push (&answer, texts[i], size), ==, strlen (texts[i]) - 4);
      g_assert_cmpint (answer.state, ==, HEADEND_ANSWER_DONE);
      g_assert_cmpuint (answer.status, ==, 200);
      g_assert_cmpuint (answer.bytes, ==, 13);
      g_assert_cmpmem (answer.body->data, answer.body->len, "abc0123456789", 13);
      g_assert_cmpstr (answer.cookie, ==, i == 0 ? "headend=a.b" : NULL);
      g_assert_cmpint (answer.closes, ==, i == 1);
      headend_answer_clear (&answer);
    }
}

/* Given a body that is only counted, then its bytes may be skipped unseen; one without a
 * length ends with the connection, and one that is cut does not. */
static void
bodies_are_counted (void)
{
  HeadendAnswer answer = { 0 };
  headend_answer_begin (&answer, FALSE);
  push (&answer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab", 64);
  g_assert_cmpuint (headend_answer_blind (&answer), ==, 998);
  headend_answer_skip (&answer, 997);
  g_assert_false (headend_answer_closed (&answer));
  headend_answer_skip (&answer, 1);
  g_assert_cmpint (answer.state, ==, HEADEND_ANSWER_DONE);
  g_assert_cmpuint (answer.bytes, ==, 1000);
  headend_answer_begin (&answer, FALSE);
  push (&answer, "HTTP/1.0 200 OK\r\n\r\nab", 64);
  g_assert_true (answer.closes);
  g_assert_true (headend_answer_closed (&answer));
  headend_answer_clear (&answer);
}

static void
senseless_answers_end (void)
{
  static const char *const texts[]
      = { "HTTP/2 200\r\n\r\n",
          "HTTP/1.1 99 x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n" };
  g_autofree char *long_head = g_strnfill (HEADEND_ANSWER_MAX_HEAD + 1, 'a');
  HeadendAnswer answer = { 0 };
  for (guint i = 0; i <= G_N_ELEMENTS (texts); i++) {
    headend_answer_begin (&answer, FALSE);
    push (&answer, i < G_N_ELEMENTS (texts) ? texts[i] : long_head, 64);
    g_assert_cmpint (answer.state, ==, HEADEND_ANSWER_BROKEN);
  }
  headend_answer_clear (&answer);
}

/* Given a thousand times, then a quantile is right within a sixteenth. */
static void
quantiles_are_near (void)
{
  HeadendTimes times = { 0 };
  g_assert_cmpint (headend_times_quantile (&times, 0.5), ==, 0);
  for (gint64 i = 1; i <= 1000; i++)
    headend_times_add (&times, i * 1000);
  gint64 half = headend_times_quantile (&times, 0.5);
  gint64 most = headend_times_quantile (&times, 1);
  g_assert_cmpint (half, >=, 500000);
  g_assert_cmpint (half, <=, 500000 * 17 / 16);
  g_assert_cmpint (most, >=, 1000000);
  g_assert_cmpint (most, <=, 1000000 * 17 / 16);
}

typedef struct {
  HeadendLoadViewer viewer;
  HeadendLoadTally tally;
  HeadendShelf *shelf;
  gint64 now;
  guint64 first, last; /* MSN that are listed */
} Scene;

static char *
body_of (const Scene *scene)
{
  const HeadendLoadViewer *viewer = &scene->viewer;
  GString *text;
  if (viewer->kind == HEADEND_ASK_ENTRY)
    return g_strdup ("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"s\",NAME=\"s\","
                     "URI=\"audio/index.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,"
                     "CODECS=\"avc1.42c01e\",AUDIO=\"s\"\n360p/index.m3u8\n");
  if (viewer->kind != HEADEND_ASK_PLAYLIST)
    return g_strdup ("0123456789abcdef");
  text = g_string_new (NULL);
  g_string_append_printf (text,
                          "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n"
                          "#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n"
                          "#EXT-X-KEY:METHOD=AES-128,URI=\"/live/demo/keys/basic/7\"\n",
                          scene->first);
  for (guint64 msn = scene->first; msn <= scene->last; msn++)
    g_string_append_printf (text, "#EXTINF:2.000,\n%" G_GUINT64_FORMAT ".ts\n", msn);
  return g_string_free (text, FALSE);
}

/* What it asks for now is answered at once; returns its path, or NULL when it waits. */
static char *
serve (Scene *scene, guint status)
{
  HeadendAnswer answer = { 0 };
  g_autofree char *body = NULL;
  g_autofree char *head = NULL;
  char *path;
  gint64 wake = 0;
  if (!headend_load_viewer_next (&scene->viewer, scene->now, &wake)) {
    g_assert_cmpint (wake, >, scene->now);
    return NULL;
  }
  path = g_strdup (scene->viewer.path ? scene->viewer.path : "token");
  body = body_of (scene);
  head = g_strdup_printf ("HTTP/1.1 %u X\r\nContent-Length: %zu\r\n\r\n", status,
                          strlen (body));
  headend_answer_begin (&answer, headend_load_viewer_reads (&scene->viewer));
  push (&answer, head, 64);
  push (&answer, body, 64);
  headend_load_viewer_answered (&scene->viewer, &answer, scene->now);
  headend_answer_clear (&answer);
  return path;
}

static void
assert_asks (Scene *scene, const char *path)
{
  g_autofree char *asked = serve (scene, 200);
  g_assert_cmpstr (asked, ==, path);
}

static Scene *
scene_new (void)
{
  Scene *scene = g_new0 (Scene, 1);
  scene->shelf = headend_shelf_new ();
  scene->now = 1000 * SECOND;
  scene->first = 100;
  scene->last = 105;
  headend_load_viewer_init (&scene->viewer, "demo", scene->shelf, &scene->tally);
  return scene;
}

static void
scene_free (Scene *scene)
{
  headend_load_viewer_clear (&scene->viewer);
  headend_shelf_free (scene->shelf);
  g_free (scene);
}

/* Enters, and takes what is listed of the last three segments. */
static void
begin (Scene *scene)
{
  static const char *const paths[] = { "token",
                                       "/live/demo/360p/index.m3u8",
                                       "/live/demo/audio/index.m3u8",
                                       "/live/demo/keys/basic/7",
                                       "/live/demo/360p/103.ts",
                                       "/live/demo/keys/basic/7",
                                       "/live/demo/audio/103.ts",
                                       "/live/demo/360p/104.ts",
                                       "/live/demo/audio/104.ts",
                                       "/live/demo/360p/105.ts",
                                       "/live/demo/audio/105.ts",
                                       NULL };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_asks (scene, paths[i]);
}

/* Given a live channel, then a viewer begins three segments from its end with all tracks,
 * and plays without a pause while the next segments come in time. */
static void
viewer_plays (void)
{
  Scene *scene = scene_new ();
  begin (scene);
  g_assert_cmpuint (scene->tally.starts.n, ==, 1);
  for (guint i = 0; i < 5; i++) {
    scene->now += 2 * SECOND;
    scene->first++;
    scene->last++;
    for (guint j = 0; j < 4; j++)
      g_free (serve (scene, 200));
    g_assert_null (serve (scene, 200));
  }
  headend_load_viewer_settle (&scene->viewer, scene->now);
  g_assert_cmpuint (scene->tally.played, ==, 10 * SECOND);
  g_assert_cmpuint (scene->tally.stalled, ==, 0);
  g_assert_cmpuint (scene->tally.segments.n, ==, 6 + 10);
  g_assert_cmpuint (headend_load_errors (&scene->tally), ==, 0);
  scene_free (scene);
}

/* Given a channel that stands still, then the time behind the buffer's end is a stall;
 * what left the window meanwhile is lost. */
static void
viewer_stalls (void)
{
  Scene *scene = scene_new ();
  g_autofree char *verdict = NULL;
  begin (scene);
  scene->now += 10 * SECOND; /* six of them were there */
  headend_load_viewer_settle (&scene->viewer, scene->now);
  g_assert_cmpuint (scene->tally.played, ==, 6 * SECOND);
  g_assert_cmpuint (scene->tally.stalled, ==, 4 * SECOND);
  scene->first = 108;
  scene->last = 110;
  for (guint i = 0; i < 8; i++)
    g_free (serve (scene, 200));
  g_assert_cmpuint (scene->tally.stalls, ==, 1);
  g_assert_cmpuint (scene->tally.lost, ==, 2 * 2);
  verdict = headend_load_verdict (&scene->tally, 2 * SECOND);
  g_assert_nonnull (strstr (verdict, "errors"));
  scene_free (scene);
}

/* Given a viewer that is turned away, then it comes back a second later with a new token.
 */
static void
viewer_returns (void)
{
  Scene *scene = scene_new ();
  g_autofree char *path = NULL;
  begin (scene);
  scene->now += 2 * SECOND;
  path = serve (scene, 403);
  g_assert_cmpstr (path, ==, "/live/demo/360p/index.m3u8");
  g_assert_null (serve (scene, 200));
  scene->now += SECOND;
  assert_asks (scene, "token");
  g_assert_cmpuint (scene->tally.errors[403], ==, 1);
  scene_free (scene);
}

/* Given tallies, then the first signal that broke is named, or none. */
static void
signals_are_judged (void)
{
  g_autofree HeadendLoadTally *tally = g_new0 (HeadendLoadTally, 1);
  char *verdict;
  tally->requests = 10000;
  tally->played = 1000 * SECOND;
  tally->errors[404] = 10;
  headend_times_add (&tally->segments, SECOND);
  g_assert_null (headend_load_verdict (tally, 2 * SECOND));
  verdict = headend_load_verdict (tally, SECOND / 2);
  g_assert_true (g_str_has_prefix (verdict, "latency"));
  g_free (verdict);
  tally->stalled = 2 * SECOND;
  verdict = headend_load_verdict (tally, SECOND / 2);
  g_assert_true (g_str_has_prefix (verdict, "rebuffering"));
  g_free (verdict);
  tally->errors[HEADEND_LOAD_TIMEOUT]++;
  verdict = headend_load_verdict (tally, SECOND / 2);
  g_assert_true (g_str_has_prefix (verdict, "errors: 11 of 10000"));
  g_free (verdict);
  headend_times_add (&tally->late, SECOND);
  verdict = headend_load_verdict (tally, SECOND / 2);
  g_assert_true (g_str_has_prefix (verdict, "saturation"));
  g_free (verdict);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/load/answers-are-read", answers_are_read);
  g_test_add_func ("/load/bodies-are-counted", bodies_are_counted);
  g_test_add_func ("/load/senseless-answers-end", senseless_answers_end);
  g_test_add_func ("/load/quantiles-are-near", quantiles_are_near);
  g_test_add_func ("/load/viewer-plays", viewer_plays);
  g_test_add_func ("/load/viewer-stalls", viewer_stalls);
  g_test_add_func ("/load/viewer-returns", viewer_returns);
  g_test_add_func ("/load/signals-are-judged", signals_are_judged);
  return g_test_run ();
}
