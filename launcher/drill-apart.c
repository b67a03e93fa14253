/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-apart.h"

char *
headend_apart_address (guint node)
{
  return g_strdup_printf ("10.99.0.%u", node + 10);
}

const char *
headend_apart_hub (void)
{
  return "10.99.0.1";
}
