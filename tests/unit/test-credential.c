/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "he-credential.h"
#include "he-token.h"

static HeSecret *
secret (guint8 fill)
{
  guint8 bytes[32];
  memset (bytes, fill, sizeof bytes);
  return he_secret_new (bytes, sizeof bytes);
}

static HeSessionRecord
example (char **rights)
{
  HeSessionRecord record = {
    .id = { 1, 2, 3 },
    .account = (char *)"alice",
    .rights = rights,
    .has_address = TRUE,
    .address_hash = { 9, 8, 7 },
    .max_sessions = 2,
    .opened = G_GINT64_CONSTANT (1700000000123456),
    .hard_end = G_GINT64_CONSTANT (1700043200123456),
  };
  return record;
}

static void
test_round_trip (void)
{
  char *rights[] = { (char *)"demo", (char *)"news", NULL };
  g_autoptr (HeSecret) key = secret (1);
  HeSessionRecord record = example (rights);
  g_autofree char *text = he_credential_seal (key, &record);
  g_assert_nonnull (text);
  g_assert_cmpuint (strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_"),
                    ==, strlen (text));
  for (guint times = 0; times < 2; times++) {
    g_auto (HeSessionRecord) opened = { 0 };
    g_assert_true (he_credential_open (key, text, strlen (text), &opened));
    g_assert_cmpmem (opened.id, 16, record.id, 16);
    g_assert_cmpstr (opened.account, ==, "alice");
    g_assert_cmpuint (g_strv_length (opened.rights), ==, 2);
    g_assert_cmpstr (opened.rights[1], ==, "news");
    g_assert_true (opened.has_address);
    g_assert_cmpmem (opened.address_hash, 16, record.address_hash, 16);
    g_assert_cmpuint (opened.max_sessions, ==, 2);
    g_assert_cmpint (opened.opened, ==, record.opened);
    g_assert_cmpint (opened.hard_end, ==, record.hard_end);
    g_assert_cmpint (opened.ended, ==, HE_CODE_NONE);
  }
}

static void
test_any_change (void)
{
  char *rights[] = { (char *)"demo", NULL };
  g_autoptr (HeSecret) key = secret (1), wrong = secret (2);
  HeSessionRecord record = example (rights), opened = { 0 };
  g_autofree char *text = he_credential_seal (key, &record);
  gsize len = strlen (text);
  g_assert_false (he_credential_open (wrong, text, len, &opened));
  for (gsize i = 0; i < len; i++) {
    char kept = text[i];
    text[i] = kept == 'A' ? 'B' : 'A';
    g_assert_false (he_credential_open (key, text, len, &opened));
    text[i] = kept;
  }
  for (gsize cut = 0; cut < len; cut++)
    g_assert_false (he_credential_open (key, text, cut, &opened));
  g_autofree char *longer = g_strconcat (text, "A", NULL);
  g_assert_false (he_credential_open (key, longer, len + 1, &opened));
  g_autofree char *padded = g_strconcat (text, "=", NULL);
  g_assert_false (he_credential_open (key, padded, len + 1, &opened));
  g_assert_null (opened.account);
}

static void
test_bounded (void)
{
  char *rights[66] = { NULL };
  g_autofree char *name = g_strnfill (32, 'r');
  g_autofree char *account = g_strnfill (128, 'a');
  g_autofree char *huge = g_strnfill (HE_CREDENTIAL_MAX + 1, 'A');
  g_autoptr (HeSecret) key = secret (1);
  HeSessionRecord record = example (rights), opened = { 0 };
  record.account = account;
  for (guint i = 0; i < 32; i++)
    rights[i] = name; /* as much as a token may say */
  g_autofree char *largest = he_credential_seal (key, &record);
  g_assert_nonnull (largest);
  g_assert_cmpuint (strlen (largest), <=, HE_CREDENTIAL_MAX);
  g_auto (HeSessionRecord) back = { 0 };
  g_assert_true (he_credential_open (key, largest, strlen (largest), &back));
  for (guint i = 32; i < 65; i++)
    rights[i] = name;
  g_assert_null (he_credential_seal (key, &record));
  g_assert_false (he_credential_open (key, huge, strlen (huge), &opened));
}

static void
test_session_id (void)
{
  const guint8 one[16] = { 1 }, two[16] = { 2 };
  guint8 a[16], b[16], c[16], d[16];
  g_autoptr (HeSecret) key = secret (1), other = secret (2);
  he_credential_session_id (key, one, a);
  he_credential_session_id (key, one, b);
  he_credential_session_id (key, two, c);
  he_credential_session_id (other, one, d);
  g_assert_cmpmem (a, 16, b, 16);
  g_assert_true (memcmp (a, c, 16) != 0);
  g_assert_true (memcmp (a, d, 16) != 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/credential/opens-to-what-was-sealed", test_round_trip);
  g_test_add_func ("/credential/refuses-any-change", test_any_change);
  g_test_add_func ("/credential/holds-the-largest-token-and-no-more", test_bounded);
  g_test_add_func ("/credential/session-follows-from-the-token", test_session_id);
  return g_test_run ();
}
