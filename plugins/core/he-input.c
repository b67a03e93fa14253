/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-input.h"

#include <string.h>

static const char *const names[] = { "source", "backup" };

static const char *const count_names[HE_INPUT_COUNTS] = {
  [HE_INPUT_BYTES] = "bytes", [HE_INPUT_REOPENED] = "reopened",
  [HE_INPUT_GAPS] = "gaps",   [HE_INPUT_BROKEN] = "broken",
  [HE_INPUT_LOST] = "lost",   [HE_INPUT_LATE] = "late",
  [HE_INPUT_TWICE] = "twice",
};

static const char *const source_count_names[HE_SOURCE_COUNTS] = {
  [HE_SOURCE_DAMAGED] = "damaged",
  [HE_SOURCE_BAD_TIMES] = "bad-times",
  [HE_SOURCE_SKIPPED_MS] = "skipped-ms",
  [HE_SOURCE_SKIPPED_PICTURES] = "skipped-pictures",
};

const char *
he_input_name (const HeInput *input)
{
  return names[input->backup ? 1 : 0];
}

const char *
he_input_count_name (HeInputCount count)
{
  return count_names[count];
}

void
he_input_write (HeJsonWriter *writer, const HeInputReport *report)
{
  he_json_writer_open_array (writer, "inputs");
  for (guint i = 0; i < report->n; i++) {
    const HeInput *input = &report->inputs[i];

    he_json_writer_open_object (writer, NULL);
    he_json_writer_string (writer, "name", he_input_name (input));
    he_json_writer_boolean (writer, "up", input->up);
    he_json_writer_boolean (writer, "taken", input->taken);
    if (input->heard)
      he_json_writer_uint64 (writer, "age-ms", input->age_ms);
    for (guint of = 0; of < HE_INPUT_COUNTS; of++)
      he_json_writer_uint64 (writer, count_names[of], input->counts[of]);
    he_json_writer_close (writer);
  }
  he_json_writer_close (writer);
  he_json_writer_open_object (writer, "source");
  for (guint of = 0; of < HE_SOURCE_COUNTS; of++)
    he_json_writer_uint64 (writer, source_count_names[of], report->counts[of]);
  he_json_writer_close (writer);
}

char *
he_input_to_json (const HeInputReport *report)
{
  HeJsonWriter *writer = he_json_writer_new ();

  he_json_writer_open_object (writer, NULL);
  he_input_write (writer, report);
  return he_json_writer_end (writer);
}

static gboolean
read_counts (const HeJson *object, const char *const *members, guint n, guint64 *counts,
             GError **error)
{
  for (guint of = 0; of < n; of++)
    if (!he_json_get_uint64 (object, members[of], FALSE, G_MAXINT64, &counts[of], error))
      return FALSE;
  return TRUE;
}

static gboolean
read_input (const HeJson *object, HeInput *input, GError **error)
{
  const char *name = NULL;

  if (he_json_type (object) != HE_JSON_OBJECT)
    return he_json_set_error (error, object, "must be an object, not %s",
                              he_json_type_name (he_json_type (object)));
  if (!he_json_get_string (object, "name", TRUE, &name, error)
      || !he_json_get_boolean (object, "up", TRUE, &input->up, error)
      || !he_json_get_boolean (object, "taken", TRUE, &input->taken, error)
      || !he_json_get_uint64 (object, "age-ms", FALSE, G_MAXINT64, &input->age_ms, error)
      || !read_counts (object, count_names, HE_INPUT_COUNTS, input->counts, error))
    return FALSE;
  input->heard = he_json_member (object, "age-ms") != NULL;
  input->backup = g_str_equal (name, names[1]);
  if (!input->backup && !g_str_equal (name, names[0]))
    return he_json_set_error (error, he_json_member (object, "name"),
                              "is neither \"source\" nor \"backup\"");
  return TRUE;
}

gboolean
he_input_read (const HeJson *object, HeInputReport *ret_report, GError **error)
{
  const HeJson *inputs = he_json_member (object, "inputs");
  const HeJson *source = he_json_member (object, "source");
  HeInputReport report = { 0 };

  if (inputs == NULL || he_json_type (inputs) != HE_JSON_ARRAY
      || he_json_length (inputs) > HE_INPUT_MAX)
    return he_json_set_error (error, inputs != NULL ? inputs : object,
                              "has no \"inputs\", an array of at most %d", HE_INPUT_MAX);
  if (source == NULL || he_json_type (source) != HE_JSON_OBJECT)
    return he_json_set_error (error, source != NULL ? source : object,
                              "has no \"source\", an object");
  report.n = he_json_length (inputs);
  for (guint i = 0; i < report.n; i++) {
    if (!read_input (he_json_element (inputs, i), &report.inputs[i], error))
      return FALSE;
    if (i > 0 && report.inputs[i].backup == report.inputs[i - 1].backup)
      return he_json_set_error (error, inputs, "names one source twice");
  }
  if (!read_counts (source, source_count_names, HE_SOURCE_COUNTS, report.counts, error))
    return FALSE;
  *ret_report = report;
  return TRUE;
}

gboolean
he_input_from_json (const char *text, gssize len, HeInputReport *ret_report,
                    GError **error)
{
  g_autoptr (HeJson) root = he_json_parse (text, len, HE_INPUT_JSON_MAX, 3, error);

  if (root == NULL)
    return FALSE;
  if (he_json_type (root) != HE_JSON_OBJECT)
    return he_json_set_error (error, root, "must be an object, not %s",
                              he_json_type_name (he_json_type (root)));
  return he_input_read (root, ret_report, error);
}
