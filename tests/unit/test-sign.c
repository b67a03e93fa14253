/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-error.h"
#include "he-keys.h"
#include "he-sign.h"
#include "vectors.h"

#define NOW G_GINT64_CONSTANT (1763712000)
#define PATH "/origin/a/demo/360p/7.ts"
#define BODY ((const guint8 *)"hello")

static HeSecret *
publish_key (void)
{
  g_autoptr (HeSecret) master = counting_secret ();

  return he_keys_derive (master, HE_PURPOSE_PUBLISH);
}

static void
assert_denied (const HeSecret *key, const char *header, const char *method,
               const char *path, const char *body, gint64 now, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (he_sign_verify (key, header, method, path, (const guint8 *)body,
                                  strlen (body), now, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_DENIED);
  if (strstr (error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, says);
}

static void
a_signature_is_the_documented_one (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autofree char *header = he_sign_request (key, "PUT", PATH, BODY, 5, NOW);
  g_autoptr (GError) error = NULL;

  /* Computed by another implementation. */
  g_assert_cmpstr (
      header, ==,
      "Headend-HMAC t=1763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sc");
  g_assert_true (he_sign_verify (key, header, "PUT", PATH, BODY, 5, NOW, &error));
  g_assert_no_error (error);
}

static void
a_signature_is_for_one_request (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autoptr (HeSecret) other = counting_secret ();
  g_autofree char *header = he_sign_request (key, "PUT", PATH, BODY, 5, NOW);
  g_autofree char *later = g_strdup (header);

  assert_denied (key, header, "GET", PATH, "hello", NOW, "does not match");
  assert_denied (key, header, "PUT", PATH "x", "hello", NOW, "does not match");
  assert_denied (key, header, "PUT", PATH, "hellp", NOW, "does not match");
  assert_denied (key, header, "PUT", PATH, "", NOW, "does not match");
  assert_denied (other, header, "PUT", PATH, "hello", NOW, "does not match");
  later[strlen ("Headend-HMAC t=176371200")] = '1';
  assert_denied (key, later, "PUT", PATH, "hello", NOW, "does not match");
}

static void
a_signature_ages (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autofree char *header = he_sign_request (key, "GET", PATH, NULL, 0, NOW);

  g_assert_true (he_sign_verify (key, header, "GET", PATH, NULL, 0, NOW + 30, NULL));
  g_assert_true (he_sign_verify (key, header, "GET", PATH, NULL, 0, NOW - 30, NULL));
  assert_denied (key, header, "GET", PATH, "", NOW + 31, "set both clocks");
  assert_denied (key, header, "GET", PATH, "", NOW - 31, "set both clocks");
}

static void
what_is_no_signature_is_denied (void)
{
  static const char *const bad[] = {
    "",
    "Bearer abc",
    "Headend-HMAC",
    "Headend-HMAC t=",
    "Headend-HMAC t=1763712000",
    "Headend-HMAC t=1763712000,s=",
    "Headend-HMAC t=1763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-S",
    "Headend-HMAC t=1763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Scc",
    "Headend-HMAC t=1763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sd",
    "Headend-HMAC t=1763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-S=",
    "Headend-HMAC t=01763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sc",
    "Headend-HMAC t=-1,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sc",
    "Headend-HMAC t=9223372036854775808,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sc",
    "Headend-HMAC t=1763712000;s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sc",
    "headend-hmac t=1763712000,s=58cYmNhVrKC3Oh7m_ez9PnQKd0UoDknwd_6z0tjG-Sc",
  };
  g_autoptr (HeSecret) key = publish_key ();

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_denied (key, bad[i], "PUT", PATH, "hello", NOW, "malformed");
  assert_denied (key, NULL, "PUT", PATH, "hello", NOW, "not signed");
}

static void
extreme_times_are_denied_without_overflow (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autofree char *header = he_sign_request (key, "GET", PATH, NULL, 0, G_MAXINT64);

  assert_denied (key, header, "GET", PATH, "", NOW, "set both clocks");
  assert_denied (key, header, "GET", PATH, "", 0, "set both clocks");
}

static void
a_ticket_reads_one_path_until_it_expires (void)
{
  g_autoptr (HeSecret) key = publish_key ();
  g_autoptr (HeSecret) other = counting_secret ();
  g_autofree char *ticket = he_ticket_new (key, PATH, NOW + 60);
  GError *error = NULL;

  g_assert_cmpstr (ticket, ==, "1763712060.h7Fy3Bv4vM3ueCRHyS8CH1fonIlExiVbeU1bVTiFVu4");
  g_assert_true (he_ticket_verify (key, ticket, PATH, NOW + 59, &error));
  g_assert_no_error (error);
  g_assert_false (he_ticket_verify (key, ticket, PATH, NOW + 60, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, "expired"));
  g_clear_error (&error);
  g_assert_false (
      he_ticket_verify (key, ticket, "/origin/b/demo/360p/7.ts", NOW, &error));
  g_assert_error (error, HE_ERROR, HE_ERROR_DENIED);
  g_clear_error (&error);
  g_assert_false (he_ticket_verify (other, ticket, PATH, NOW, &error));
  g_clear_error (&error);
}

static void
what_is_no_ticket_is_denied (void)
{
  static const char *const bad[]
      = { "",
          ".",
          "1763712060",
          "1763712060.",
          "1763712061.h7Fy3Bv4vM3ueCRHyS8CH1fonIlExiVbeU1bVTiFVu4",
          "9763712060.h7Fy3Bv4vM3ueCRHyS8CH1fonIlExiVbeU1bVTiFVu4",
          "1763712060.h7Fy3Bv4vM3ueCRHyS8CH1fonIlExiVbeU1bVTiFVu4.x" };
  g_autoptr (HeSecret) key = publish_key ();
  g_autofree char *signature = he_sign_request (key, "ticket", PATH, NULL, 0, NOW + 60);
  g_autofree char *moved = g_strdup_printf ("%" G_GINT64_FORMAT ".%s", NOW + 60,
                                            strstr (signature, "s=") + 2);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (he_ticket_verify (key, bad[i], PATH, NOW, &error));
    g_assert_error (error, HE_ERROR, HE_ERROR_DENIED);
  }
  g_assert_false (he_ticket_verify (key, NULL, PATH, NOW, NULL));
  g_assert_false (he_ticket_verify (key, moved, PATH, NOW, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sign/request/is-the-documented-one",
                   a_signature_is_the_documented_one);
  g_test_add_func ("/sign/request/is-for-one-request", a_signature_is_for_one_request);
  g_test_add_func ("/sign/request/ages", a_signature_ages);
  g_test_add_func ("/sign/request/what-is-none-is-denied",
                   what_is_no_signature_is_denied);
  g_test_add_func ("/sign/request/extreme-times-are-denied-without-overflow",
                   extreme_times_are_denied_without_overflow);
  g_test_add_func ("/sign/ticket/reads-one-path-until-it-expires",
                   a_ticket_reads_one_path_until_it_expires);
  g_test_add_func ("/sign/ticket/what-is-none-is-denied", what_is_no_ticket_is_denied);
  return g_test_run ();
}
