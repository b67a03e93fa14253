/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptions: what is accepted can be planned and drawn, what is refused says where. */
#include <string.h>
#include "description.h"
#include "fuzz.h"
#include "graph.h"
#include "plan.h"
#include "../unit/probe-kit.h"

const char *const fuzz_seeds[] = {
  "{\"channels\":[{\"name\":\"d\",\"source\":\"srt://h:1\",\"video\":[{\"width\":640,"
  "\"height\":360,\"bitrate\":800}],\"audio\":[{}]}]}",
  "{\"secret\":\"${S}\",\"nodes\":[{\"name\":\"A\",\"listen\":\"[::1]:1\",\"internal\":"
  "\"0.0.0.0:2\"}],\"edge\":{\"listen\":\"127.0.0.1:3\",\"trusted\":[\"::1\"]},"
  "\"sessions\":{\"policy\":\"reject-newest\"},\"channels\":[{\"name\":\"d\",\"source\":"
  "\"file:a?b\",\"segment-duration\":{\"ticks\":180180},\"watermark\":false,\"video\":"
  "[{\"width\":64,\"height\":64,\"bitrate\":32,\"frame-rate\":\"30000/1001\"}]}]}",
  "{\"secret\":{\"file\":\"x\"},\"tokens\":{\"keys\":\"k\"},\"channels\":[{\"name\":"
  "\"d\","
  "\"source\":\"udp://u:p@h:1?q\",\"segment-duration\":2.5,\"encryption\":\"none\"}]}",
  NULL,
};

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HeadendModel) model = headend_description_parse (
      (const char *)data, (gssize)size, "d.json", "/srv", &error);
  if (!model) {
    if (!error || !g_str_has_prefix (error->message, "d.json:"))
      g_abort ();
    return 0;
  }
  g_autofree char *text = headend_graph_text (model);
  g_autofree char *dot = headend_graph_dot (model);
  HeProbe probe = kit_all_but (NULL);
  g_autoptr (HeadendPlan) plan = headend_plan_new (
      model, model->nodes->pdata[0], model->channels->pdata[0], &probe, NULL);
  if (!text[0] || !dot[0] || !plan || plan->pads->len == 0)
    g_abort ();
  return 0;
}
