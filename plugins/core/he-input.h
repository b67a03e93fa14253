/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-json.h"

G_BEGIN_DECLS

/* How the sources of a channel are, as its worker sees them and tells its node's origin.
 * Counts are since the worker began. A source is called what the description calls it,
 * never by its URI, which may hold a secret. */

#define HE_INPUT_MAX 2 /* sources of a channel */
#define HE_INPUT_JSON_MAX 4096

/* Of a source. */
typedef enum {
  HE_INPUT_BYTES,
  HE_INPUT_REOPENED, /* times that it was opened again, after a failure or a silence */
  HE_INPUT_GAPS,     /* continuity counters of a transport stream that do not go on */
  HE_INPUT_BROKEN,   /* packets that say that they are broken, or where none is found */
  HE_INPUT_LOST,     /* packets that the network lost: SRT's before it repairs them */
  HE_INPUT_LATE,     /* packets that came when RTP no longer waited for them */
  HE_INPUT_TWICE,    /* packets that came twice by RTP, datagrams by UDP */
  HE_INPUT_COUNTS,
} HeInputCount;

/* Of all that is taken of them. */
typedef enum {
  HE_SOURCE_DAMAGED,          /* pictures and sound, cut short or malformed */
  HE_SOURCE_BAD_TIMES,        /* units whose timestamp nothing confirmed */
  HE_SOURCE_SKIPPED_MS,       /* that a machine was too slow for */
  HE_SOURCE_SKIPPED_PICTURES, /* of RTMP meanwhile, and that decoding cannot begin with */
  HE_SOURCE_COUNTS,
} HeSourceCount;

typedef struct {
  gboolean backup; /* its name is "backup", else "source" */
  gboolean up;     /* pictures or sound came within a second */
  gboolean taken;
  gboolean heard; /* something came, ever: */
  guint64 age_ms; /* since then */
  guint64 counts[HE_INPUT_COUNTS];
} HeInput;

typedef struct {
  HeInput inputs[HE_INPUT_MAX];
  guint n;
  guint64 counts[HE_SOURCE_COUNTS];
} HeInputReport;

const char *he_input_name (const HeInput *input);
const char *he_input_count_name (HeInputCount count); /* "bytes", …: in the JSON */

/* {"inputs":[{"name":"source","up":true,"taken":true,"age-ms":3,"bytes":1316,…}],
 * "source":{"damaged":0,…}} */
char *he_input_to_json (const HeInputReport *report);
/* A count that is not there is 0. HE_ERROR_INVALID; ret_report is left alone then. */
gboolean he_input_from_json (const char *text, gssize len, HeInputReport *ret_report,
                             GError **error);

/* The same as members of an object that has others, too. */
void he_input_write (HeJsonWriter *writer, const HeInputReport *report);
gboolean he_input_read (const HeJson *object, HeInputReport *ret_report, GError **error);

G_END_DECLS
