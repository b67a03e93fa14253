/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Lines for the operator. What clients can cause is rate-limited, and the number of lines
 * left out is said with the next one. Thread-safe. */
typedef struct _HeLog HeLog;

#define HE_LOG_PER_SECOND 20

HeLog *
he_log_new (void (*write) (const char *line, gpointer user_data), gpointer user_data);
void he_log_free (HeLog *log); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeLog, he_log_free)

/* A change of state: always written. */
void he_log_state (HeLog *log, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Something a client caused: at most HE_LOG_PER_SECOND. now: monotonic microseconds. */
void he_log_event (HeLog *log, gint64 now, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* A request's path as it may be logged. A credential becomes a star: all that stands behind
 * a component "s", wherever that is and whatever dots and empty components follow it, up to
 * "live"; so does a component that is longer than names are. Parameters, of which one may be
 * a token, become ";" and a star, what is percent-encoded, as their semicolon may be, and
 * all after it "%" and a star, anything but printable characters a '?'. About 200
 * characters at most. */
char *he_log_path (const char *path);

G_END_DECLS
