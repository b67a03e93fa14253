/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-origin-private.h"

/* Leak alarms, for the operator. */

/* An account may hold what would end a quoted word. */
static char *
quotable (const char *account)
{
  return g_strdelimit (g_strdup (account), "\"\\", '\'');
}

static void
note_address (HeOrigin *origin, const char *account, const guint8 address[16])
{
  guint addresses
      = he_alarms_address (origin->alarms, account, address, g_get_real_time ());
  g_autofree char *name = addresses > 0 ? quotable (account) : NULL;

  if (addresses == 0)
    return;
  he_metrics_add (origin->metrics, HE_METRIC_ALARMS, "addresses", NULL, 1);
  he_log_event (origin->log, g_get_monotonic_time (),
                "ALARM one account at %u addresses within an hour account=\"%s\"",
                addresses, name);
}

static void
note_fetch (HeOrigin *origin, const HeAnswer *answer)
{
  const HeSegment *segment = answer->segment;
  gboolean each;
  guint fetches = he_alarms_fetch (origin->alarms, answer->session, segment,
                                   g_get_real_time (), &each);
  g_autofree char *name = fetches > 0 ? quotable (answer->account) : NULL;

  if (fetches == 0)
    return;
  he_metrics_add (origin->metrics, HE_METRIC_ALARMS, "fetches", NULL, 1);
  he_log_event (origin->log, g_get_monotonic_time (),
                "ALARM %s segment fetched %u times by one session session=%.8s "
                "account=\"%s\" segment=%s/%s/%" G_GUINT64_FORMAT,
                each ? "each" : "one", fetches, answer->session, name, segment->channel,
                segment->rendition, segment->msn);
}

void
he_leaks_note (HeOrigin *origin, const HeAnswer *answer)
{
  if (answer->shown != NULL && answer->code == HE_CODE_ADDRESS)
    note_address (origin, answer->shown, answer->shown_at);
  else if (answer->account != NULL
           && (answer->set_cookie != NULL || answer->kind == HE_ANSWER_REDIRECT))
    note_address (origin, answer->account, answer->address_hash);
  else if (answer->account != NULL && answer->segment != NULL)
    note_fetch (origin, answer);
}
