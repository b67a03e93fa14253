/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-front.h"

G_BEGIN_DECLS

/* Bytes that came on a connection and are not understood yet: the head of a request, and
 * what a client sent behind one without waiting. Pure. Bounded together with the heads of
 * requests that are being answered: HE_INTAKE_EACH for each connection, and HE_INTAKE_TOTAL
 * beyond that for all that share a budget. So those who send short heads are heard, however
 * many send long ones slowly. A budget counts bytes in use, atomically, from 0. */
#define HE_INTAKE_EACH (8 * 1024)
#define HE_INTAKE_TOTAL (64 * 1024 * 1024)

/* All zeros is an empty one. */
typedef struct {
  char *bytes; /* NULL: none */
  gsize len, room;
  HeHeadScan scan;
  gboolean blank; /* the empty line ahead of a head has come */
  gsize held;     /* bytes of the head that is being answered */
  gsize charged;  /* to the budget */
} HeIntake;

/* FALSE, and nothing changes, when the budget is used up. */
gboolean he_intake_add (HeIntake *intake, const char *bytes, gsize len, guint64 *budget);
/* Length of the complete head at the start, or 0, with *ret_status and *ret_why as of
 * he_head_scan(). One empty line ahead of it is ignored (RFC 9112 section 2.2). */
gsize he_intake_find_head (HeIntake *intake, guint64 *budget, guint *ret_status,
                           const char **ret_why);
/* The first len bytes have been read. */
void he_intake_drop (HeIntake *intake, gsize len, guint64 *budget);
/* They are a head, and are kept elsewhere until it is let go. FALSE: the budget is used up;
 * it has to be let go all the same. */
gboolean he_intake_hold_head (HeIntake *intake, gsize len, guint64 *budget);
void he_intake_let_go (HeIntake *intake, guint64 *budget);
void he_intake_clear (HeIntake *intake, guint64 *budget);

G_END_DECLS
