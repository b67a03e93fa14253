/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small deterministic fuzzer: fuzz-NAME [--iterations N] [--only I] [FOLDER].
 *
 * Runs every seed as it is and then N mutations. What iteration I feeds depends on I and
 * the seeds alone, so that a failure names its iteration and --only I repeats it. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define ITERATIONS 20000
#define SEEDS_MAX 256
#define SIZE_MAX_BYTES (1 << 16)
#define HANG_SECONDS 10 /* of CPU, however busy the machine is, for 64 inputs */

typedef struct {
  uint8_t *data;
  size_t size;
} Input;

static Input seeds[SEEDS_MAX];
static size_t n_seeds;
static volatile sig_atomic_t current = -1;

void __asan_set_death_callback (void (*callback) (void)) __attribute__ ((weak));

/* Called from signal handlers: only write(). */
static void
tell_iteration (void)
{
  char text[64] = "fuzz: failed in iteration ";
  char digits[16];
  size_t len = strlen (text), n = 0;
  long value = current;

  if (value < 0) {
    static const char seed[] = "fuzz: failed in an unchanged seed\n";

    (void)!write (STDERR_FILENO, seed, sizeof seed - 1);
    return;
  }
  do
    digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (n > 0)
    text[len++] = digits[--n];
  text[len++] = '\n';
  (void)!write (STDERR_FILENO, text, len);
}

static void
on_signal (int number)
{
  tell_iteration ();
  signal (number, SIG_DFL);
  raise (number);
}

static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15); /* splitmix64 */

  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

static size_t
below (uint64_t *state, size_t bound)
{
  return bound == 0 ? 0 : (size_t)(next_random (state) % bound);
}

static void
add_seed (const void *data, size_t size)
{
  if (n_seeds == SEEDS_MAX || size > SIZE_MAX_BYTES)
    return;
  seeds[n_seeds].data = malloc (size + 1);
  memcpy (seeds[n_seeds].data, data, size);
  seeds[n_seeds++].size = size;
}

static int
add_file (const char *folder, const char *name)
{
  static uint8_t buffer[SIZE_MAX_BYTES];
  char path[4096];
  FILE *file;
  size_t size;

  snprintf (path, sizeof path, "%s/%s", folder, name);
  file = fopen (path, "rb");
  if (file == NULL) {
    fprintf (stderr, "fuzz: %s: %s\n", path, strerror (errno));
    return 0;
  }
  size = fread (buffer, 1, sizeof buffer, file);
  fclose (file);
  add_seed (buffer, size);
  return 1;
}

/* In the order of names, so that iterations mean the same on every machine. */
static int
add_folder (const char *folder)
{
  struct dirent **entries;
  int n = scandir (folder, &entries, NULL, alphasort);
  int ok = 1;

  for (int i = 0; i < n; i++) {
    if (entries[i]->d_name[0] != '.')
      ok &= add_file (folder, entries[i]->d_name);
    free (entries[i]);
  }
  if (n >= 0)
    free (entries);
  return ok;
}

/* Moves the tail at `at` by delta bytes and returns whether there was room. */
static int
move_tail (Input *input, size_t at, long delta)
{
  if (delta > 0 && input->size + (size_t)delta > SIZE_MAX_BYTES)
    return 0;
  memmove (input->data + at + (delta > 0 ? delta : 0),
           input->data + at - (delta < 0 ? delta : 0),
           input->size - at - (size_t)(delta < 0 ? -delta : 0));
  input->size = (size_t)((long)input->size + delta);
  return 1;
}

static void
mutate (Input *input, uint64_t *state)
{
  static const uint8_t telling[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x47, '"', '\\', '{',
                                     '[',  '0',  '9',  '-',  '.',  ',',  ';', '=',  '/' };
  size_t at = below (state, input->size);
  size_t len = 1 + below (state, input->size - at < 16 ? input->size - at : 16);
  const Input *other = &seeds[below (state, n_seeds)];
  size_t from = below (state, other->size);

  if (len > input->size - at)
    len = input->size - at;
  switch (below (state, 8)) {
    case 0:
      if (input->size > 0)
        input->data[at] ^= (uint8_t)(1u << below (state, 8));
      break;
    case 1:
      if (input->size > 0)
        input->data[at] = telling[below (state, sizeof telling)];
      break;
    case 2:
      if (move_tail (input, at, 1))
        input->data[at] = telling[below (state, sizeof telling)];
      break;
    case 3:
      move_tail (input, at, -(long)len);
      break;
    case 4: /* a piece once more */
      if (move_tail (input, at, (long)len))
        memmove (input->data + at, input->data + at + len, len);
      break;
    case 5: /* a piece of another seed */
      len = other->size - from < 32 ? other->size - from : 32;
      if (move_tail (input, at, (long)len))
        memcpy (input->data + at, other->data + from, len);
      break;
    case 6:
      input->size = at;
      break;
    default:
      if (input->size > 0)
        input->data[at] = (uint8_t)next_random (state);
  }
}

/* In a block of exactly its size, so that a sanitizer sees one byte too far. */
static void
feed (const Input *input)
{
  uint8_t *exact = malloc (input->size > 0 ? input->size : 1);

  memcpy (exact, input->data, input->size);
  LLVMFuzzerTestOneInput (exact, input->size);
  free (exact);
}

static void
run_iteration (long iteration)
{
  static uint8_t buffer[SIZE_MAX_BYTES + 64];
  uint64_t state = (uint64_t)iteration * UINT64_C (0x2545f4914f6cdd1d);
  const Input *seed = &seeds[below (&state, n_seeds)];
  Input input = { .data = buffer, .size = seed->size };

  memcpy (buffer, seed->data, seed->size);
  for (size_t i = 1 + below (&state, 6); i > 0; i--)
    mutate (&input, &state);
  current = (sig_atomic_t)iteration;
  feed (&input);
}

static void
watch_for_hangs (void)
{
  const struct itimerval limit = { .it_value = { .tv_sec = HANG_SECONDS } };

  setitimer (ITIMER_PROF, &limit, NULL);
}

static void
watch_for_failures (void)
{
  static const int signals[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGPROF };

  if (__asan_set_death_callback != NULL)
    __asan_set_death_callback (tell_iteration);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (__asan_set_death_callback == NULL || signals[i] == SIGPROF)
      signal (signals[i], on_signal);
}

int
main (int argc, char **argv)
{
  long iterations = ITERATIONS, only = -1;

  for (int i = 1; i < argc; i++) {
    if (strcmp (argv[i], "--iterations") == 0 && i + 1 < argc)
      iterations = atol (argv[++i]);
    else if (strcmp (argv[i], "--only") == 0 && i + 1 < argc)
      only = atol (argv[++i]);
    else if (!add_folder (argv[i]))
      return 1;
  }
  for (size_t i = 0; fuzz_seeds != NULL && fuzz_seeds[i] != NULL; i++)
    add_seed (fuzz_seeds[i], strlen (fuzz_seeds[i]));
  if (n_seeds == 0) {
    fprintf (
        stderr,
        "fuzz: no seeds: the target exports no fuzz_seeds, and the folder is empty\n");
    return 1;
  }

  watch_for_failures ();
  for (size_t i = 0; only < 0 && i < n_seeds; i++) {
    watch_for_hangs ();
    feed (&seeds[i]);
  }
  for (long i = only < 0 ? 0 : only; i < (only < 0 ? iterations : only + 1); i++) {
    if (i % 64 == 0 || only >= 0)
      watch_for_hangs ();
    run_iteration (i);
  }
  for (size_t i = 0; i < n_seeds; i++)
    free (seeds[i].data);
  return 0;
}
