/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include "he-token.h"

/* token-verify JWKS URI TOKEN...: what the gate makes of each token, which is accepted from
 * all algorithms: its code, and the account when it is good; a line each. */
int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  HeTokenAlgorithms every = 0;
  if (argc < 4) {
    g_printerr ("usage: token-verify JWKS URI TOKEN...\n");
    return 2;
  }
  if (!he_token_algorithms_parse (he_token_algorithm_names (), &every, &error))
    g_error ("%s", error->message);
  g_autoptr (HeTokenKeys) keys = he_token_keys_load (argv[1], every, &error);
  if (!keys) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  const HeTokenRules rules = { keys, "headend", "headend" };
  for (int i = 3; i < argc; i++) {
    g_autoptr (HeToken) token = NULL;
    HeCode code = he_token_verify (&rules, argv[i], strlen (argv[i]), argv[2],
                                   g_get_real_time () / G_USEC_PER_SEC, &token);
    printf ("%d %s\n", code, token ? token->account : "-");
  }
  return 0;
}
