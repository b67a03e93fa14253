/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"
#include "he-json.h"

const char *const fuzz_seeds[]
    = { "{\"name\":\"demo\",\"window\":6,\"list\":[1,-2.5e3,true,null],\"text\":"
        "\"\\u00e9\\ud83d\\ude00\"}",
        "[[[[{\"a\":{\"b\":[]}}]]], 9223372036854775807, -0, 1e-7]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "{\"a\\u0000\":\"\\u0000b\",\"a\":[18446744073709551616,-1E+2]}", NULL };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  he_json_free (he_json_parse ((const char *)data, (gssize)size, 1 << 16, 16, NULL));
  return 0;
}
