/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "description-read.h"

#include <gio/gio.h>
#include <string.h>
#include "he-token.h"

/* The document, and what of it has no file of its own: nodes, edge, tokens, secret. */

/* "ADDRESS:PORT", the address numeric so that nothing depends on a resolver. */
static gboolean
read_listen (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
             gpointer field, GError **error)
{
  g_autofree char *text = NULL;
  if (!headend_read_text (reader, key, value, &text, error))
    return FALSE;
  char *colon = strrchr (text, ':');
  guint64 port = 0;
  gboolean ok = colon && colon[1] != '0'
                && g_ascii_string_to_unsigned (colon + 1, 10, 1, 65535, &port, NULL);
  if (ok) {
    gboolean brackets = text[0] == '[' && colon > text && colon[-1] == ']';
    g_autofree char *host = brackets ? g_strndup (text + 1, (gsize)(colon - text) - 2)
                                     : g_strndup (text, (gsize)(colon - text));
    ok = g_hostname_is_ip_address (host) && brackets == (strchr (host, ':') != NULL);
  }
  if (!ok)
    return headend_read_refuse (reader, key, value, error);
  g_free (*(char **)field);
  *(char **)field = g_steal_pointer (&text);
  return TRUE;
}

static gboolean
read_addresses (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                gpointer field, GError **error)
{
  static const HeadendKey one
      = { .noun = "an address", .expected = "an IPv4 or IPv6 address" };
  return headend_read_texts (reader, key, value, field, g_hostname_is_ip_address, &one,
                             error);
}

#define LISTEN_EXPECTED "\"ADDRESS:PORT\" such as \"127.0.0.1:8081\" or \"[::1]:8081\""

static const HeadendKey node_keys[] = {
  { "name", headend_read_name, G_STRUCT_OFFSET (HeadendNode, name), TRUE,
    "a name of a node", HEADEND_NAME_EXPECTED },
  { "listen", read_listen, G_STRUCT_OFFSET (HeadendNode, listen), TRUE,
    "an address to listen on", LISTEN_EXPECTED },
  { "internal", read_listen, G_STRUCT_OFFSET (HeadendNode, internal), TRUE,
    "an address to listen on", LISTEN_EXPECTED },
  { "gate", headend_read_path, G_STRUCT_OFFSET (HeadendNode, gate), FALSE, "a Unix socket",
    "a path" },
  { "state", headend_read_state, G_STRUCT_OFFSET (HeadendNode, state), FALSE, "a folder",
    "a path" },
  { NULL },
};

static const HeadendKey edge_keys[] = {
  { "listen", read_listen, G_STRUCT_OFFSET (HeadendEdge, listen), TRUE,
    "an address to listen on", LISTEN_EXPECTED },
  { "trusted", read_addresses, G_STRUCT_OFFSET (HeadendEdge, trusted), FALSE,
    "a list of addresses", "an array of at most 64 addresses", 0, 64 },
  { NULL },
};

#define ALGORITHMS "\"ES256\", \"EdDSA\", \"RS256\", \"PS256\", \"HS256\""

static gboolean
is_algorithm (const char *name)
{
  const char *const names[] = { name, NULL };
  HeTokenAlgorithms bits = 0;
  return he_token_algorithms_parse (names, &bits, NULL);
}

static gboolean
read_algorithms (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
                 gpointer field, GError **error)
{
  static const HeadendKey one = { .noun = "an algorithm", .expected = "one of " ALGORITHMS };
  g_auto (GStrv) names = NULL;
  HeTokenAlgorithms bits = 0;
  if (!headend_read_texts (reader, key, value, &names, is_algorithm, &one, error))
    return FALSE;
  he_token_algorithms_parse ((const char *const *)names, &bits, NULL);
  *(guint *)field = bits;
  return TRUE;
}

static const HeadendKey token_keys[] = {
  { "keys", headend_read_path, G_STRUCT_OFFSET (HeadendTokens, keys), FALSE,
    "a file of public keys", "a path to a JWKS" },
  { "issuing-key", headend_read_path, G_STRUCT_OFFSET (HeadendTokens, issuing_key), FALSE,
    "a private key", "a path" },
  { "algorithms", read_algorithms, G_STRUCT_OFFSET (HeadendTokens, algorithms), FALSE,
    "a list of algorithms", "an array of one or more of " ALGORITHMS, 1, 5 },
  { "issuer", headend_read_text, G_STRUCT_OFFSET (HeadendTokens, issuer), FALSE,
    "an issuer", "1..128 characters", 1, 128 },
  { "audience", headend_read_text, G_STRUCT_OFFSET (HeadendTokens, audience), FALSE,
    "an audience", "1..128 characters", 1, 128 },
  { NULL },
};

static const HeadendKey secret_keys[] = {
  { "file", headend_read_path, G_STRUCT_OFFSET (HeadendSecretSource, file), TRUE,
    "a file", "a path" },
  { NULL },
};

/* The value is never quoted: it may be the secret itself, put in the wrong place. */
static gboolean
read_secret (HeadendReader *reader, const HeadendKey *key, const HeJson *value,
             gpointer field, GError **error)
{
  HeadendSecretSource *secret = field;
  if (he_json_type (value) == HE_JSON_OBJECT)
    return headend_read_object (reader, secret_keys, value, secret, error);
  g_autoptr (GMatchInfo) match = NULL;
  g_autoptr (GRegex) variable
      = g_regex_new ("^\\$\\{([A-Z_][A-Z0-9_]{0,63})\\}\\z", 0, 0, NULL);
  if (he_json_type (value) != HE_JSON_STRING
      || !g_regex_match (variable, he_json_string (value), 0, &match))
    return headend_read_error (reader, value, error,
                               "a secret does not stand in the description; expected %s",
                               key->expected);
  g_clear_pointer (&secret->file, g_free);
  secret->variable = g_match_info_fetch (match, 1);
  return TRUE;
}

const HeadendKey headend_root_keys[] = {
  { "$schema", headend_read_ignored, 0, FALSE, "a reference to the schema", "a string" },
  { "secret", read_secret, G_STRUCT_OFFSET (HeadendModel, secret), FALSE, "a secret",
    "{\"file\": \"PATH\"} or \"${VARIABLE}\"" },
  { "tokens", headend_read_part, G_STRUCT_OFFSET (HeadendModel, tokens), FALSE, "an object",
    "keys, issuing-key, algorithms, issuer, audience", .data = token_keys },
  { "sessions", headend_read_part, G_STRUCT_OFFSET (HeadendModel, sessions), FALSE, "an object",
    "per-account, policy, lease, length, redis", .data = headend_session_keys },
  { "gate", headend_read_part, G_STRUCT_OFFSET (HeadendModel, gate), FALSE, "an object",
    "allowed-origins, renewal, alarms", .data = headend_gate_keys },
  { "nodes", headend_read_list, G_STRUCT_OFFSET (HeadendModel, nodes), FALSE, "a list of nodes",
    "an array of 1..16 objects", 1, 16,
    &(const HeadendList) { node_keys, (gpointer (*) (void))headend_node_new } },
  { "edge", headend_read_part, G_STRUCT_OFFSET (HeadendModel, edge), FALSE, "an object",
    "listen, trusted", .data = edge_keys },
  { "channels", headend_read_list, G_STRUCT_OFFSET (HeadendModel, channels), TRUE,
    "a list of channels", "an array of 1..256 objects", 1, 256,
    &(const HeadendList) { headend_channel_keys, (gpointer (*) (void))headend_model_channel_new } },
  { NULL },
};
