/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A gate with two channels, its keys and its viewers. */

#include <string.h>
#include "he-credential.h"
#include "he-gate.h"
#include "he-codeword.h"
#include "token-kit.h"

#define S G_GINT64_CONSTANT (1000000)
#define T0 (G_GINT64_CONSTANT (1700000000) * S)
#define HOME "192.0.2.1"
#define AWAY "198.51.100.7"
#define LENGTH 3600

static Signer *signer;
static HeTokenKeys *keys;
static HeSecret *codeword, *credential;

typedef struct {
  HeSessions *sessions;
  HeGate *gate;
} Fixture;

static inline HeChannel *
channel_new (const char *name, gboolean encrypted)
{
  HeChannel *channel = he_channel_new (name);
  HeRendition *video = he_rendition_new ("360p", HE_MEDIA_VIDEO);
  video->variants = TRUE;
  g_ptr_array_add (channel->renditions, video);
  g_ptr_array_add (channel->renditions, he_rendition_new ("audio", HE_MEDIA_AUDIO));
  channel->encrypted = encrypted;
  return channel;
}

/* size: how many sessions there may be in all. */
static inline void
fixture_init_sized (Fixture *f, HeSessionPolicy policy, guint size)
{
  f->sessions = he_sessions_new (policy, 300 * S, 6 * S, size);
  const HeGateRules rules
      = { keys, "headend", "headend", codeword, credential, f->sessions, LENGTH, 1 };
  f->gate = he_gate_new (&rules);
  g_autoptr (HeChannel) demo = channel_new ("demo", TRUE);
  g_autoptr (HeChannel) clear = channel_new ("clear", FALSE);
  he_gate_add_channel (f->gate, demo);
  he_gate_add_channel (f->gate, clear);
}

static inline void
fixture_init (Fixture *f, HeSessionPolicy policy)
{
  fixture_init_sized (f, policy, 1000);
}

static inline void
fixture_clear (Fixture *f)
{
  he_gate_free (f->gate);
  he_sessions_free (f->sessions);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static inline char *
mint_for (const char *account, const char *channel, guint session_seconds,
          const guint8 *address_hash)
{
  const char *channels[] = { channel, NULL };
  const HeTokenRequest request = {
    .issuer = "headend",
    .audience = "headend",
    .account = account,
    .channels = channels,
    .now = T0 / S,
    .ttl_seconds = 300,
    .session_seconds = session_seconds,
    .address_hash = address_hash,
  };
  g_autoptr (GError) error = NULL;
  char *token = he_token_mint (signer->pem, &request, &error);
  g_assert_no_error (error);
  return token;
}

static inline char *
mint (const char *account)
{
  return mint_for (account, "*", 0, NULL);
}

static inline HeAnswer
enter_at (Fixture *f, const char *path, const char *token, const char *more,
          const char *address, gint64 now)
{
  HeAnswer answer;
  g_autofree char *query = g_strconcat ("URISigningPackage=", token, more, NULL);
  const HeGateRequest request = { .path = path, .query = query, .address = address };
  he_gate_decide (f->gate, &request, now, &answer);
  return answer;
}

static inline HeAnswer
enter (Fixture *f, const char *token)
{
  return enter_at (f, "/live/demo/main.m3u8", token, NULL, HOME, T0);
}

/* The Cookie header of a fresh session from HOME. */
static inline char *
cookie_of (Fixture *f, const char *token)
{
  g_auto (HeAnswer) answer = enter (f, token);
  g_assert_cmpint (answer.code, ==, HE_CODE_OK);
  g_assert_nonnull (answer.set_cookie);
  return g_strndup (answer.set_cookie, strcspn (answer.set_cookie, ";"));
}

static inline HeAnswer
ask (Fixture *f, const char *path, const char *cookie, const char *address, gint64 now)
{
  HeAnswer answer;
  const HeGateRequest request = { .path = path, .cookie = cookie, .address = address };
  he_gate_decide (f->gate, &request, now, &answer);
  return answer;
}

#define assert_answer(answer, want_kind, want_status, want_code)                         \
  G_STMT_START                                                                           \
  {                                                                                      \
    g_assert_cmpint ((answer).kind, ==, (want_kind));                                    \
    g_assert_cmpuint ((answer).status, ==, (want_status));                               \
    g_assert_cmpint ((answer).code, ==, (want_code));                                    \
  }                                                                                      \
  G_STMT_END

/* A refusal says nothing but its code. */
static inline void
assert_denied (HeAnswer answer, HeCode code)
{
  assert_answer (answer, HE_ANSWER_DENY, code == HE_CODE_NO_CREDENTIAL ? 401u : 403u,
                 code);
  g_assert_null (answer.channel);
  g_assert_null (answer.rendition);
  g_assert_null (answer.segment);
  g_assert_null (answer.location);
  g_assert_null (answer.set_cookie);
  he_answer_clear (&answer);
}

static inline void
kit_init (void)
{
  guint8 bytes[32] = { 1 };
  signer = signer_new ();
  keys = signer_keys (signer, NULL);
  codeword = he_secret_new (bytes, sizeof bytes);
  bytes[0] = 2;
  credential = he_secret_new (bytes, sizeof bytes);
}

static inline int
kit_run (void)
{
  int result = g_test_run ();
  he_secret_unref (codeword);
  he_secret_unref (credential);
  he_token_keys_free (keys);
  signer_free (signer);
  return result;
}
