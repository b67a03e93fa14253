/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drill-folder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "description.h"
#include "drill-apart.h"
#include "drill-description.h"
#include "he-crypto.h"
#include "he-error.h"
#include "he-token.h"

#define TAIL 2000 /* bytes */

static int
bound (int kind, guint16 port, guint16 *ret_port)
{
  struct sockaddr_in own = { .sin_family = AF_INET,
                             .sin_port = htons (port),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof own;
  int fd = socket (AF_INET, kind | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind (fd, (struct sockaddr *)&own, size) == 0
      && getsockname (fd, (struct sockaddr *)&own, &size) == 0) {
    *ret_port = ntohs (own.sin_port);
    return fd;
  }
  if (fd >= 0)
    close (fd);
  return -1;
}

/* Below those that the kernel gives to connections, which could take one before we do. */
gboolean
headend_folder_ports (guint *ret_ports, guint n, GError **error)
{
  g_autoptr (GArray) held = g_array_new (FALSE, FALSE, sizeof (int));
  guint got = 0;
  for (guint tries = 0; got < n && tries < 1000; tries++) {
    guint16 port = (guint16)g_random_int_range (10000, 20000);
    int tcp = bound (SOCK_STREAM, port, &port);
    int udp = tcp >= 0 ? bound (SOCK_DGRAM, port, &port) : -1;
    if (udp >= 0)
      ret_ports[got++] = port;
    if (tcp >= 0)
      g_array_append_val (held, tcp);
    if (udp >= 0)
      g_array_append_val (held, udp);
  }
  for (guint i = 0; i < held->len; i++)
    close (g_array_index (held, int, i));
  if (got < n)
    g_set_error (error, HE_ERROR, HE_ERROR_UNAVAILABLE,
                 "%u free ports on 127.0.0.1 are needed, %u were found", n, got);
  return got == n;
}

gboolean
headend_folder_write (const char *path, const char *text, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  if (g_mkdir_with_parents (dir, 0700) != 0) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", dir, g_strerror (errno));
    return FALSE;
  }
  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error);
}

char *
headend_folder_tail (const char *path)
{
  g_autofree char *text = NULL;
  gsize len = 0;
  if (!g_file_get_contents (path, &text, &len, NULL))
    return g_strdup ("");
  return g_utf8_make_valid (len > TAIL ? text + len - TAIL : text, -1);
}

/* A folder and all that is in it; follows no link. */
static void
remove_folder (const char *path)
{
  struct stat st;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  if (lstat (path, &st) == 0 && S_ISDIR (st.st_mode))
    dir = g_dir_open (path, 0, NULL);
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *inside = g_build_filename (path, name, NULL);
    remove_folder (inside);
  }
  g_remove (path);
}

static char *
path_in (const HeadendStage *stage, const char *name)
{
  return g_build_filename (stage->dir, name, NULL);
}

static gboolean
write_secrets (HeadendStage *stage, GError **error)
{
  guint8 random[32];
  GString *hex = g_string_new (NULL);
  char *jwk = NULL;
  g_autofree char *secret = path_in (stage, "headend.secret");
  g_autofree char *keys = path_in (stage, "tokens.jwks");
  he_random (random, sizeof random);
  for (guint i = 0; i < sizeof random; i++)
    g_string_append_printf (hex, "%02x", random[i]);
  gboolean good = headend_folder_write (secret, hex->str, error)
                  && he_token_keygen ("ES256", &stage->key, &jwk, error);
  if (good) {
    g_autofree char *jwks = g_strdup_printf ("{\"keys\":[%s]}\n", jwk);
    good = headend_folder_write (keys, jwks, error);
  }
  explicit_bzero (random, sizeof random);
  he_string_wipe_free (g_string_free (hex, FALSE));
  if (jwk)
    he_string_wipe_free (jwk);
  return good;
}

static void
name_nodes (HeadendStage *stage, const HeadendModel *given, const guint *ports)
{
  stage->n_nodes = MIN (given->nodes->len, HEADEND_STAGE_NODES);
  for (guint i = 0; i < stage->n_nodes; i++) {
    const HeadendNode *from = given->nodes->pdata[i];
    HeadendStageNode *node = &stage->nodes[i];
    g_autofree char *file = g_strdup_printf ("node-%s.json", from->name);
    g_autofree char *log = g_strdup_printf ("node-%s.log", from->name);
    node->name = g_strdup (from->name);
    node->address
        = stage->options.apart ? headend_apart_address (i) : g_strdup ("127.0.0.1");
    node->listen = g_strdup_printf ("%s:%u", node->address, ports[3 * i]);
    node->internal = g_strdup_printf ("%s:%u", node->address, ports[3 * i + 1]);
    node->leg = ports[3 * i + 2];
    node->file = path_in (stage, file);
    node->log = path_in (stage, log);
  }
  stage->edge_address = g_strdup_printf ("127.0.0.1:%u", ports[3 * stage->n_nodes]);
}

/* The node's description; its model is kept of the first. */
static gboolean
write_description (HeadendStage *stage, const char *text, const char *channel,
                   guint index, GError **error)
{
  HeadendStageNode *node = &stage->nodes[index];
  HeadendDrillNode nodes[HEADEND_STAGE_NODES];
  for (guint i = 0; i < stage->n_nodes; i++)
    nodes[i] = (HeadendDrillNode) { stage->nodes[i].name, stage->nodes[i].listen,
                                    stage->nodes[i].internal };
  const char *hub = stage->options.apart ? headend_apart_hub () : "127.0.0.1";
  const char *scheme = stage->rtp ? "rtp" : stage->udp ? "udp" : "srt";
  g_autofree char *source
      = g_strdup_printf ("%s://%s:%u", scheme, stage->udp ? "127.0.0.1" : hub, node->leg);
  g_autofree char *own
      = headend_drill_rewrite (text,
                               &(HeadendDrillPlaces) { .channel = channel,
                                                       .nodes = nodes,
                                                       .n_nodes = stage->n_nodes,
                                                       .edge = stage->edge_address,
                                                       .trusted = hub,
                                                       .source = source },
                               error);
  if (!own || !headend_folder_write (node->file, own, error))
    return FALSE;
  if (stage->model)
    return TRUE;
  stage->model = headend_description_parse (own, -1, node->file, stage->dir, error);
  stage->channel = stage->model ? stage->model->channels->pdata[0] : NULL;
  return stage->channel != NULL;
}

static const HeadendModelChannel *
find_channel (const HeadendModel *given, const char *name, GError **error)
{
  const HeadendModelChannel *channel
      = name ? headend_model_channel (given, name) : given->channels->pdata[0];
  if (!channel)
    g_set_error (error, HE_ERROR, HE_ERROR_NOT_FOUND,
                 "--channel %s: the description has no such channel; headend check lists "
                 "them",
                 name);
  else if (channel->recording)
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "channel %s makes a recording (\"playlist\": \"vod\"), which no viewer "
                 "waits for; name a live one with --channel",
                 channel->name);
  return channel && !channel->recording ? channel : NULL;
}

gboolean
headend_folder_fill (HeadendStage *stage, GError **error)
{
  const HeadendStageOptions *options = &stage->options;
  guint ports[3 * HEADEND_STAGE_NODES + 1];
  g_autofree char *text = NULL;
  g_autoptr (HeadendModel) given = headend_description_load (options->file, &text, error);
  const HeadendModelChannel *channel
      = given ? find_channel (given, options->channel, error) : NULL;
  if (!channel)
    return FALSE;
  stage->dir = g_build_filename (options->folder ? options->folder : g_get_tmp_dir (),
                                 "headend-drill-XXXXXX", NULL);
  if (!g_mkdtemp (stage->dir)) {
    g_set_error (error, HE_ERROR, HE_ERROR_IO, "%s: %s", stage->dir, g_strerror (errno));
    g_clear_pointer (&stage->dir, g_free);
    return FALSE;
  }
  guint n = MIN (given->nodes->len, HEADEND_STAGE_NODES);
  if (!headend_folder_ports (ports, 3 * n + 1, error))
    return FALSE;
  name_nodes (stage, given, ports);
  stage->rtp = g_str_has_prefix (channel->source, "rtp:") && !options->apart;
  stage->udp
      = stage->rtp || (g_str_has_prefix (channel->source, "udp:") && !options->apart);
  for (guint i = 0; i < stage->n_nodes; i++)
    if (!write_description (stage, text, channel->name, i, error))
      return FALSE;
  return write_secrets (stage, error);
}

void
headend_folder_clear (HeadendStage *stage)
{
  if (stage->dir && stage->options.keep)
    g_print ("%s: left behind, with logs and secrets that are of no use elsewhere\n",
             stage->dir);
  else if (stage->dir)
    remove_folder (stage->dir);
  g_free (stage->dir);
  for (guint i = 0; i < stage->n_nodes; i++) {
    HeadendStageNode *node = &stage->nodes[i];
    g_free (node->name);
    g_free (node->address);
    g_free (node->listen);
    g_free (node->internal);
    g_free (node->file);
    g_free (node->log);
  }
}
