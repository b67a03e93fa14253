/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "candidates.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "he-error.h"

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
  char text[HEADEND_CANDIDATE_MAX + 4];
  guint64 line = 0;
  double done = 0;

  while (fgets (text, sizeof text, file)) {
    gsize len = strlen (text);
    done += (double)len;
    line++;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
      text[--len] = '\0';
    if (len == 0)
      continue;
    if (!check (path, line, text, len, error))
      return FALSE;
    func (text, size > 0 ? MIN (done / size, 1) : 0, user_data);
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
