/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of he-mark-kernel.c: names for the instructions of AVX2 or AVX-512, which are the
 * same but for the length of a vector. */
#pragma once

#include <immintrin.h>

#ifdef __AVX512BW__
typedef __m512i Vector;
#define OP(name) _mm512_##name
#define BITS(name) _mm512_##name##_si512
#define BROADCAST(v) _mm512_broadcast_i32x4 (v)
#define SET1_64(n) _mm512_set1_epi64 (n)
#define WIDEN(in) _mm512_cvtepi8_epi16 (_mm256_loadu_si256 ((const void *)(in)))
#else
typedef __m256i Vector;
#define OP(name) _mm256_##name
#define BITS(name) _mm256_##name##_si256
#define BROADCAST(v) _mm256_broadcastsi128_si256 (v)
#define SET1_64(n) _mm256_set1_epi64x (n)
#define WIDEN(in) _mm256_cvtepi8_epi16 (_mm_loadu_si128 ((const void *)(in)))
#endif
#define LOAD(in) BITS (loadu) ((const void *)(in))
#define STORE(out, v) BITS (storeu) ((void *)(out), v)
/* Past the caches, where whoever reads a frame next would not find all of it either, and
 * without fetching first what is overwritten. */
#define STREAM(out, v) BITS (stream) ((void *)(out), v)
#define CAN_STREAM(out) ((guintptr)(out) % sizeof (Vector) == 0)
