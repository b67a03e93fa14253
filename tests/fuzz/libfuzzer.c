/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Under libFuzzer: leaves the target's seeds as files in the first folder named, which
 * libFuzzer then grows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

int LLVMFuzzerInitialize (int *argc, char ***argv);

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  const char *folder = *argc > 1 ? (*argv)[1] : ".";

  if (mkdir (folder, 0777) != 0 && errno != EEXIST)
    perror (folder);
  for (size_t i = 0; fuzz_seeds != NULL && fuzz_seeds[i] != NULL; i++) {
    char path[4096];
    FILE *file;

    snprintf (path, sizeof path, "%s/seed-%zu", folder, i);
    file = fopen (path, "wb");
    if (file == NULL || fputs (fuzz_seeds[i], file) < 0 || fclose (file) != 0)
      perror (path);
  }
  return 0;
}
