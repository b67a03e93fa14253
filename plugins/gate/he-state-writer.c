/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-state.h"

#include "he-error.h"

typedef struct {
  char *text;        /* that waits; NULL: none */
  guint64 wanted;    /* texts so far */
  guint64 tried;     /* of those, up to the newest that was tried */
  GError *error;     /* of that */
  gint64 not_before; /* monotonic: whose turn is first */
} File;

struct _HeStateWriter {
  gatomicrefcount refs; /* the owner's, and that of a thread that may outlive him */
  char *folder;
  GMutex lock; /* guards what follows */
  GCond changed;
  GHashTable *files; /* name -> File */
  gboolean running, ending;
  gint64 began; /* monotonic, what is being written; 0: nothing */
  gboolean slow; /* somebody waited in vain, and no write was quick since */
};

static void
file_free (gpointer data)
{
  File *file = data;

  g_free (file->text);
  g_clear_error (&file->error);
  g_free (file);
}

HeStateWriter *
he_state_writer_new (const char *folder)
{
  HeStateWriter *writer = g_new0 (HeStateWriter, 1);

  g_atomic_ref_count_init (&writer->refs);
  writer->folder = g_strdup (folder);
  g_mutex_init (&writer->lock);
  g_cond_init (&writer->changed);
  writer->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, file_free);
  return writer;
}

static void
unref (HeStateWriter *writer)
{
  if (!g_atomic_ref_count_dec (&writer->refs))
    return;
  g_hash_table_unref (writer->files);
  g_cond_clear (&writer->changed);
  g_mutex_clear (&writer->lock);
  g_free (writer->folder);
  g_free (writer);
}

void
he_state_writer_free (HeStateWriter *writer, gint64 patience)
{
  gint64 end = g_get_monotonic_time () + patience;

  if (writer == NULL)
    return;
  g_mutex_lock (&writer->lock);
  writer->ending = TRUE;
  g_cond_broadcast (&writer->changed);
  while (writer->running && g_cond_wait_until (&writer->changed, &writer->lock, end))
    ;
  g_mutex_unlock (&writer->lock);
  unref (writer);
}

/* The file whose turn is first, or NULL. With the lock. */
static File *
next_file (HeStateWriter *writer, const char **ret_name)
{
  GHashTableIter iter;
  gpointer name, value;
  File *next = NULL;

  g_hash_table_iter_init (&iter, writer->files);
  while (g_hash_table_iter_next (&iter, &name, &value)) {
    File *file = value;

    if (file->text == NULL || (next != NULL && file->not_before >= next->not_before))
      continue;
    next = file;
    *ret_name = name;
  }
  return next;
}

/* With the lock, which it releases while it writes. */
static void
write_one (HeStateWriter *writer, const char *name, File *file)
{
  g_autofree char *text = g_steal_pointer (&file->text);
  const guint64 number = file->wanted;
  GError *error = NULL;

  writer->began = g_get_monotonic_time ();
  g_mutex_unlock (&writer->lock);
  he_state_write (writer->folder, name, text, &error);
  g_mutex_lock (&writer->lock);
  if (error == NULL && g_get_monotonic_time () - writer->began < HE_STATE_QUICK)
    writer->slow = FALSE;
  writer->began = 0;
  file->tried = number;
  g_clear_error (&file->error);
  file->error = error;
  if (error != NULL && file->text == NULL && !writer->ending) {
    file->text = g_steal_pointer (&text);
    file->not_before = g_get_monotonic_time () + HE_STATE_RETRY;
  }
  g_cond_broadcast (&writer->changed);
}

/* For as long as something waits. */
static gpointer
run (gpointer data)
{
  HeStateWriter *writer = data;
  const char *name = NULL;
  File *file;

  g_mutex_lock (&writer->lock);
  while ((file = next_file (writer, &name)) != NULL) {
    if (!writer->ending && file->not_before > g_get_monotonic_time ())
      g_cond_wait_until (&writer->changed, &writer->lock, file->not_before);
    else
      write_one (writer, name, file);
  }
  writer->running = FALSE;
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
  unref (writer);
  return NULL;
}

static void
start (HeStateWriter *writer)
{
  g_cond_broadcast (&writer->changed);
  if (writer->running)
    return;
  writer->running = TRUE;
  g_atomic_ref_count_inc (&writer->refs);
  g_thread_unref (g_thread_new ("state", run, writer));
}

guint64
he_state_writer_put (HeStateWriter *writer, const char *name, char *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  File *file = g_hash_table_lookup (writer->files, name);

  if (file == NULL) {
    file = g_new0 (File, 1);
    g_hash_table_insert (writer->files, g_strdup (name), file);
  }
  g_free (file->text);
  file->text = text;
  file->wanted++;
  file->not_before = g_get_monotonic_time ();
  start (writer);
  return file->wanted;
}

HeStateResult
he_state_writer_wait (HeStateWriter *writer, const char *name, guint64 number,
                      gint64 patience, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  const File *file = g_hash_table_lookup (writer->files, name);
  const gint64 now = g_get_monotonic_time ();
  gboolean hopeless = patience <= 0 || writer->slow
                      || (writer->began != 0 && now - writer->began > patience);

  while (!hopeless && file->tried < number
         && g_cond_wait_until (&writer->changed, &writer->lock, now + patience))
    ;
  if (file->tried < number) {
    writer->slow = writer->slow || patience > 0;
    g_set_error (error, HE_ERROR, HE_ERROR_IO,
                 "%s/%s: the disk takes its time; it is written when it can be",
                 writer->folder, name);
    return HE_STATE_WAITS;
  }
  if (file->error == NULL)
    return HE_STATE_WRITTEN;
  g_propagate_error (error, g_error_copy (file->error));
  return HE_STATE_FAILED;
}
