/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "he-keys.h"
#include "model.h"

G_BEGIN_DECLS

/* What a supervisor tells its child on the child's standard input: the description, whom
 * it is to be, and the secrets of its purposes. As JSON:
 *
 *   {"file":…,"folder":…,"description":TEXT,"node":"A","channel":"demo",
 *    "secrets":{"content":HEX,…}}
 *
 * Standard input, because arguments and environments of processes are for all to read. */
#define HEADEND_PURPOSES (HE_PURPOSE_PUBLISH + 1)

typedef struct {
  HeadendModel *model;
  const HeadendNode *node;             /* of model */
  const HeadendModelChannel *channel;  /* of model, or NULL */
  HeSecret *secrets[HEADEND_PURPOSES]; /* by purpose; NULL: not ours */
} HeadendJob;

void headend_job_free (HeadendJob *job); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendJob, headend_job_free)

/* purposes ends with -1; channel may be NULL. Wipe the text with he_string_wipe_free().
 */
char *headend_job_write (const HeadendModel *model, const char *text,
                         const HeadendNode *node, const HeadendModelChannel *channel,
                         const HeSecret *master, const int *purposes);

HeadendJob *headend_job_parse (const char *text, gsize len, GError **error);
/* From a descriptor, to its end. */
HeadendJob *headend_job_read (int fd, GError **error);

G_END_DECLS
