/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "faults.h"

HeadendFaultsNews
headend_faults_look (HeadendFaults *faults, guint64 total, gboolean flows, gint64 now,
                     guint64 *ret_spell, gint64 *ret_lasted)
{
  if (flows && !faults->joined)
    faults->since = now;
  faults->joined = flows;
  if (!flows || now - faults->since < HEADEND_FAULTS_JOIN)
    faults->total = total;
  guint64 more = total - faults->total;
  gboolean calm = faults->spell == 0;
  faults->total = total;
  if (more > 0) {
    faults->spell += more;
    faults->last = now;
    if (!calm)
      return HEADEND_FAULTS_NO_NEWS;
    faults->begun = now;
    return HEADEND_FAULTS_BEGUN;
  }
  if (calm || now - faults->last < HEADEND_FAULTS_CALM)
    return HEADEND_FAULTS_NO_NEWS;
  *ret_spell = faults->spell;
  *ret_lasted = faults->last - faults->begun;
  faults->spell = 0;
  return HEADEND_FAULTS_OVER;
}
