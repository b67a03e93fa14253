/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "candidates.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "he-error.h"
#include "he-ledger.h"

/* What text editors of Windows begin a file with is not of the first account. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static gboolean
check (const char *path, guint64 line, const char *account, gsize len, GError **error)
{
  if (len <= HEADEND_CANDIDATE_MAX && g_utf8_validate (account, (gssize)len, NULL))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "%s:%" G_GUINT64_FORMAT ": expected an account, 1 to %d bytes of UTF-8",
               path, line, HEADEND_CANDIDATE_MAX);
  return FALSE;
}

static gboolean
read_lines (const char *path, FILE *file, double size, HeadendCandidateFunc func,
            gpointer user_data, GError **error)
{
  /* Room for what is one byte too long, its end of line and a NUL. */
  char text[HEADEND_CANDIDATE_MAX + sizeof BYTE_ORDER_MARK + 3];
  guint64 line = 0;
  double done = 0;

  while (fgets (text, sizeof text, file)) {
    char *account = text;
    gsize len = strlen (text);
    /* fgets() ends there but at an end of line, of the room or of the file. */
    const gboolean holds_nul
        = text[len - (len > 0)] != '\n' && len + 1 < sizeof text && !feof (file);
    done += (double)len;
    if (line++ == 0 && g_str_has_prefix (text, BYTE_ORDER_MARK)) {
      account += strlen (BYTE_ORDER_MARK);
      len -= strlen (BYTE_ORDER_MARK);
    }
    while (len > 0 && (account[len - 1] == '\n' || account[len - 1] == '\r'))
      account[--len] = '\0';
    if (len == 0 && !holds_nul)
      continue;
    if (!check (path, line, account, holds_nul ? G_MAXSIZE : len, error))
      return FALSE;
    func (account, size > 0 ? MIN (done / size, 1) : 0, user_data);
  }
  if (!ferror (file))
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
  return FALSE;
}

gboolean
headend_candidates_read (const char *path, HeadendCandidateFunc func, gpointer user_data,
                         GError **error)
{
  gboolean standard = strcmp (path, "-") == 0;
  FILE *file = standard ? stdin : fopen (path, "re");
  struct stat about;
  if (!file) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  double size = fstat (fileno (file), &about) == 0 && S_ISREG (about.st_mode)
                    ? (double)about.st_size
                    : 0;
  gboolean ok = read_lines (path, file, size, func, user_data, error);
  if (!standard)
    fclose (file);
  return ok;
}

typedef struct {
  const char *channel;
  gint64 from, to;
  GHashTable *accounts; /* set */
} Watch;

static void
on_stay (const HeLedgerRecord *record, gpointer user_data)
{
  const Watch *watch = user_data;
  gboolean over
      = strcmp (record->event, "end") == 0 || strcmp (record->event, "evict") == 0;
  /* Its next line, if there is one, says more; if there is none, the node died. */
  gint64 last = record->to + (over ? 0 : HE_LEDGER_RENEW + HE_LEDGER_SILENCE);
  if (strcmp (record->channel, watch->channel) == 0 && record->from <= watch->to
      && last >= watch->from && !g_hash_table_contains (watch->accounts, record->account))
    g_hash_table_add (watch->accounts, g_strdup (record->account));
}

gboolean
headend_candidates_from_ledgers (char **states, const char *channel, gint64 from,
                                 gint64 to, HeadendCandidateFunc func, gpointer user_data,
                                 guint64 *ret_damaged, GError **error)
{
  g_autoptr (GHashTable) accounts
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Watch watch = { channel, from, to, accounts };
  GHashTableIter iter;
  gpointer account;
  guint done = 0;
  *ret_damaged = 0;
  for (char **state = states; *state; state++) {
    g_autofree char *folder = g_build_filename (*state, "ledger", NULL);
    guint64 damaged = 0;
    if (!he_ledger_read (folder, on_stay, &watch, &damaged, error))
      return FALSE;
    *ret_damaged += damaged;
  }
  g_hash_table_iter_init (&iter, accounts);
  while (g_hash_table_iter_next (&iter, &account, NULL))
    func (account, (double)++done / g_hash_table_size (accounts), user_data);
  return TRUE;
}
