/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A fuzz target defines LLVMFuzzerTestOneInput(), as libFuzzer wants it, and says where
 * its inputs grow from: fuzz_seeds, text that ends with NULL, or binary files in
 * tests/fuzz/corpus/NAME/, or both. driver.c runs it bounded and reproducibly, with any
 * compiler; clang -fsanitize=fuzzer runs the same file without the driver. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[] __attribute__ ((weak));
