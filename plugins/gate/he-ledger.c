/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-ledger-private.h"

#include <string.h>

#include "he-codec.h"
#include "he-json.h"

#define GROUP_US (G_USEC_PER_SEC / 5) /* lines of so long are synced together */
#define RETRY_US G_USEC_PER_SEC
#define SWEEP_INTERVAL (10 * (gint64)G_USEC_PER_SEC)
#define LOST_INTERVAL (10 * (gint64)G_USEC_PER_SEC)

typedef struct {
  char *channel;
  gint64 from, last, written; /* written: the "to" of its newest line */
  gboolean lost;              /* its newest line was, and is counted */
} Stay;

typedef struct {
  char *account, *address;
  GPtrArray *stays;
} Session;

struct _HeLedger {
  HeLedgerLimits limits;
  HeLog *log;
  GMutex lock;          /* guards all below but file */
  GCond more;           /* lines wait, or stopping */
  GHashTable *sessions; /* hex id -> Session */
  GHashTable *refused;  /* hex ids that found no room there, and are counted */
  GQueue lines;         /* char *, oldest first */
  gint64 next_sweep, next_lost;
  guint64 written, lost, lost_said;
  gboolean failing, stopping;
  GThread *thread;
  HeLedgerFile *file; /* the thread's */
};

static void
stay_free (gpointer data)
{
  Stay *stay = data;

  g_free (stay->channel);
  g_free (stay);
}

static void
session_free (gpointer data)
{
  Session *session = data;

  g_ptr_array_unref (session->stays);
  g_free (session->account);
  g_free (session->address);
  g_free (session);
}

/* Below, the lock is held. */

static void
enqueue (HeLedger *ledger, const char *event, const char *id, const Session *session,
         Stay *stay)
{
  HeJsonWriter *writer = he_json_writer_new ();
  g_autofree char *json = NULL;
  char *line;

  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "event", event);
  he_json_writer_string (writer, "session", id);
  he_json_writer_string (writer, "account", session->account);
  he_json_writer_string (writer, "address", session->address);
  he_json_writer_string (writer, "channel", stay->channel);
  he_json_writer_int64 (writer, "from", stay->from);
  he_json_writer_int64 (writer, "to", stay->last);
  json = he_json_writer_end (writer);
  line = he_ledger_line (json);
  if (ledger->lines.length >= ledger->limits.waiting
      || strlen (line) > HE_LEDGER_LINE_MAX) {
    ledger->lost += !stay->lost;
    stay->lost = TRUE;
    g_free (line);
    return;
  }
  stay->lost = FALSE;
  stay->written = stay->last;
  g_queue_push_tail (&ledger->lines, line);
  g_cond_signal (&ledger->more);
}

static Stay *
find_stay (const Session *session, const char *channel)
{
  for (guint i = 0; i < session->stays->len; i++) {
    Stay *stay = g_ptr_array_index (session->stays, i);

    if (strcmp (stay->channel, channel) == 0)
      return stay;
  }
  return NULL;
}

static Session *
session_of (HeLedger *ledger, const char *id, const char *account,
            const guint8 address_hash[16])
{
  Session *session = g_hash_table_lookup (ledger->sessions, id);

  if (session != NULL)
    return session;
  if (g_hash_table_size (ledger->sessions) >= ledger->limits.sessions)
    return NULL;
  session = g_new (Session, 1);
  session->account = g_strdup (account);
  session->address = he_hex_encode (address_hash, 16);
  session->stays = g_ptr_array_new_with_free_func (stay_free);
  g_hash_table_insert (ledger->sessions, g_strdup (id), session);
  return session;
}

/* Once for a session, however often it comes. */
static void
count_refused (HeLedger *ledger, const char *id)
{
  if (g_hash_table_contains (ledger->refused, id))
    return;
  if (g_hash_table_size (ledger->refused) >= ledger->limits.sessions)
    g_hash_table_remove_all (ledger->refused);
  g_hash_table_add (ledger->refused, g_strdup (id));
  ledger->lost++;
}

static void
note_locked (HeLedger *ledger, const char *id, const char *account,
             const guint8 address_hash[16], const char *channel, gint64 now)
{
  Session *session = session_of (ledger, id, account, address_hash);
  Stay *stay = session != NULL ? find_stay (session, channel) : NULL;

  if (session == NULL) {
    count_refused (ledger, id);
    return;
  }
  if (g_hash_table_size (ledger->refused) > 0)
    g_hash_table_remove (ledger->refused, id);
  if (stay != NULL) {
    stay->last = MAX (stay->last, now);
    if (stay->last - stay->written >= HE_LEDGER_RENEW)
      enqueue (ledger, "renew", id, session, stay);
    return;
  }
  stay = g_new0 (Stay, 1);
  stay->channel = g_strdup (channel);
  stay->from = stay->last = now;
  g_ptr_array_add (session->stays, stay);
  enqueue (ledger, "open", id, session, stay);
}

static void
end_silent (HeLedger *ledger, gint64 now)
{
  GHashTableIter iter;
  gpointer id, value;

  g_hash_table_iter_init (&iter, ledger->sessions);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    Session *session = value;

    for (guint i = session->stays->len; i-- > 0;) {
      Stay *stay = g_ptr_array_index (session->stays, i);

      if (stay->last + HE_LEDGER_SILENCE > now)
        continue;
      enqueue (ledger, "end", id, session, stay);
      g_ptr_array_remove_index_fast (session->stays, i);
    }
    if (session->stays->len == 0)
      g_hash_table_iter_remove (&iter);
  }
}

/* As many lines as are synced together, as one text. */
static char *
take_group (HeLedger *ledger, guint *ret_n)
{
  GString *text = g_string_new (NULL);
  const GList *link = ledger->lines.head;

  *ret_n = 0;
  for (; link != NULL && text->len < HE_LEDGER_GROUP_BYTES; link = link->next, ++*ret_n)
    g_string_append (text, link->data);
  return g_string_free (text, FALSE);
}

static void
drop_group (HeLedger *ledger, guint n)
{
  while (n-- > 0)
    g_free (g_queue_pop_head (&ledger->lines));
}

/* Above, the lock is held. */

static void
say_lost (HeLedger *ledger, gint64 now)
{
  guint64 lost = 0;

  g_mutex_lock (&ledger->lock);
  if (ledger->lost > ledger->lost_said && now >= ledger->next_lost) {
    lost = ledger->lost;
    ledger->lost_said = lost;
    ledger->next_lost = now + LOST_INTERVAL;
  }
  g_mutex_unlock (&ledger->lock);
  if (lost > 0 && ledger->log != NULL)
    he_log_state (ledger->log,
                  "ALARM: %" G_GUINT64_FORMAT " lines of the session ledger are lost, as it "
                  "could not be written in time",
                  lost);
}

/* Only when it changes: a full disk is said once. */
static void
say_failing (HeLedger *ledger, const GError *error, guint waiting)
{
  if (ledger->log == NULL)
    return;
  if (error != NULL)
    he_log_state (ledger->log, "ALARM: the session ledger cannot be written, %u lines wait: %s",
                  waiting, error->message);
  else
    he_log_state (ledger->log, "the session ledger is written again");
}

static gboolean
rotate_if_full (HeLedger *ledger, GError **error)
{
  guint removed = 0;

  if (he_ledger_file_size (ledger->file) < ledger->limits.file_bytes)
    return TRUE;
  if (!he_ledger_file_rotate (ledger->file, ledger->limits.files, &removed, error))
    return FALSE;
  if (removed > 0 && ledger->log != NULL)
    he_log_state (ledger->log, "the session ledger's oldest file was removed: more than %u",
                  ledger->limits.files);
  return TRUE;
}

/* Writes one group without the lock. TRUE: there may be more at once. */
static gboolean
write_group (HeLedger *ledger)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  guint n, waiting;
  gboolean ok, changed;

  g_mutex_lock (&ledger->lock);
  text = take_group (ledger, &n);
  waiting = ledger->lines.length;
  g_mutex_unlock (&ledger->lock);
  if (n == 0)
    return FALSE;
  ok = rotate_if_full (ledger, &error)
       && he_ledger_file_append (ledger->file, text, strlen (text), &error);
  g_mutex_lock (&ledger->lock);
  if (ok) {
    drop_group (ledger, n);
    ledger->written += n;
  }
  changed = ledger->failing == ok;
  ledger->failing = !ok;
  g_mutex_unlock (&ledger->lock);
  if (changed)
    say_failing (ledger, error, waiting);
  return ok;
}

static gpointer
run (gpointer data)
{
  HeLedger *ledger = data;
  gboolean stopping = FALSE;

  while (!stopping) {
    gboolean failing = FALSE;

    g_mutex_lock (&ledger->lock);
    while (ledger->lines.length == 0 && !ledger->stopping)
      g_cond_wait (&ledger->more, &ledger->lock);
    stopping = ledger->stopping;
    g_mutex_unlock (&ledger->lock);
    while (write_group (ledger))
      ;
    g_mutex_lock (&ledger->lock);
    failing = ledger->lines.length > 0 && ledger->failing;
    if (!stopping && !ledger->stopping) {
      gint64 until = g_get_monotonic_time () + (failing ? RETRY_US : GROUP_US);

      /* Lines that come meanwhile make one group. */
      while (!ledger->stopping
             && g_cond_wait_until (&ledger->more, &ledger->lock, until))
        ;
    }
    g_mutex_unlock (&ledger->lock);
    say_lost (ledger, g_get_monotonic_time ());
  }
  return NULL;
}

HeLedger *
he_ledger_new (const char *folder, const HeLedgerLimits *limits, HeLog *log,
               GError **error)
{
  static const HeLedgerLimits defaults = { 64 * 1024 * 1024, 64, 65536, 200000 };
  g_autofree char *aside = NULL;
  gsize torn = 0;
  HeLedgerFile *file = he_ledger_file_open (folder, &torn, &aside, error);
  HeLedger *ledger;

  if (file == NULL)
    return NULL;
  if (torn > 0 && log != NULL)
    he_log_state (log,
                  "the session ledger's last line was torn: %" G_GSIZE_FORMAT
                  " bytes are cut off",
                  torn);
  if (aside != NULL && log != NULL)
    he_log_state (log,
                  "ALARM: the session ledger's newest file cannot be read; it is %s now, and "
                  "another is begun",
                  aside);
  ledger = g_new0 (HeLedger, 1);
  ledger->limits = limits != NULL ? *limits : defaults;
  ledger->log = log;
  ledger->file = file;
  g_mutex_init (&ledger->lock);
  g_cond_init (&ledger->more);
  g_queue_init (&ledger->lines);
  ledger->sessions
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, session_free);
  ledger->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  ledger->thread = g_thread_new ("ledger", run, ledger);
  return ledger;
}

static void
write_stays (HeLedger *ledger)
{
  GHashTableIter iter;
  gpointer id, value;

  g_hash_table_iter_init (&iter, ledger->sessions);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    Session *session = value;

    for (guint i = 0; i < session->stays->len; i++) {
      Stay *stay = g_ptr_array_index (session->stays, i);

      if (stay->last > stay->written)
        enqueue (ledger, "renew", id, session, stay);
    }
  }
}

void
he_ledger_free (HeLedger *ledger)
{
  if (ledger == NULL)
    return;
  g_mutex_lock (&ledger->lock);
  write_stays (ledger);
  ledger->stopping = TRUE;
  g_cond_signal (&ledger->more);
  g_mutex_unlock (&ledger->lock);
  g_thread_join (ledger->thread);
  ledger->lost += ledger->lines.length;
  ledger->next_lost = 0;
  say_lost (ledger, g_get_monotonic_time ());
  drop_group (ledger, ledger->lines.length);
  g_hash_table_unref (ledger->sessions);
  g_hash_table_unref (ledger->refused);
  he_ledger_file_free (ledger->file);
  g_cond_clear (&ledger->more);
  g_mutex_clear (&ledger->lock);
  g_free (ledger);
}

void
he_ledger_note (HeLedger *ledger, const char *session, const char *account,
                const guint8 address_hash[16], const char *channel, gint64 now)
{
  g_mutex_lock (&ledger->lock);
  note_locked (ledger, session, account, address_hash, channel, now);
  g_mutex_unlock (&ledger->lock);
}

void
he_ledger_evict (HeLedger *ledger, const char *id, gint64 now)
{
  g_mutex_lock (&ledger->lock);
  Session *session = g_hash_table_lookup (ledger->sessions, id);
  if (session != NULL) {
    for (guint i = 0; i < session->stays->len; i++)
      enqueue (ledger, "evict", id, session, g_ptr_array_index (session->stays, i));
    g_hash_table_remove (ledger->sessions, id);
  }
  g_mutex_unlock (&ledger->lock);
}

void
he_ledger_tick (HeLedger *ledger, gint64 now)
{
  g_mutex_lock (&ledger->lock);
  if (now >= ledger->next_sweep) {
    ledger->next_sweep = now + SWEEP_INTERVAL;
    end_silent (ledger, now);
  }
  g_mutex_unlock (&ledger->lock);
}

void
he_ledger_get_stats (HeLedger *ledger, HeLedgerStats *ret_stats)
{
  g_mutex_lock (&ledger->lock);
  *ret_stats = (HeLedgerStats) {
    .written = ledger->written,
    .lost = ledger->lost,
    .waiting = ledger->lines.length,
    .failing = ledger->failing,
  };
  g_mutex_unlock (&ledger->lock);
}
