/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "description.h"
#include "he-error.h"
#include "he-json.h"

/* A description may grow sixfold when its characters are escaped. */
#define JOB_MAX (HEADEND_DESCRIPTION_MAX * 6 + 65536)

void
headend_job_free (HeadendJob *job)
{
  if (!job)
    return;
  for (guint i = 0; i < HEADEND_PURPOSES; i++)
    he_secret_unref (job->secrets[i]);
  headend_model_free (job->model);
  g_free (job);
}

char *
headend_job_write (const HeadendModel *model, const char *text, const HeadendNode *node,
                   const HeadendModelChannel *channel, const HeSecret *master,
                   const int *purposes)
{
  HeJsonWriter *writer = he_json_writer_new ();
  he_json_writer_open_object (writer, NULL);
  he_json_writer_string (writer, "file", model->file);
  he_json_writer_string (writer, "folder", model->folder);
  he_json_writer_string (writer, "description", text);
  he_json_writer_string (writer, "node", node->name);
  if (channel)
    he_json_writer_string (writer, "channel", channel->name);
  he_json_writer_open_object (writer, "secrets");
  for (guint i = 0; purposes[i] >= 0; i++) {
    g_autoptr (HeSecret) derived = he_keys_derive (master, (HePurpose)purposes[i]);
    char *hex = he_secret_to_hex (derived);
    he_json_writer_string (writer, he_purpose_name ((HePurpose)purposes[i]), hex);
    he_string_wipe_free (hex);
  }
  return he_json_writer_end (writer);
}

static gboolean
read_secrets (HeadendJob *job, const HeJson *object, GError **error)
{
  for (guint i = 0; i < HEADEND_PURPOSES; i++) {
    const char *name = he_purpose_name ((HePurpose)i);
    const char *hex = NULL;
    if (!he_json_get_string (object, name, FALSE, &hex, error))
      return FALSE;
    if (!hex)
      continue;
    job->secrets[i] = he_secret_from_hex (hex, name, error);
    /* The tree is ours and goes in a moment; what it held must not stay on the heap. */
    explicit_bzero ((char *)hex, strlen (hex));
    if (!job->secrets[i])
      return FALSE;
  }
  return TRUE;
}

HeadendJob *
headend_job_parse (const char *text, gsize len, GError **error)
{
  const char *file, *folder, *description, *node, *channel = NULL;
  g_autoptr (HeadendJob) job = g_new0 (HeadendJob, 1);
  g_autoptr (HeJson) root = he_json_parse (text, (gssize)len, JOB_MAX, 4, error);
  if (!root)
    return NULL;
  if (he_json_type (root) != HE_JSON_OBJECT) {
    he_json_set_error (error, root, "expected a job");
    return NULL;
  }
  if (!he_json_get_string (root, "file", TRUE, &file, error)
      || !he_json_get_string (root, "folder", TRUE, &folder, error)
      || !he_json_get_string (root, "description", TRUE, &description, error)
      || !he_json_get_string (root, "node", TRUE, &node, error)
      || !he_json_get_string (root, "channel", FALSE, &channel, error))
    return NULL;
  job->model = headend_description_parse (description, -1, file, folder, error);
  if (!job->model)
    return NULL;
  job->node = headend_model_node (job->model, node);
  job->channel = channel ? headend_model_channel (job->model, channel) : NULL;
  const HeJson *secrets = he_json_member (root, "secrets");
  if (!job->node || (channel && !job->channel) || !secrets
      || he_json_type (secrets) != HE_JSON_OBJECT) {
    he_json_set_error (error, root,
                       "the job names a node, channel or secrets that are not "
                       "there");
    return NULL;
  }
  if (!read_secrets (job, secrets, error))
    return NULL;
  return g_steal_pointer (&job);
}

HeadendJob *
headend_job_read (int fd, GError **error)
{
  /* Allocated at once: growing would leave copies of the secrets behind. */
  g_autofree char *text = g_malloc (JOB_MAX);
  gsize len = 0;
  for (;;) {
    gssize n = read (fd, text + len, JOB_MAX - len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || (n > 0 && len + (gsize)n == JOB_MAX)) {
      g_set_error (error, HE_ERROR, HE_ERROR_IO,
                   "cannot read a job from standard input: %s",
                   n < 0 ? g_strerror (errno) : "it is too long");
      explicit_bzero (text, len);
      return NULL;
    }
    if (n == 0)
      break;
    len += (gsize)n;
  }
  HeadendJob *job = headend_job_parse (text, len, error);
  explicit_bzero (text, len);
  return job;
}
