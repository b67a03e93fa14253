/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes news of a count of faults, such as packets that a source's network loses: one
 * when they begin, and one when there were none for HEADEND_FAULTS_CALM. What joins a
 * stream in the middle misses some, which is none. Times are microseconds of a monotonic
 * clock. Pure. */

#define HEADEND_FAULTS_JOIN (3 * G_USEC_PER_SEC)
#define HEADEND_FAULTS_CALM (10 * G_USEC_PER_SEC)

typedef enum {
  HEADEND_FAULTS_NO_NEWS,
  HEADEND_FAULTS_BEGUN,
  HEADEND_FAULTS_OVER,
} HeadendFaultsNews;

/* Zero-initialise. */
typedef struct {
  guint64 total;   /* when last looked at */
  gboolean joined; /* it flows, and since when: */
  gint64 since;
  guint64 spell;      /* of them since they began; 0: there are none now */
  gint64 begun, last; /* when the spell did, and when they last grew more */
} HeadendFaults;

/* total: faults so far. flows: data comes. At HEADEND_FAULTS_OVER, ret_spell and
 * ret_lasted say how many there were, from the first to the last; elsewhere they are left
 * alone. */
HeadendFaultsNews
headend_faults_look (HeadendFaults *faults, guint64 total, gboolean flows, gint64 now,
                     guint64 *ret_spell, gint64 *ret_lasted);

G_END_DECLS
