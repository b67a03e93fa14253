/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backoff.h"
#include "description.h"
#include "job.h"
#include "pulse.h"
#include "status.h"

/* Given a child that keeps failing, then it is started ever later, up to a bound, and at
 * once again after a minute of health. */
static void
test_backoff (void)
{
  HeadendBackoff backoff = { 0 };
  static const guint expected[] = { 500, 1000, 2000, 4000, 8000, 15000, 15000 };
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpuint (headend_backoff_next (&backoff, 100), ==, expected[i]);
  g_assert_cmpuint (headend_backoff_next (&backoff, 59999), ==, 15000);
  g_assert_cmpuint (headend_backoff_next (&backoff, 60000), ==, 500);
  g_assert_cmpuint (headend_backoff_next (&backoff, 100), ==, 1000);
}

/* Looks at a child that says nothing until it is dead, for at most so many looks; how
 * often that was, 0: it never was. */
static guint
looks_until_dead (const HeadendPulseSample *sample, guint64 turns, gboolean ready)
{
  HeadendPulse pulse = { 0 };
  HeadendPulseSample now = *sample;
  for (guint i = 1; i <= 100; i++, now.turns += turns) {
    guint looks = 0;
    if (!headend_pulse_look (&pulse, &now, ready, &looks))
      continue;
    g_assert_cmpuint (looks, ==, i < 10 ? HEADEND_PULSE_STILL : HEADEND_PULSE_SILENT);
    return i;
  }
  return 0;
}

/* Given a child that says nothing, then it is dead soon when it stands still, later when
 * it runs, waits for a processor or a disk, is still starting, or cannot be seen. */
static void
test_pulse (void)
{
  const HeadendPulseSample asleep = { .known = TRUE, .turns = 7 };
  const HeadendPulseSample waits = { .known = TRUE, .turns = 7, .waits = TRUE };
  const HeadendPulseSample unseen = { 0 };
  g_assert_cmpuint (looks_until_dead (&asleep, 0, TRUE), ==, HEADEND_PULSE_STILL + 1);
  g_assert_cmpuint (looks_until_dead (&asleep, 0, FALSE), ==, HEADEND_PULSE_SILENT);
  g_assert_cmpuint (looks_until_dead (&asleep, 1, TRUE), ==, HEADEND_PULSE_SILENT);
  g_assert_cmpuint (looks_until_dead (&waits, 0, TRUE), ==, HEADEND_PULSE_SILENT);
  g_assert_cmpuint (looks_until_dead (&unseen, 0, TRUE), ==, HEADEND_PULSE_SILENT);

  HeadendPulse pulse = { 0 };
  for (guint i = 0, looks; i < 1000; i++) {
    g_assert_false (headend_pulse_look (&pulse, &asleep, TRUE, &looks));
    if (i % 4 == 3)
      headend_pulse_heard (&pulse);
  }
}

/* Given a process, then the kernel says whether it had a turn: ourselves, and one that is
 * stopped. */
static void
test_pulse_sample (void)
{
  HeadendPulseSample first = headend_pulse_sample ("self"), next;
  g_assert_true (first.known);
  do {
    g_usleep (1000);
    next = headend_pulse_sample ("self");
  } while (next.turns == first.turns);
  g_assert_true (next.waits); /* it runs */

  pid_t child = fork ();
  if (child == 0)
    for (;;)
      pause ();
  g_autofree char *name = g_strdup_printf ("%d", (int)child);
  int status;
  g_assert_cmpint (kill (child, SIGSTOP), ==, 0);
  g_assert_cmpint (waitpid (child, &status, WUNTRACED), ==, child);
  do { /* it may have been told of before its last turn was over */
    first = headend_pulse_sample (name);
    g_usleep (50000);
    next = headend_pulse_sample (name);
  } while (next.turns != first.turns || first.waits);
  g_assert_true (first.known && next.known && !next.waits);
  kill (child, SIGKILL);
  waitpid (child, &status, 0);
  g_assert_false (headend_pulse_sample (name).known);
}

/* Or not to wait any more. */
static void
assert_comes_to_wait (const char *pid, gboolean waits)
{
  const gint64 end = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;
  while (headend_pulse_waits_for_disk (pid) != waits) {
    if (g_get_monotonic_time () >= end)
      g_error ("after 60 s, process %s %s for a disk", pid,
               waits ? "does not wait" : "waits");
    g_usleep (1000);
  }
}

/* Given a process that waits as for a disk (who cloned with CLONE_VFORK does, until the
 * child is over), then the kernel says so of it, and of whoever started it; and no more
 * when that is over. */
static void
test_waits_for_disk (void)
{
  g_autofree char *own = g_strdup_printf ("%d", (int)getpid ());
  g_autofree char *list = g_strdup_printf ("/proc/self/task/%s/children", own);
  int ends[2];
  g_assert_cmpint (pipe (ends), ==, 0);
  pid_t child = fork ();
  if (child == 0) {
    char byte;
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    close (ends[1]);
    if (syscall (SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0) == 0)
      _exit ((int)read (ends[0], &byte, 1));
    for (;;)
      pause ();
  }
  close (ends[0]);
  g_autofree char *name = g_strdup_printf ("%d", (int)child);
  assert_comes_to_wait (name, TRUE);
  if (g_file_test (list, G_FILE_TEST_EXISTS)) /* not every kernel tells of children */
    assert_comes_to_wait (own, TRUE);
  close (ends[1]);
  assert_comes_to_wait (own, FALSE);
  assert_comes_to_wait (name, FALSE);
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  g_assert_false (headend_pulse_waits_for_disk (name));
}

static const char description[]
    = "{\"channels\": [{\"name\": \"demo\", \"source\": \"srt://h:1\", \"video\": "
      "[{\"width\": 640, \"height\": 360, \"bitrate\": 800}]}]}";

static HeadendModel *
model_new (void)
{
  g_autoptr (GError) error = NULL;
  HeadendModel *model
      = headend_description_parse (description, -1, "d \"quoted\".json", "/srv", &error);
  g_assert_no_error (error);
  return model;
}

/* Given a job for a worker, when it is read back, then it names the same things and holds
 * the secrets of its purposes alone. */
static void
test_job (void)
{
  static const int purposes[] = { HE_PURPOSE_CONTENT, HE_PURPOSE_PUBLISH, -1 };
  guint8 bytes[32] = { 1, 2, 3 };
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = model_new ();
  g_autoptr (HeSecret) master = he_secret_new (bytes, sizeof bytes);
  g_autoptr (HeSecret) content = he_keys_derive (master, HE_PURPOSE_CONTENT);
  char *text = headend_job_write (model, description, model->nodes->pdata[0],
                                  model->channels->pdata[0], master, purposes);
  g_autoptr (HeadendJob) job = headend_job_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  he_string_wipe_free (text);
  g_assert_cmpstr (job->node->name, ==, "node");
  g_assert_cmpstr (job->channel->name, ==, "demo");
  g_assert_cmpstr (job->model->file, ==, "d \"quoted\".json");
  g_assert_cmpstr (job->model->folder, ==, "/srv");
  g_assert_cmpmem (he_secret_data (job->secrets[HE_PURPOSE_CONTENT]), 32,
                   he_secret_data (content), 32);
  g_assert_nonnull (job->secrets[HE_PURPOSE_PUBLISH]);
  g_assert_null (job->secrets[HE_PURPOSE_MARK]);
  g_assert_null (job->secrets[HE_PURPOSE_CREDENTIAL]);
}

/* Given a pipe that ends early, or holds something else, then that is an error. */
static void
test_job_malformed (void)
{
  static const char *const texts[]
      = { "", "[]", "{}",
          ("{\"file\":\"f\",\"folder\":\"/\",\"description\":\"{}\","
           "\"node\":\"n\",\"secrets\":{}}") };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    int ends[2];
    g_assert_cmpint (pipe (ends), ==, 0);
    g_assert_cmpint (write (ends[1], texts[i], strlen (texts[i])), ==,
                     (gssize)strlen (texts[i]));
    close (ends[1]);
    g_assert_null (headend_job_read (ends[0], &error));
    g_assert_nonnull (error);
    close (ends[0]);
  }
}

/* Given nodes that promise nothing of their copies, then people read why; what only the
 * description decides is told from it. */
static void
test_status_reason (void)
{
  static const char answer[]
      = "{\"channels\":[{\"name\":\"demo\",\"copies\":{\"agreement\":"
        "\"interchangeable\",\"reason\":\"another processor\",\"agree\":7}}]}";
  g_autoptr (HeadendModel) model = headend_description_parse (
      "{\"nodes\":[{\"name\":\"A\",\"listen\":\"127.0.0.1:1\",\"internal\":"
      "\"127.0.0.1:2\"},{\"name\":\"B\",\"listen\":\"127.0.0.1:3\",\"internal\":"
      "\"127.0.0.1:4\"}],\"channels\":[{\"name\":\"demo\",\"source\":\"srt://h:1\","
      "\"video\":[{\"width\":640,\"height\":360,\"bitrate\":800}]}]}",
      -1, "f.json", "/", NULL);
  HeadendModelChannel *channel = model->channels->pdata[0];
  static const char *const said[] = { "another processor", "the description says so",
                                      "an encoder of the description" };
  g_autoptr (GPtrArray) nodes
      = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_node_status_free);
  HeadendNodeStatus *status = g_new0 (HeadendNodeStatus, 1);

  status->node = model->nodes->pdata[0];
  status->answer = he_json_parse (answer, -1, 4096, 8, NULL);
  g_ptr_array_add (nodes, status);
  for (guint i = 0; i < G_N_ELEMENTS (said); i++) {
    g_autofree char *wanted
        = g_strconcat (" copies are interchangeable: ", said[i], NULL);

    channel->identical = i == 0;
    if (i == 2)
      ((HeadendVideo *)channel->video->pdata[0])->width = 16000;
    g_autofree char *text = headend_status_text (model, nodes);
    g_autofree char *json = headend_status_json (model, nodes);
    g_assert_nonnull (strstr (text, wanted));
    g_assert_nonnull (strstr (json, said[i]));
  }
}

static gboolean
healthy (const char *a, const char *b)
{
  g_autoptr (HeadendModel) model = model_new ();
  const char *answers[] = { a, b };
  g_autoptr (GPtrArray) nodes
      = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_node_status_free);
  for (guint i = 0; i < 2; i++) {
    HeadendNodeStatus *status = g_new0 (HeadendNodeStatus, 1);
    status->node = model->nodes->pdata[0];
    if (answers[i])
      status->answer = he_json_parse (answers[i], -1, 4096, 8, NULL);
    else
      status->error = g_strdup ("no route");
    g_ptr_array_add (nodes, status);
  }
  g_autofree char *text = headend_status_text (model, nodes);
  g_autofree char *json = headend_status_json (model, nodes);
  gboolean verdict = headend_status_healthy (model, nodes);
  g_assert_true (g_str_has_prefix (text, "NODE"));
  g_assert_true (
      g_str_has_prefix (json, verdict ? "{\"healthy\":true" : "{\"healthy\":false"));
  return verdict;
}

#define CHANNEL(filled, age)                                                             \
  "{\"node\":\"n\",\"channels\":[{\"name\":\"demo\",\"filled\":" filled                  \
  ",\"last-msn\":9,\"age-ms\":" age                                                      \
  ",\"run\":6,\"window\":6,\"publishers\":[{\"node\":\"A\",\"age-ms\":100}]}]}"

/* Given what nodes answer, then the head-end is healthy when one answers and none that
 * does has an unhealthy channel. */
static void
test_status (void)
{
  g_assert_true (healthy (CHANNEL ("true", "1500"), CHANNEL ("true", "5999")));
  g_assert_true (healthy (CHANNEL ("true", "1500"), NULL));
  g_assert_false (healthy (NULL, NULL));
  g_assert_false (healthy (CHANNEL ("true", "1500"), CHANNEL ("true", "6000")));
  g_assert_false (healthy (CHANNEL ("false", "1500"), NULL));
  g_assert_false (healthy ("{\"channels\":[]}", NULL));
  g_assert_false (healthy ("[1]", NULL));
}

/* Given what a worker said of its sources, then both kinds of status have it. */
static void
test_status_inputs (void)
{
  static const char answer[]
      = "{\"channels\":[{\"name\":\"demo\",\"filled\":true,\"inputs\":["
        "{\"name\":\"source\",\"up\":false,\"taken\":true,\"age-ms\":2500,"
        "\"bytes\":9,\"gaps\":7,\"reopened\":1},"
        "{\"name\":\"backup\",\"up\":true,\"taken\":false}],\"source\":{}}]}";
  g_autoptr (HeadendModel) model = model_new ();
  HeadendNodeStatus status = { .node = model->nodes->pdata[0] };
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  status.answer = he_json_parse (answer, -1, 4096, 8, NULL);
  g_ptr_array_add (nodes, &status);
  g_autofree char *text = headend_status_text (model, nodes);
  g_autofree char *json = headend_status_json (model, nodes);
  he_json_free (status.answer);
  g_assert_nonnull (strstr (text, " source: silent, 2.5 s ago, 1 reopened, 7 gaps\n"));
  g_assert_nonnull (strstr (text, " backup: in reserve\n"));
  g_assert_nonnull (strstr (json, "\"inputs\":[{\"name\":\"source\",\"up\":false,"
                                  "\"taken\":true,\"age-ms\":2500,\"bytes\":9,"));
}

static void
test_status_epoch (void)
{
  g_autoptr (HeadendModel) model = model_new ();
  static const char held[] = CHANNEL ("true", "500"), none[] = CHANNEL ("false", "500");
  guint64 end = 1, now = 1;
  gboolean clean = TRUE;
  g_assert_false (headend_status_epoch (none, sizeof none - 1, model->channels->pdata[0],
                                        &end, &now, &clean));
  g_assert_false (
      headend_status_epoch ("x", 1, model->channels->pdata[0], &end, &now, &clean));
  g_assert_cmpuint (end, ==, 1);
  g_assert_cmpuint (now, ==, 1);
  g_assert_true (headend_status_epoch (held, sizeof held - 1, model->channels->pdata[0],
                                       &end, &now, &clean));
  g_assert_false (clean); /* nothing is said */
  g_assert_cmpuint (end, ==, 10 * 180000);
  g_assert_cmpuint (now, ==, 10 * 180000 + 45000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/supervise/restarts-ever-later", test_backoff);
  g_test_add_func ("/supervise/who-stands-still-is-dead", test_pulse);
  g_test_add_func ("/supervise/what-the-kernel-says-of-a-process", test_pulse_sample);
  g_test_add_func ("/supervise/what-the-kernel-says-of-who-waits-for-a-disk",
                   test_waits_for_disk);
  g_test_add_func ("/supervise/a-job-holds-its-purposes-alone", test_job);
  g_test_add_func ("/supervise/a-malformed-job-is-refused", test_job_malformed);
  g_test_add_func ("/status/one-answer-and-no-sick-channel", test_status);
  g_test_add_func ("/status/sources-are-told", test_status_inputs);
  g_test_add_func ("/status/says-why-copies-are-no-more-alike", test_status_reason);
  g_test_add_func ("/status/tells-where-the-source-must-be", test_status_epoch);
  return g_test_run ();
}
