/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-intake.h"

#include <string.h>

#define SMALL 1024 /* bytes, which most heads are within */
#define STEP 4096

static gsize
room_for (gsize len)
{
  return len <= SMALL ? SMALL : (len + STEP - 1) / STEP * STEP;
}

/* Charges what is beyond a connection's own part; FALSE and nothing when that is too much. */
static gboolean
charge (HeIntake *intake, gsize room, gsize held, guint64 *budget)
{
  gsize due = MAX (room + held, HE_INTAKE_EACH) - HE_INTAKE_EACH;

  if (due > intake->charged
      && __atomic_load_n (budget, __ATOMIC_RELAXED) + (due - intake->charged)
             > HE_INTAKE_TOTAL)
    return FALSE;
  if (due != intake->charged)
    __atomic_fetch_add (budget, (guint64)due - intake->charged, __ATOMIC_RELAXED);
  intake->charged = due;
  return TRUE;
}

gboolean
he_intake_add (HeIntake *intake, const char *bytes, gsize len, guint64 *budget)
{
  gsize room = MAX (intake->room, room_for (intake->len + len));

  if (!charge (intake, room, intake->held, budget))
    return FALSE;
  if (room > intake->room)
    intake->bytes = g_realloc (intake->bytes, room);
  intake->room = room;
  memcpy (intake->bytes + intake->len, bytes, len);
  intake->len += len;
  return TRUE;
}

void
he_intake_drop (HeIntake *intake, gsize len, guint64 *budget)
{
  gsize room;

  intake->len -= len;
  intake->scan = (HeHeadScan) { 0 };
  memmove (intake->bytes, intake->bytes + len, intake->len);
  room = intake->len > 0 ? room_for (intake->len) : 0;
  if (room == 0)
    g_clear_pointer (&intake->bytes, g_free);
  else if (room < intake->room)
    intake->bytes = g_realloc (intake->bytes, room);
  intake->room = room;
  charge (intake, room, intake->held, budget);
}

gsize
he_intake_find_head (HeIntake *intake, guint64 *budget, guint *ret_status,
                     const char **ret_why)
{
  *ret_status = 0;
  if (!intake->blank && intake->len >= 2 && memcmp (intake->bytes, "\r\n", 2) == 0) {
    he_intake_drop (intake, 2, budget);
    intake->blank = TRUE;
  }
  return intake->len > 0
             ? he_head_scan (intake->bytes, intake->len, &intake->scan, ret_status, ret_why)
             : 0;
}

gboolean
he_intake_hold_head (HeIntake *intake, gsize len, guint64 *budget)
{
  he_intake_drop (intake, len, budget);
  intake->blank = FALSE;
  if (!charge (intake, intake->room, len, budget))
    return FALSE;
  intake->held = len;
  return TRUE;
}

void
he_intake_let_go (HeIntake *intake, guint64 *budget)
{
  intake->held = 0;
  charge (intake, intake->room, 0, budget);
}

void
he_intake_clear (HeIntake *intake, guint64 *budget)
{
  g_clear_pointer (&intake->bytes, g_free);
  intake->len = intake->room = 0;
  he_intake_let_go (intake, budget);
}
