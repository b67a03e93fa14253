/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A double of a GPU: the kernels' own source as plain C, and launches that run thread
 * after thread on the CPU. */

#include <glib.h>

typedef struct {
  unsigned x, y;
} HeMarkThread;

static __thread HeMarkThread gpu_thread;

static inline HeMarkThread
he_mark_thread (void)
{
  return gpu_thread;
}

#define KERNEL static void
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "../../plugins/watermark/he-mark-gpu.cu"
#pragma GCC diagnostic pop

/* Runs statement once for each thread of a grid that covers width x height, with threads
 * beyond it, as a grid of blocks of 32x8 has them. */
#define GPU_LAUNCH(width, height, statement)                                             \
  for (gpu_thread.y = 0; gpu_thread.y < ((unsigned)(height) + 7) / 8 * 8;                \
       gpu_thread.y++)                                                                   \
    for (gpu_thread.x = 0; gpu_thread.x < ((unsigned)(width) + 31) / 32 * 32;            \
         gpu_thread.x++)                                                                 \
  statement
