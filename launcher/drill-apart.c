/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-apart.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mount.h>
#include <unistd.h>
#include "drill-disk.h"
#include "drill-process.h"
#include "he-error.h"

#define HUB "10.99.0.1"
#define BRIDGE "headend"
#define DISK "size=256k,mode=0700"

char *
headend_apart_address (guint node)
{
  return g_strdup_printf ("10.99.0.%u", node + 10);
}

const char *
headend_apart_hub (void)
{
  return HUB;
}

const char *const *
headend_apart_words (void)
{
  static const char *const words[]
      = { "unshare", "--net", "--mount", "--propagation", "private", "--", NULL };
  return words;
}

static gboolean
mount_disk (const char *path, const char *options, GError **error)
{
  if (g_mkdir_with_parents (path, 0700) == 0
      && mount ("headend-drill", path, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_IO, "a small disk on %s: %s", path,
               g_strerror (errno));
  return FALSE;
}

/* Names of namespaces stand in a folder that all others share: this one is ours alone. */
gboolean
headend_apart_enter (GError **error)
{
  return mount_disk ("/run/netns", "size=64k", error)
         && headend_process_run (error, "ip", "link", "set", "lo", "up", NULL)
         && headend_process_run (error, "ip", "link", "add", BRIDGE, "type", "bridge",
                                 NULL)
         && headend_process_run (error, "ip", "address", "add", HUB "/24", "dev", BRIDGE,
                                 NULL)
         && headend_process_run (error, "ip", "link", "set", BRIDGE, "up", NULL);
}

/* What a node's processes write to. */
static gboolean
give_disk (const HeadendStage *stage, guint node, GError **error)
{
  const char *name = stage->nodes[node].name;
  g_autofree char *state = g_strdup_printf ("%s/state-%s", stage->dir, name);
  g_autofree char *image = g_strdup_printf ("%s/disk-%s", stage->dir, name);
  return stage->options.disks ? headend_disk_mount (image, state, error)
                              : mount_disk (state, DISK, error);
}

gboolean
headend_apart_add (HeadendStage *stage, guint node, GError **error)
{
  static char names[HEADEND_STAGE_NODES][8];
  static const char *prefixes[HEADEND_STAGE_NODES][5];
  g_autofree char *address = g_strdup_printf ("10.99.0.%u/24", node + 10);
  g_autofree char *link = g_strdup_printf ("headend%u", node);
  char *space = names[node];
  g_snprintf (space, sizeof names[node], "n%u", node);
  const char *const prefix[] = { "ip", "netns", "exec", space, NULL };
  for (guint i = 0; i < G_N_ELEMENTS (prefix); i++)
    prefixes[node][i] = prefix[i];
  stage->nodes[node].prefix = prefixes[node];
  return give_disk (stage, node, error)
         && headend_process_run (error, "ip", "netns", "add", space, NULL)
         && headend_process_run (error, "ip", "link", "add", link, "type", "veth", "peer",
                                 "name", "eth0", "netns", space, NULL)
         && headend_process_run (error, "ip", "link", "set", link, "master", BRIDGE, "up",
                                 NULL)
         && headend_process_run (error, "ip", "-n", space, "link", "set", "lo", "up",
                                 NULL)
         && headend_process_run (error, "ip", "-n", space, "address", "add", address,
                                 "dev", "eth0", NULL)
         && headend_process_run (error, "ip", "-n", space, "link", "set", "eth0", "up",
                                 NULL);
}

void
headend_apart_remove (HeadendStage *stage, guint node)
{
  g_autofree char *space = g_strdup_printf ("n%u", node);
  g_autofree char *state
      = g_strdup_printf ("%s/state-%s", stage->dir, stage->nodes[node].name);
  g_autofree char *link = g_strdup_printf ("headend%u", node);
  headend_apart_freeze (stage, node, FALSE, NULL);
  umount2 (state, MNT_DETACH);
  headend_process_run (NULL, "ip", "link", "delete", link, NULL);
  headend_process_run (NULL, "ip", "netns", "delete", space, NULL);
}

gboolean
headend_apart_link (guint node, gboolean up, GError **error)
{
  g_autofree char *link = g_strdup_printf ("headend%u", node);
  return headend_process_run (error, "ip", "link", "set", link, up ? "up" : "down", NULL);
}

gboolean
headend_apart_see_peers (const HeadendStage *stage, guint node, gboolean see,
                         GError **error)
{
  g_autofree char *space = g_strdup_printf ("n%u", node);
  for (guint i = 0; i < stage->n_nodes; i++) {
    g_autofree char *peer = headend_apart_address (i);
    if (i != node
        && !headend_process_run (error, "ip", "-n", space, "route", see ? "del" : "add",
                                 "blackhole", peer, NULL))
      return FALSE;
  }
  return TRUE;
}

gboolean
headend_apart_freeze (HeadendStage *stage, guint node, gboolean still, GError **error)
{
  HeadendStageNode *one = &stage->nodes[node];
  g_autofree char *state = g_strdup_printf ("%s/state-%s", stage->dir, one->name);
  if (!still)
    return !one->frozen || headend_disk_thaw (g_steal_pointer (&one->frozen), error);
  one->frozen = headend_disk_freeze (state, error);
  return one->frozen != NULL;
}

gboolean
headend_apart_fill (const HeadendStage *stage, guint node, gboolean full, GError **error)
{
  static const guint8 zeros[4096];
  g_autofree char *path
      = g_strdup_printf ("%s/state-%s/filler", stage->dir, stage->nodes[node].name);
  if (!full)
    return g_unlink (path) == 0 || errno == ENOENT;
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  while (write (fd, zeros, sizeof zeros) > 0)
    ;
  close (fd);
  return TRUE;
}
