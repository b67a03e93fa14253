/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settle.h"

/* What holds may have been overtaken by another jump while it was agreed on; that this
 * goes on and on is no jump any more. */
#define MAX_ROUNDS 4

/* Until the nodes hold this generation, or for long enough. That the newest segment has
 * damage does not end it: that is how our own origin sees who has lost something, and the
 * clean copy may be on its way. TRUE: what is held, *ret_holds, is the present
 * anchor, and by what others have published the source did not stand still, as own says.
 */
static gboolean
let_others (const HeadendSettle *with, const HeAnchor *own, HeAnchor *ret_holds)
{
  gint64 end = with->now (with->user) + HEADEND_SETTLE_LET_MS * 1000;
  while (!with->alone && with->ask (with->user, NULL, ret_holds, NULL)
         && ret_holds->generation < own->generation) {
    HeadendPublished so_far = with->published (with->user);
    if (headend_anchor_went_on (own, ret_holds, &so_far, with->duration90))
      return TRUE;
    if (with->now (with->user) >= end)
      return FALSE;
    with->wait (with->user, HEADEND_SETTLE_LOOK_MS);
  }
  return FALSE;
}

HeadendSettled
headend_settle (const HeadendSettle *with, const HeAnchor *own, HeAnchor *ret_anchor,
                GError **error)
{
  HeadendSettled result = HEADEND_SETTLED;
  HeAnchor next = *own, agreed;
  if (own->end != HE_ANCHOR_END_SEEN && let_others (with, own, ret_anchor))
    return HEADEND_SETTLED_LATE;
  for (guint round = 0; round < MAX_ROUNDS; round++) {
    if (!with->ask (with->user, &next, &agreed, error)) {
      *ret_anchor = next;
      return result == HEADEND_SETTLED_ANEW ? HEADEND_SETTLED_ANEW_ALONE
                                            : HEADEND_SETTLED_ALONE;
    }
    HeadendPublished so_far = with->published (with->user);
    if (!headend_anchor_renew (own, &agreed, &so_far, with->node, &next))
      break;
    result = HEADEND_SETTLED_ANEW;
    if (next.end != HE_ANCHOR_END_SEEN)
      let_others (with, &next, ret_anchor);
  }
  *ret_anchor = agreed;
  return result;
}
