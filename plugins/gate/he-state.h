/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Files of a state folder. After a crash at any moment the file holds the old text or the
 * new one, which is on the disk when this returns. HE_ERROR_IO names the file. */
gboolean
he_state_write (const char *folder, const char *name, const char *text, GError **error);

/* The same, for who must not wait for a disk that stands still: a thread writes. Of each
 * file the newest text waits, and what could not be written is tried again every
 * HE_STATE_RETRY. Thread-safe. */
typedef struct _HeStateWriter HeStateWriter;

#define HE_STATE_RETRY (1 * G_USEC_PER_SEC)
#define HE_STATE_QUICK (G_USEC_PER_SEC / 10)
#define HE_STATE_END (30 * G_USEC_PER_SEC) /* as long as an origin has */

HeStateWriter *he_state_writer_new (const char *folder); /* which exists */
/* What waits is tried once more. A disk that stands still is left to itself after patience
 * microseconds. Takes NULL. */
void he_state_writer_free (HeStateWriter *writer, gint64 patience);

/* Takes text, and does not wait. Returns a number to ask for it with. */
guint64 he_state_writer_put (HeStateWriter *writer, const char *name, char *text);

typedef enum {
  HE_STATE_WRITTEN, /* this text or a newer one */
  HE_STATE_FAILED,
  HE_STATE_WAITS,
} HeStateResult;

/* Waits for a text, patience microseconds; not at all behind another that has taken as
 * long already, nor once a wait was in vain, until something is written within
 * HE_STATE_QUICK again. Without HE_STATE_WRITTEN, HE_ERROR_IO says what is the matter. */
HeStateResult he_state_writer_wait (HeStateWriter *writer, const char *name,
                                    guint64 number, gint64 patience, GError **error);

G_END_DECLS
