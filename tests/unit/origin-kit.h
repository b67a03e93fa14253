/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two origins of one description in one process, peers of each other on loopback. */

#include <glib/gstdio.h>
#include <unistd.h>
#include "he-codec.h"
#include "he-crypto.h"
#include "he-error.h"
#include "he-codeword.h"
#include "he-keys.h"
#include "he-origin.h"
#include "he-segment.h"
#include "he-sign.h"
#include "http-kit.h"

/* 0.2 s: stale after 0.6 s. */
#define D90 18000
#define WINDOW 3
#define PLAYER "https://player.example" /* the origin of pages that may play */
static guint64 d90 = D90; /* of the channels made from now on */
#define MSN G_GUINT64_CONSTANT (9000000000)

typedef struct {
  char *folder, *pem, *jwks;
  char *issue; /* private key that tokens are issued with, or NULL */
  HeSecret *content, *codeword, *credential, *publish;
  HeCodeword *code; /* of channel "demo" */
  HeChannel *channel;
  HeSessionPolicy policy;
  char **redis; /* servers: then they are no peers; or NULL */
  HeSecret *redis_login; /* or NULL */
  const char *redis_master, *redis_authorities, *redis_certificate; /* or NULL */
  guint lease;           /* seconds; 0: 300 */
  char *renewal;         /* URI of an authorizer, or NULL */
  HeSecret *renewal_login; /* or NULL */
  gboolean renewal_ends;
  HeAlarmRules alarms;
  guint internal[2];
  char *peer[2];
  char *third; /* another peer of both, "C", or NULL */
  HeOrigin *origin[2]; /* A, B */
  GMutex lock;         /* guards log */
  GString *log;
} Pair;

static inline HeSecret *
secret_of (char fill)
{
  guint8 bytes[32];

  memset (bytes, fill, sizeof bytes);
  return he_secret_new (bytes, sizeof bytes);
}

static inline HeChannel *
demo_channel (void)
{
  HeChannel *channel = he_channel_new ("demo");
  HeRendition *video = he_rendition_new ("360p", HE_MEDIA_VIDEO);

  video->variants = TRUE;
  video->bandwidth = 1000000;
  channel->duration90 = d90;
  channel->window = WINDOW;
  channel->key_rotation = 2;
  g_ptr_array_add (channel->renditions, video);
  g_ptr_array_add (channel->renditions, he_rendition_new ("audio", HE_MEDIA_AUDIO));
  return channel;
}

static inline void
pair_log (const char *line, gpointer data)
{
  Pair *pair = data;

  g_mutex_lock (&pair->lock);
  g_string_append_printf (pair->log, "%s\n", line);
  g_mutex_unlock (&pair->lock);
}

static inline gboolean
pair_logged (Pair *pair, const char *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pair->lock);

  return strstr (pair->log->str, text) != NULL;
}

static inline void
pair_forget_log (Pair *pair)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pair->lock);

  g_string_truncate (pair->log, 0);
}

static inline HeOrigin *
pair_new_origin (Pair *pair, guint i, const char *state, GError **error)
{
  static const char *const trusted[] = { "127.0.0.9", NULL };
  static const char *const allowed[] = { PLAYER, NULL };
  g_autofree char *internal = g_strdup_printf ("127.0.0.1:%u", pair->internal[i]);
  const char *peers[] = { pair->peer[!i], pair->third, NULL };
  const char *peer_nodes[] = { i == 0 ? "B" : "A", pair->third ? "C" : NULL, NULL };
  const HeOriginConfig config = {
    .node = i == 0 ? "A" : "B",
    .listen = "127.0.0.1:0",
    .internal = internal,
    .peers = pair->redis ? NULL : peers,
    .peer_nodes = pair->redis ? NULL : peer_nodes,
    .redis = (const char *const *)pair->redis,
    .redis_login = pair->redis_login,
    .redis_master = pair->redis_master,
    .redis_authorities = pair->redis_authorities,
    .redis_certificate = pair->redis_certificate,
    .state_dir = state,
    .jwks_path = pair->jwks,
    .issue_key = pair->issue,
    .issuer = "headend",
    .audience = "headend",
    .content = pair->content,
    .codeword = pair->codeword,
    .credential = pair->credential,
    .publish = pair->publish,
    .policy = pair->policy,
    .per_account = 1,
    .lease_seconds = pair->lease ? pair->lease : 300,
    .renewal_uri = pair->renewal,
    .renewal_login = pair->renewal_login,
    .renewal_timeout_ms = 1000,
    .renewal_ends = pair->renewal_ends,
    .alarms = pair->alarms,
    .session_seconds = 3600,
    .trusted_proxies = trusted,
    .allowed_origins = allowed,
    .log = pair_log,
    .log_data = pair,
  };
  g_autoptr (HeOrigin) origin = he_origin_new (&config, error);

  if (origin == NULL || !he_origin_add_channel (origin, pair->channel, error)
      || !he_origin_start (origin, error))
    return NULL;
  return g_steal_pointer (&origin);
}

static inline void
pair_start (Pair *pair, guint i)
{
  g_autofree char *state = g_build_filename (pair->folder, i == 0 ? "a" : "b", NULL);
  g_autoptr (GError) error = NULL;

  pair->origin[i] = pair_new_origin (pair, i, state, &error);
  g_assert_no_error (error);
}

static inline Pair *
pair_prepare (HeSessionPolicy policy)
{
  Pair *pair = g_new0 (Pair, 1);
  g_autofree char *jwk = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_mutex_init (&pair->lock);
  pair->log = g_string_new (NULL);
  pair->policy = policy;
  pair->folder = g_dir_make_tmp ("origin-XXXXXX", NULL);
  g_assert_true (he_token_keygen ("ES256", &pair->pem, &jwk, &error));
  text = g_strdup_printf ("{\"keys\":[%s]}", jwk);
  pair->jwks = g_build_filename (pair->folder, "tokens.jwks", NULL);
  g_assert_true (g_file_set_contents (pair->jwks, text, -1, NULL));
  pair->content = secret_of ('c');
  pair->codeword = secret_of ('w');
  pair->code = he_codeword_new (pair->codeword, 1, "demo", HE_CODEWORD_COLLUDERS);
  pair->credential = secret_of ('s');
  pair->publish = secret_of ('p');
  pair->channel = demo_channel ();
  for (guint i = 0; i < 2; i++) {
    pair->internal[i] = free_port ();
    pair->peer[i] = g_strdup_printf ("127.0.0.1:%u", pair->internal[i]);
  }
  return pair;
}

static inline Pair *
pair_new (HeSessionPolicy policy)
{
  Pair *pair = pair_prepare (policy);

  pair_start (pair, 0);
  pair_start (pair, 1);
  return pair;
}

static inline void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    remove_tree (child);
  }
  g_remove (path);
}

static inline void
pair_free (Pair *pair)
{
  he_origin_free (pair->origin[0]);
  he_origin_free (pair->origin[1]);
  he_channel_unref (pair->channel);
  he_secret_unref (pair->content);
  he_secret_unref (pair->codeword);
  he_codeword_unref (pair->code);
  he_secret_unref (pair->credential);
  he_secret_unref (pair->publish);
  remove_tree (pair->folder);
  g_strfreev (pair->redis);
  he_secret_unref (pair->redis_login);
  g_free (pair->folder);
  g_free (pair->pem);
  g_free (pair->jwks);
  g_free (pair->issue);
  g_free (pair->renewal);
  he_secret_unref (pair->renewal_login);
  g_free (pair->peer[0]);
  g_free (pair->peer[1]);
  g_free (pair->third);
  g_string_free (pair->log, TRUE);
  g_mutex_clear (&pair->lock);
  g_free (pair);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Pair, pair_free)

static inline guint
port_of (Pair *pair, guint i)
{
  return he_origin_port (pair->origin[i]);
}

static inline HeSegment
segment_of (const char *rendition, HeVariant variant, guint64 msn)
{
  return (HeSegment) { .channel = (char *)"demo",
                       .rendition = (char *)rendition,
                       .variant = variant,
                       .msn = msn,
                       .pts90 = msn * d90,
                       .duration90 = d90 };
}

static inline char *
clear_text (const HeSegment *segment)
{
  return g_strdup_printf ("%s %s %" G_GUINT64_FORMAT, segment->rendition,
                          he_variant_name (segment->variant), segment->msn);
}

/* As a worker encrypts it. */
static inline GBytes *
encrypted (Pair *pair, const HeSegment *segment)
{
  g_autofree char *text = clear_text (segment);
  guint8 key[16], iv[16];

  he_content_key (pair->content, 1, "demo", "base", segment->msn / 2, key);
  he_content_iv (segment->msn, iv);
  return he_aes128_cbc_encrypt (key, iv, (const guint8 *)text, strlen (text));
}

static inline char *
signature_line (Pair *pair, const char *method, const char *path, GBytes *body,
                gint64 age)
{
  gsize len = 0;
  const guint8 *data = body != NULL ? g_bytes_get_data (body, &len) : NULL;
  g_autofree char *signature = he_sign_request (
      pair->publish, method, path, data, len, g_get_real_time () / G_USEC_PER_SEC - age);

  return g_strdup_printf ("Authorization: %s\r\n", signature);
}

static inline Reply *
call_signed (Pair *pair, guint i, const char *method, const char *path,
             const char *fields, GBytes *body)
{
  g_autofree char *line = signature_line (pair, method, path, body, 0);
  g_autofree char *all = g_strconcat (line, fields, NULL);

  return http ("127.0.0.1", pair->internal[i], method, path, all, body);
}

static inline char *
segment_fields (const HeSegment *segment, const char *node)
{
  g_autofree char *header = he_segment_to_header (segment);

  return g_strdup_printf (HE_SEGMENT_HEADER ": %s\r\nHeadend-Node: %s\r\n", header, node);
}

static inline guint
publish_one (Pair *pair, guint i, const HeSegment *segment)
{
  g_autoptr (GBytes) body = encrypted (pair, segment);
  g_autofree char *path = he_segment_path (segment);
  g_autofree char *fields = segment_fields (segment, "A");
  g_autoptr (Reply) reply = call_signed (pair, i, "PUT", path, fields, body);

  return reply->status;
}

/* All files of one MSN to both origins that run. */
static inline void
publish (Pair *pair, guint64 msn)
{
  const HeSegment files[]
      = { segment_of ("360p", HE_VARIANT_A, msn), segment_of ("360p", HE_VARIANT_B, msn),
          segment_of ("audio", HE_VARIANT_NONE, msn) };

  for (guint i = 0; i < 2; i++)
    for (guint j = 0; pair->origin[i] != NULL && j < G_N_ELEMENTS (files); j++) {
      guint status = publish_one (pair, i, &files[j]);

      /* An origin may have fetched it from its peer. */
      g_assert_true (status == 201 || status == 200);
    }
}

static inline char *
status_of (Pair *pair, guint i)
{
  g_autoptr (Reply) reply = get (pair->internal[i], "/status", NULL);

  return reply_text (reply);
}

/* Whether an origin's playlists end with a segment, if it runs. */
static inline gboolean
is_listed (Pair *pair, guint i, guint64 msn)
{
  g_autofree char *status = pair->origin[i] != NULL ? status_of (pair, i) : NULL;
  g_autofree char *text = g_strdup_printf (",\"last-msn\":%" G_GUINT64_FORMAT ",", msn);
  const char *at = status != NULL ? strstr (status, text) : NULL;

  if (status == NULL)
    return TRUE;
  /* Behind the first one listed, not behind the name of a publisher. */
  return at != NULL && g_ascii_isdigit (at[-1]);
}

/* Waits until one that runs lists it, which it does once the other holds it. */
static inline void
wait_listed_by (Pair *pair, guint i, guint64 msn)
{
  for (guint tries = 0; !is_listed (pair, i, msn); tries++) {
    g_assert_cmpuint (tries, <, 6000);
    g_usleep (10000);
  }
}

static inline void
wait_listed (Pair *pair, guint64 msn)
{
  wait_listed_by (pair, 0, msn);
  wait_listed_by (pair, 1, msn);
}

/* A busy machine may take longer from one file to the next than two windows last, and an
 * origin that took nothing for so long forgets what it held: then all are told again. */
static inline void
publish_window (Pair *pair)
{
  const guint64 last = MSN + WINDOW - 1;

  for (guint tries = 0;
       tries == 0 || !is_listed (pair, 0, last) || !is_listed (pair, 1, last); tries++) {
    g_assert_cmpuint (tries, <, 30000);
    for (guint i = 0; tries % 500 == 0 && i < WINDOW; i++)
      publish (pair, MSN + i);
    if (tries > 0)
      g_usleep (10000);
  }
}

static inline char *
mint_for (Pair *pair, const char *account, guint ttl_seconds)
{
  static const char *const channels[] = { "demo", NULL };
  const HeTokenRequest request = { .issuer = "headend",
                                   .audience = "headend",
                                   .account = account,
                                   .channels = channels,
                                   .now = g_get_real_time () / G_USEC_PER_SEC,
                                   .ttl_seconds = ttl_seconds };
  g_autoptr (GError) error = NULL;
  char *token = he_token_mint (pair->pem, &request, &error);

  g_assert_no_error (error);
  return token;
}

static inline char *
mint (Pair *pair, const char *account)
{
  return mint_for (pair, account, 60);
}

static inline Reply *
enter (Pair *pair, guint i, const char *from, const char *token, const char *more)
{
  g_autofree char *target
      = g_strdup_printf ("/live/demo/main.m3u8?URISigningPackage=%s%s", token, more);

  return http (from, port_of (pair, i), "GET", target, NULL, NULL);
}

/* "Cookie: …\r\n" for a viewer that entered through origin i. */
static inline char *
cookie_for (Pair *pair, guint i, const char *account)
{
  g_autofree char *token = mint (pair, account);
  g_autoptr (Reply) reply = enter (pair, i, "127.0.0.1", token, "");
  g_autofree char *value = reply_field (reply, "Set-Cookie");

  g_assert_cmpuint (reply->status, ==, 200);
  g_assert_nonnull (value);
  value[strcspn (value, ";")] = '\0';
  return g_strdup_printf ("Cookie: %s\r\n", value);
}

static inline void
assert_denied (const Reply *reply, guint status, const char *code)
{
  g_autofree char *got = reply_field (reply, "S-Uri-Signing");
  g_autofree char *reason = reply_field (reply, "S-Uri-Signing-Deny-Reason");
  g_autofree char *cache = reply_field (reply, "Cache-Control");
  g_autofree char *cookie = reply_field (reply, "Set-Cookie");

  g_assert_cmpuint (reply->status, ==, status);
  g_assert_cmpstr (got, ==, code);
  g_assert_nonnull (reason);
  g_assert_cmpstr (cache, ==, "no-store");
  g_assert_null (cookie);
  g_assert_cmpuint (g_bytes_get_size (reply->body), <, 100);
}
