/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What nodes tell each other: status, anchors, and the job that a child is given. */
#include "description.h"
#include "fuzz.h"
#include "he-anchor.h"
#include "job.h"
#include "status.h"

const char *const fuzz_seeds[] = {
  "{\"channels\":[{\"name\":\"demo\",\"filled\":true,\"last-msn\":850000000,"
  "\"age-ms\":1500,\"run\":6,\"publishers\":[{\"node\":\"A\",\"age-ms\":90}],"
  "\"copies\":{\"agreement\":\"identical\",\"agree\":7,\"conflict\":1,\"conflicting\":true,"
  "\"nodes\":[{\"node\":\"A\",\"missing\":3,\"lag-ms\":250}]}}]}",
  "{\"generation\":0,\"offset90\":0,\"wall-offset90\":-12,\"node\":\"A\"}",
  "{\"file\":\"f\",\"folder\":\"/\",\"node\":\"node\",\"channel\":\"demo\",\"secrets\":{"
  "\"content\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"},"
  "\"description\":\"{\\\"channels\\\":[{\\\"name\\\":\\\"demo\\\",\\\"source\\\":"
  "\\\"srt://h:1\\\",\\\"video\\\":[{\\\"width\\\":640,\\\"height\\\":360,\\\"bitrate\\\":"
  "800}]}]}\"}",
  NULL,
};

static HeadendModel *
model (void)
{
  static HeadendModel *made;

  if (!made)
    made = headend_description_parse (
        "{\"channels\":[{\"name\":\"demo\",\"source\":\"srt://h:1\",\"video\":[{\"width\":"
        "640,\"height\":360,\"bitrate\":800}]}]}",
        -1, "d.json", "/srv", NULL);
  if (!made)
    g_abort ();
  return made;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  guint64 end90 = 0, now90 = 0;
  gboolean clean;
  HeAnchor anchor, again;

  if (headend_status_epoch (text, size, model ()->channels->pdata[0], &end90, &now90,
                            &clean)
      && now90 < end90)
    g_abort ();
  if (he_anchor_from_json (text, (gssize)size, &anchor, NULL)) {
    g_autofree char *written = he_anchor_to_json (&anchor);

    if (!he_anchor_from_json (written, -1, &again, NULL)
        || he_anchor_compare (&anchor, &again) != 0)
      g_abort ();
  }
  headend_job_free (headend_job_parse (text, size, NULL));
  return 0;
}
