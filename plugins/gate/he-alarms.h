/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "he-segment.h"

G_BEGIN_DECLS

/* What looks like a leak: an account that is seen at many addresses within an hour, and a
 * session that fetches one segment over and over, or each of many several times, as
 * somebody does who passes them on. As far as this gate sees it. Bounded, whatever the
 * rules: HE_ALARMS_BYTES, of 65536 accounts and a million of their addresses; what does
 * not fit is not seen. Times are unix microseconds. Thread-safe. */
#define HE_ALARMS_BYTES (40 * 1024 * 1024)
typedef struct _HeAlarms HeAlarms;

#define HE_ALARMS_ADDRESSES_MAX 64
#define HE_ALARMS_FETCHES_MAX 1000
#define HE_ALARMS_IN_A_ROW 60
/* The quarter is no less: some players look at each segment (HEAD) before they fetch it. */
#define HE_ALARMS_EACH_MIN 3

/* More of either raises an alarm; 0: nothing does. */
typedef struct {
  guint addresses; /* of an account, within an hour */
  guint fetches;   /* of a segment by one session; a quarter of them, of nearly each of
                    * HE_ALARMS_IN_A_ROW in a row, is as much */
} HeAlarmRules;

HeAlarms *he_alarms_new (const HeAlarmRules *rules);
void he_alarms_free (HeAlarms *alarms); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeAlarms, he_alarms_free)

/* The account was let in at an address, or what is its own was shown there; the address
 * is a hash. Returns at how many it was seen, as far as is remembered, which is one more
 * than the limit, when that is an alarm, and else 0: once an hour for each account. */
guint he_alarms_address (HeAlarms *alarms, const char *account, const guint8 address[16],
                         gint64 now);
/* The session, as it is logged, fetches a segment, whichever variant. Returns how often
 * it has, when that is an alarm, and else 0: once in ten minutes for each session.
 * *ret_each: at least so often each of HE_ALARMS_IN_A_ROW, not this one. */
guint he_alarms_fetch (HeAlarms *alarms, const char *session, const HeSegment *segment,
                       gint64 now, gboolean *ret_each);

G_END_DECLS
