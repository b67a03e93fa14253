/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vitals.h"

#include <gio/gio.h>
#include <string.h>
#include "http.h"
#include "log.h"
#include "notify.h"

#define TIMEOUT 3 /* seconds an origin may take */
#define ANSWER_MAX 65536

struct _HeadendVitals {
  HeadendSupervisor *supervisor;
  HeadendNotify *notify;
  char **origins;
  gboolean serving;
  gboolean asking;
  GCancellable *over;
  guint tick;
};

/* What the origins say together. */
typedef struct {
  char **origins;   /* whom to ask, owned */
  gboolean answers; /* all of them */
  gboolean ready;   /* all of them */
  char *reason;     /* why not; NULL: they are */
} Answer;

static void
answer_free (gpointer data)
{
  Answer *answer = data;
  g_strfreev (answer->origins);
  g_free (answer->reason);
  g_free (answer);
}

static void
ask (Answer *answer, const char *origin)
{
  guint code = 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = headend_http_request (origin, "GET", "/readyz", NULL, NULL,
                                                  TIMEOUT, ANSWER_MAX, &code, &error);
  gboolean answers = body && (code == 200 || code == 503);
  answer->answers &= answers;
  answer->ready &= answers && code == 200;
  if (answer->reason || (answers && code == 200))
    return;
  if (!answers) {
    answer->reason = g_strdup_printf ("the origin on %s does not answer", origin);
    return;
  }
  gsize len;
  const char *text = g_bytes_get_data (body, &len);
  const char *end = memchr (text, '\n', len); /* a reason a line */
  answer->reason = g_strndup (text, end ? (gsize)(end - text) : len);
}

static void
ask_run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Answer *answer = data;
  answer->answers = answer->ready = TRUE;
  for (char **origin = answer->origins; *origin; origin++)
    ask (answer, *origin);
  g_task_return_boolean (task, TRUE);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  const Answer *answer = g_task_get_task_data (G_TASK (result));
  if (!g_task_propagate_boolean (G_TASK (result), NULL))
    return; /* the vitals are gone */
  HeadendVitals *vitals = user_data;
  const char *stuck = headend_supervisor_stuck (vitals->supervisor);
  const char *waits = headend_supervisor_waits_for (vitals->supervisor);
  gboolean ready = vitals->serving ? answer->ready : answer->answers;
  if (!*vitals->origins)
    ready = !waits;
  g_autofree char *status = NULL;
  if (stuck)
    status = g_strdup_printf ("%s cannot be ended", stuck);
  else if (ready)
    status = g_strdup (vitals->serving ? "on air" : "the origin answers");
  else if (*vitals->origins)
    status = g_strdup_printf ("not ready: %s", answer->reason);
  else
    status = g_strdup_printf ("waiting for %s", waits);
  vitals->asking = FALSE;
  headend_notify_say (vitals->notify, !stuck && answer->answers, ready, status);
}

static gboolean
on_tick (gpointer user_data)
{
  HeadendVitals *vitals = user_data;
  if (vitals->asking)
    return G_SOURCE_CONTINUE;
  vitals->asking = TRUE;
  Answer *answer = g_new0 (Answer, 1);
  answer->origins = g_strdupv (vitals->origins);
  g_autoptr (GTask) task = g_task_new (NULL, vitals->over, on_answer, vitals);
  g_task_set_task_data (task, answer, answer_free);
  g_task_run_in_thread (task, ask_run);
  return G_SOURCE_CONTINUE;
}

static void
on_stop (gpointer user_data)
{
  HeadendVitals *vitals = user_data;
  g_clear_handle_id (&vitals->tick, g_source_remove);
  g_cancellable_cancel (vitals->over);
  headend_notify_stopping (vitals->notify);
}

HeadendVitals *
headend_vitals_new (HeadendSupervisor *supervisor, const char *const *origins,
                    gboolean serving)
{
  g_autoptr (GError) error = NULL;
  HeadendNotify *notify = headend_notify_new (&error);
  if (error)
    headend_log ("%s; the service manager is told nothing", error->message);
  if (!notify)
    return NULL;
  HeadendVitals *vitals = g_new0 (HeadendVitals, 1);
  vitals->supervisor = supervisor;
  vitals->notify = notify;
  vitals->origins = g_strdupv ((char **)origins);
  vitals->serving = serving;
  vitals->over = g_cancellable_new ();
  vitals->tick = g_timeout_add (headend_notify_interval (notify), on_tick, vitals);
  headend_supervisor_on_stop (supervisor, on_stop, vitals);
  return vitals;
}

void
headend_vitals_free (HeadendVitals *vitals)
{
  if (!vitals)
    return;
  g_clear_handle_id (&vitals->tick, g_source_remove);
  g_cancellable_cancel (vitals->over);
  g_object_unref (vitals->over);
  headend_notify_free (vitals->notify);
  g_strfreev (vitals->origins);
  g_free (vitals);
}
