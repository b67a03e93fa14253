/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-inputs.h"

#define S G_USEC_PER_SEC

static const HeInputReport two = {
  .inputs
  = { { .up = TRUE, .heard = TRUE, .age_ms = 40, .counts = { 1, 2, 3, 4, 5, 6, 7 } },
      { .backup = TRUE, .taken = TRUE } },
  .n = 2,
  .counts = { 8, 9, 10, 11 },
};

static void
assert_same (const HeInputReport *a, const HeInputReport *b)
{
  g_assert_cmpuint (a->n, ==, b->n);
  for (guint i = 0; i < a->n; i++) {
    const HeInput *x = &a->inputs[i], *y = &b->inputs[i];

    g_assert_cmpstr (he_input_name (x), ==, he_input_name (y));
    g_assert_cmpint (x->up, ==, y->up);
    g_assert_cmpint (x->taken, ==, y->taken);
    g_assert_cmpint (x->heard, ==, y->heard);
    g_assert_cmpuint (x->age_ms, ==, y->age_ms);
    g_assert_cmpmem (x->counts, sizeof x->counts, y->counts, sizeof y->counts);
  }
  g_assert_cmpmem (a->counts, sizeof a->counts, b->counts, sizeof b->counts);
}

static void
test_what_is_written_is_read (void)
{
  g_autofree char *text = he_input_to_json (&two);
  g_autoptr (GError) error = NULL;
  HeInputReport report;

  g_assert_true (he_input_from_json (text, -1, &report, &error));
  g_assert_no_error (error);
  assert_same (&report, &two);
}

static void
test_what_is_wrong_is_refused (void)
{
#define INPUT(name) "{\"name\":\"" name "\",\"up\":true,\"taken\":true}"
  static const char *const texts[] = {
    "",
    "[]",
    "{\"source\":{}}",
    "{\"inputs\":[]}",
    "{\"inputs\":[1],\"source\":{}}",
    "{\"inputs\":[{}],\"source\":{}}",
    "{\"inputs\":[" INPUT ("a\\\" 1\\nb") "],\"source\":{}}",
    "{\"inputs\":[" INPUT ("source") "," INPUT ("source") "],\"source\":{}}",
    "{\"inputs\":[" INPUT ("source") "," INPUT ("backup") "," INPUT (
        "source") "],"
                  "\"source\":{}}",
    "{\"inputs\":[],\"source\":{\"damaged\":-1}}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    HeInputReport report = two;

    g_assert_false (he_input_from_json (texts[i], -1, &report, &error));
    g_assert_nonnull (error);
    assert_same (&report, &two);
  }
}

/* Given a worker that says no more, then its sources grow older, and none is up in the
 * end; what was counted stays. */
static void
test_a_silent_worker_has_no_source (void)
{
  g_autoptr (HeInputs) inputs = he_inputs_new ();
  HeInputReport report;

  g_assert_false (he_inputs_get (inputs, "demo", 0, &report));
  he_inputs_set (inputs, "demo", &two, 100 * S);
  g_assert_false (he_inputs_get (inputs, "other", 100 * S, &report));
  g_assert_true (he_inputs_get (inputs, "demo", 100 * S, &report));
  assert_same (&report, &two);
  g_assert_true (he_inputs_get (inputs, "demo", 100 * S + HE_INPUTS_STALE, &report));
  g_assert_true (report.inputs[0].up && report.inputs[1].taken);
  g_assert_cmpuint (report.inputs[0].age_ms, ==, 40 + HE_INPUTS_STALE / 1000);
  g_assert_true (he_inputs_get (inputs, "demo", 101 * S + HE_INPUTS_STALE, &report));
  g_assert_false (report.inputs[0].up || report.inputs[1].taken);
  g_assert_cmpuint (report.inputs[0].counts[HE_INPUT_GAPS], ==, 3);
  he_inputs_set (inputs, "demo", &two, 200 * S);
  g_assert_true (he_inputs_get (inputs, "demo", 200 * S, &report));
  assert_same (&report, &two);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/inputs/what-is-written-is-read", test_what_is_written_is_read);
  g_test_add_func ("/inputs/what-is-wrong-is-refused", test_what_is_wrong_is_refused);
  g_test_add_func ("/inputs/a-silent-worker-has-no-source",
                   test_a_silent_worker_has_no_source);
  return g_test_run ();
}
