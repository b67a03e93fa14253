/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "drill-apart.h"
#include "drill-description.h"
#include "drill-inside.h"
#include "drill.h"
#include "factory.h"
#include "options.h"

#define ON_AIR_SECONDS 180
#define WRAP90 (G_GUINT64_CONSTANT (1) << 33)
#define START90 (G_GUINT64_CONSTANT (1000) * 90000)
/* A feed that wraps does so when the viewer watches, and not before all is on air. */
#define AHEAD_OF_WRAP90 (G_GUINT64_CONSTANT (60) * 90000)
#define LOAD_MAX 500
#define STARVED_CODE 3 /* no verdict */
/* The viewer's session ends after 12 hours, and the programme must be on air before. */
#define SECONDS_MAX 39600

static volatile int interrupted;

static void
on_signal (int number)
{
  interrupted = 1;
}

typedef struct {
  char *channel, *report;
  gboolean list, keep, inside;
  gint64 seed;
  int viewers, seconds;
} Options;

typedef struct {
  const Options *options;
  const char *file;
  char *program; /* ourselves, read at the beginning: it may be replaced meanwhile */
  HeadendStage *stage; /* on air; NULL: none */
  HeadendDrillFlags kind;
  GPtrArray *load;    /* HeadendViewer */
  GPtrArray *results; /* HeadendDrillResult */
  GPtrArray *apart;   /* HeadendDrill, left for a process in namespaces of its own */
  HeJson *inside;     /* its report; NULL: none */
} Run;

static const HeadendDrill *
find (const char *name)
{
  for (guint i = 0; i < headend_n_drills; i++)
    if (strcmp (headend_drills[i].name, name) == 0)
      return &headend_drills[i];
  return NULL;
}

/* What the crowd saw is no part of a verdict: it looks at no picture. */
static void
send_home (Run *run)
{
  guint64 segments = 0, retries = 0, stalls = 0;
  for (guint i = 0; i < run->load->len; i++) {
    HeadendTally tally;
    g_auto (GStrv) notes = NULL;
    headend_viewer_stop (run->load->pdata[i], &tally, &notes);
    segments += tally.segments;
    retries += tally.retries;
    stalls += tally.stalls;
  }
  if (run->load->len)
    g_print ("%u more viewers: %" G_GUINT64_FORMAT " segments, %" G_GUINT64_FORMAT
             " stalls, %" G_GUINT64_FORMAT " retries\n",
             run->load->len, segments, stalls, retries);
  g_ptr_array_set_size (run->load, 0);
}

static void
strike_stage (Run *run)
{
  send_home (run);
  headend_stage_free (g_steal_pointer (&run->stage));
}

/* A stage is kept for the next drill that can use it. */
static gboolean
set_stage (Run *run, const HeadendDrill *drill, GError **error)
{
  HeadendDrillFlags kind
      = drill->flags & (HEADEND_DRILL_WRAP | HEADEND_DRILL_APART | HEADEND_DRILL_DISKS);
  if (run->stage && run->kind == kind && !(kind & HEADEND_DRILL_WRAP))
    return TRUE;
  strike_stage (run);
  g_autoptr (HeadendStage) stage = headend_stage_new (
      &(HeadendStageOptions) {
          .file = run->file,
          .channel = run->options->channel,
          .seed = (guint64)run->options->seed,
          .start90 = kind & HEADEND_DRILL_WRAP ? WRAP90 - AHEAD_OF_WRAP90 : START90,
          .program = run->program,
          .apart = (kind & HEADEND_DRILL_APART) != 0,
          .disks = (kind & HEADEND_DRILL_DISKS) != 0,
          .keep = run->options->keep,
          .interrupted = &interrupted },
      error);
  if (!stage || !headend_stage_on_air (stage, ON_AIR_SECONDS, error))
    return FALSE;
  run->kind = kind;
  run->stage = g_steal_pointer (&stage);
  for (int i = 0; i < run->options->viewers; i++) {
    HeadendViewer *viewer = headend_stage_view (run->stage, TRUE, FALSE, error);
    if (!viewer)
      return FALSE;
    g_ptr_array_add (run->load, viewer);
  }
  return TRUE;
}

static void
conclude (Run *run, HeadendDrillResult *result)
{
  g_autofree char *line = headend_drill_line (result);
  g_print ("%s\n", line);
  fflush (stdout);
  g_ptr_array_add (run->results, result);
}

static void
run_one (Run *run, const HeadendDrill *drill)
{
  if (drill->flags & HEADEND_DRILL_APART && !run->options->inside) {
    g_ptr_array_add (run->apart, (gpointer)drill);
    return;
  }
  g_autoptr (GError) error = NULL;
  HeadendDrillResult *result;
  if (set_stage (run, drill, &error)) {
    result = drill->flags & HEADEND_DRILL_SOAK
                 ? headend_drill_soak (drill, run->stage, (guint)run->options->seconds)
                 : headend_drill_run (drill, run->stage);
  } else {
    result = headend_drill_result_new (drill->name);
    headend_drill_fail (result, "%s", error->message);
  }
  conclude (run, result);
  if (!result->passed)
    strike_stage (run); /* it may be broken */
}

/* All that need it at once, in one process more. */
static void
run_apart (Run *run)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  const Options *o = run->options;
  g_ptr_array_add (words, g_strdup_printf ("--seed=%" G_GINT64_FORMAT, o->seed));
  g_ptr_array_add (words, g_strdup_printf ("--viewers=%d", o->viewers));
  if (o->channel)
    g_ptr_array_add (words, g_strdup_printf ("--channel=%s", o->channel));
  if (o->keep)
    g_ptr_array_add (words, g_strdup ("--keep"));
  g_ptr_array_add (words, g_strdup (run->file));
  for (guint i = 0; i < run->apart->len; i++)
    g_ptr_array_add (words, g_strdup (((HeadendDrill *)run->apart->pdata[i])->name));
  g_ptr_array_add (words, NULL);
  run->inside = headend_drill_inside (run->program, (const char *const *)words->pdata,
                                      &interrupted, &error);
  for (guint i = 0; !run->inside && i < run->apart->len; i++) {
    HeadendDrillResult *result
        = headend_drill_result_new (((HeadendDrill *)run->apart->pdata[i])->name);
    headend_drill_fail (result, "%s", error->message);
    conclude (run, result);
  }
}

typedef struct {
  guint passed, failed, starved;
} Count;

static void
count (Count *total, gboolean passed, gboolean starved)
{
  total->passed += passed;
  total->starved += !passed && starved;
  total->failed += !passed && !starved;
}

static Count
count_all (const Run *run)
{
  const HeJson *drills = run->inside ? he_json_member (run->inside, "drills") : NULL;
  Count total = { 0 };
  for (guint i = 0; i < run->results->len; i++) {
    const HeadendDrillResult *result = run->results->pdata[i];
    count (&total, result->passed, result->starved);
  }
  for (guint i = 0; drills && i < he_json_length (drills); i++) {
    gboolean passed = FALSE, starved = FALSE;
    he_json_get_boolean (he_json_element (drills, i), "passed", FALSE, &passed, NULL);
    he_json_get_boolean (he_json_element (drills, i), "starved", FALSE, &starved, NULL);
    count (&total, passed, starved);
  }
  return total;
}

static gboolean
write_report (const Run *run, const Count *total)
{
  g_autoptr (GError) error = NULL;
  const char *path = run->options->report ? run->options->report : "drill.json";
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_boolean (writer, "passed", total->failed + total->starved == 0);
  he_json_writer_string (writer, "description", run->file);
  he_json_writer_int64 (writer, "seed", run->options->seed);
  he_json_writer_int64 (writer, "viewers", run->options->viewers + 1);
  he_json_writer_open_array (writer, "drills");
  for (guint i = 0; i < run->results->len; i++)
    headend_drill_write (writer, run->results->pdata[i]);
  const HeJson *inside = run->inside ? he_json_member (run->inside, "drills") : NULL;
  for (guint i = 0; inside && i < he_json_length (inside); i++)
    headend_drill_copy (writer, NULL, he_json_element (inside, i));
  g_autofree char *text = he_json_writer_end (writer);
  if (g_file_set_contents (path, text, -1, &error))
    return TRUE;
  g_printerr ("headend drill: %s\n", error->message);
  return FALSE;
}

static void
run_drills (Run *run, char **names)
{
  for (guint i = 0; names[i] && !interrupted; i++)
    run_one (run, find (names[i]));
  for (guint i = 0; !names[0] && i < headend_n_drills && !interrupted; i++)
    if (!(headend_drills[i].flags & HEADEND_DRILL_SOAK))
      run_one (run, &headend_drills[i]);
  strike_stage (run);
  if (run->apart->len > 0 && !interrupted)
    run_apart (run);
}

static int
run_all (const Options *options, char **words)
{
  g_autoptr (GError) error = NULL;
  Run run = { .options = options, .file = words[0] };
  if (options->inside && !headend_apart_enter (&error)) {
    g_printerr ("headend drill: %s\n", error->message);
    return 1;
  }
  run.program = g_file_read_link ("/proc/self/exe", NULL);
  run.load = g_ptr_array_new ();
  run.apart = g_ptr_array_new ();
  run.results
      = g_ptr_array_new_with_free_func ((GDestroyNotify)headend_drill_result_free);
  headend_gst_init ();
  signal (SIGPIPE, SIG_IGN);
  sigaction (SIGINT, &(struct sigaction) { .sa_handler = on_signal }, NULL);
  sigaction (SIGTERM, &(struct sigaction) { .sa_handler = on_signal }, NULL);
  run_drills (&run, words + 1);
  Count total = count_all (&run);
  if (!options->inside && total.starved)
    g_print ("%u passed, %u failed, %u starved\n", total.passed, total.failed,
             total.starved);
  else if (!options->inside)
    g_print ("%u passed, %u failed\n", total.passed, total.failed);
  gboolean written = write_report (&run, &total);
  he_json_free (run.inside);
  g_ptr_array_unref (run.results);
  g_ptr_array_unref (run.apart);
  g_ptr_array_unref (run.load);
  g_free (run.program);
  if (total.failed || !written || interrupted)
    return 1;
  return total.starved ? STARVED_CODE : 0;
}

static int
list (void)
{
  for (guint i = 0; i < headend_n_drills; i++)
    g_print ("%-16s %s\n", headend_drills[i].name, headend_drills[i].what);
  return 0;
}

static gboolean
words_make_sense (const Options *options, char **words)
{
  if (!words[0]) {
    g_printerr ("headend drill: expected FILE, the description, and names of drills; "
                "headend drill --help says more\n");
    return FALSE;
  }
  for (guint i = 1; words[i]; i++)
    if (!find (words[i])) {
      g_printerr ("headend drill: %s is no drill; headend drill --list names them\n",
                  words[i]);
      return FALSE;
    }
  if (options->seconds < 1 || options->seconds > SECONDS_MAX) {
    g_printerr ("headend drill: --seconds %d: expected 1..%d\n", options->seconds,
                SECONDS_MAX);
    return FALSE;
  }
  if (options->viewers < 0 || options->viewers > LOAD_MAX) {
    g_printerr ("headend drill: --viewers %d: expected 0..%d\n", options->viewers,
                LOAD_MAX);
    return FALSE;
  }
  return TRUE;
}

int
headend_cmd_drill (int argc, char **argv)
{
  Options options = { .seed = 1, .seconds = 120 };
  g_auto (GStrv) words = NULL;
  const GOptionEntry entries[] = {
    { "list", 'l', 0, G_OPTION_ARG_NONE, &options.list, "Say what there is", NULL },
    { "channel", 'c', 0, G_OPTION_ARG_STRING, &options.channel,
      "Channel of the description (default: its first)", "NAME" },
    { "viewers", 0, 0, G_OPTION_ARG_INT, &options.viewers,
      "So many viewers more, who look at no picture", "N" },
    { "seconds", 's', 0, G_OPTION_ARG_INT, &options.seconds,
      "How long a soak lasts, up to 39600 (default: 120)", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, "Of all chance (default: 1)",
      "N" },
    { "keep", 'k', 0, G_OPTION_ARG_NONE, &options.keep,
      "Leave the folder with the logs behind", NULL },
    { "inside", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.inside, NULL, NULL },
    { "report", 'r', 0, G_OPTION_ARG_FILENAME, &options.report,
      "Where the report is written, as JSON (default: drill.json)", "FILE" },
    G_OPTION_ENTRY_NULL,
  };
  int code = headend_options_parse_words (
      argc, argv, entries,
      "Puts a channel of a description on air on this machine, in a folder and on ports "
      "of its own, breaks it in each way that is named (all of them when none is), and "
      "says what a viewer saw of it. Exit code 1 when that is more than allowed, 3 when "
      "it is and the machine withheld the time that nodes need.",
      "FILE [NAME...]", &words);
  if (code < 0 && options.list)
    code = list ();
  if (code < 0)
    code = words_make_sense (&options, words) ? run_all (&options, words) : 2;
  g_free (options.channel);
  g_free (options.report);
  return code;
}
