/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Accounts that may have made a copy, from a file with one in each line: opaque text of 1
 * to 128 bytes. Blank lines are passed over; "-" is standard input. */

/* done: the share of the file that was read, 0..1; 0 where its length is not known. */
typedef void (*HeadendCandidateFunc) (const char *account, double done,
                                      gpointer user_data);

#define HEADEND_CANDIDATE_MAX 128 /* bytes of an account */

/* Calls func for each. Errors are HE_ERROR_IO, and HE_ERROR_INVALID naming the line. */
gboolean headend_candidates_read (const char *path, HeadendCandidateFunc func,
                                  gpointer user_data, GError **error);

/* The accounts that watched a channel at some time between from and to (unix microseconds), each
 * once, by the session ledgers below the state folders of nodes. Stays count for as long as they may
 * have lasted (he-ledger.h). *ret_damaged: lines that do not count. */
gboolean headend_candidates_from_ledgers (char **states, const char *channel, gint64 from,
                                          gint64 to, HeadendCandidateFunc func,
                                          gpointer user_data, guint64 *ret_damaged,
                                          GError **error);

G_END_DECLS
