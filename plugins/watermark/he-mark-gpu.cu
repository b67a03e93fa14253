/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What he-mark.h defines, on a GPU: the same bits as he-mark-kernel.c, which says where
 * the numbers are from. The element has it compiled where it runs (NVRTC); it is plain C
 * as well, for whoever defines KERNEL and `he_mark_thread` (the index of a thread along x
 * and y), as the test does that runs it on the CPU.
 *
 * One frame is four launches in this order on one stream: activity and strength for each
 * block of 8x8, scale once, mark for each pixel; a thread beyond them does nothing.
 * Strides are bytes. wide: samples of two bytes, with 10 bits above shift others. */
#ifdef __CUDACC__
#define KERNEL extern "C" __global__ void
typedef struct {
  unsigned x, y;
} HeMarkThread;
static __device__ HeMarkThread
he_mark_thread (void)
{
  HeMarkThread thread;
  thread.x = blockIdx.x * blockDim.x + threadIdx.x;
  thread.y = blockIdx.y * blockDim.y + threadIdx.y;
  return thread;
}
#define INLINE static __device__
#else
#define INLINE static
static void
atomicAdd (unsigned long long *sum, unsigned long long value)
{
  *sum += value;
}
#endif

typedef unsigned char HeByte;
typedef unsigned short HeWord;

INLINE int
least (int a, int b)
{
  return a < b ? a : b;
}

INLINE HeWord
sample_at (const HeByte *line, unsigned x, int wide, int shift)
{
  if (!wide)
    return line[x];
  return (HeWord)(((const HeWord *)(const void *)line)[x] >> shift);
}

/* Sums are of 16 bits, as they are on the CPU, whatever a frame holds. */
INLINE HeWord
block_activity (const HeByte *in, unsigned long long stride, int wide, int shift, unsigned x0,
                int width, int height)
{
  const int n = width * height;
  HeWord sum = 0, deviations = 0;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      sum = (HeWord)(sum + sample_at (in + y * stride, x0 + x, wide, shift));
  const HeWord mean = (HeWord)((sum + n / 2) / n);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      short deviation = (short)(sample_at (in + y * stride, x0 + x, wide, shift) - mean);
      deviations = (HeWord)(deviations + (deviation < 0 ? -deviation : deviation));
    }
  return (HeWord)((unsigned)deviations * 64 / n);
}

/* Each thread a block. squares, one number, becomes zero. */
KERNEL
he_mark_activity (const HeByte *in, unsigned long long stride, int wide, int shift, int width,
                  int height, HeWord *activity, unsigned long long *squares)
{
  const int columns = (width + 7) / 8, rows = (height + 7) / 8;
  const int x = he_mark_thread ().x, y = he_mark_thread ().y;
  if (x == 0 && y == 0)
    *squares = 0;
  if (x >= columns || y >= rows)
    return;
  activity[y * columns + x]
      = block_activity (in + y * 8 * stride, stride, wide, shift, x * 8,
                        least (8, width - x * 8), least (8, height - y * 8));
}

/* Each thread a block. */
KERNEL
he_mark_strength (const HeWord *activity, int wide, int columns, int rows, HeByte *strengths,
                  unsigned long long *squares)
{
  const int x = he_mark_thread ().x, y = he_mark_thread ().y;
  const int fine = wide ? 2 : 0;
  if (x >= columns || y >= rows)
    return;
  int lowest = activity[y * columns + x];
  for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < rows; v++)
    for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < columns; u++)
      lowest = least (lowest, activity[v * columns + u]);
  const unsigned sum = (unsigned)activity[y * columns + x] + (unsigned)lowest;
  unsigned s = (258 * sum + (512u << fine)) >> (10 + fine);
  const unsigned smooth = s == 0 || s >= 66 ? 0 : s <= 14 ? 52 : 66 - s;
  s = s < 32 ? 32 : s > 179 ? 179 : s;
  s = s < smooth ? smooth : s;
  strengths[y * columns + x] = (HeByte)s;
  atomicAdd (squares, s * s);
}

/* One thread. scale: in 1/4096, of each strength. */
KERNEL
he_mark_scale (const unsigned long long *squares, int columns, int rows, unsigned *scale)
{
  const unsigned long long allowed = 13112ull * columns * rows;
  unsigned long long root = 0, n;
  if (he_mark_thread ().x || he_mark_thread ().y)
    return;
  n = *squares > allowed ? (allowed << 24) / *squares : 1ull << 24;
  for (unsigned long long bit = 1ull << 31; bit; bit >>= 1)
    if ((root + bit) * (root + bit) <= n)
      root += bit;
  *scale = (unsigned)root;
}

/* Each thread a pixel. sign: 1 adds the pattern, -1 subtracts it. */
KERNEL
he_mark_pixels (const HeByte *in, unsigned long long in_stride, HeByte *out,
                unsigned long long out_stride, const signed char *pattern,
                unsigned long long pattern_stride, const HeByte *strengths,
                const unsigned *scale, int sign, int wide, int shift, int width, int height)
{
  /* In 1/32 of what rounding drops. */
  const HeByte bayer[16] = { 1, 17, 5, 21, 25, 9, 29, 13, 7, 23, 3, 19, 31, 15, 27, 11 };
  const int x = he_mark_thread ().x, y = he_mark_thread ().y;
  const int dropped = wide ? 10 : 12;
  const int black = wide ? 64 : 16, white = wide ? 940 : 235;
  if (x >= width || y >= height)
    return;
  const int strength = (int)((strengths[y / 8 * ((width + 7) / 8) + x / 8] * *scale) >> 12);
  const int threshold = bayer[y % 4 * 4 + x % 4] << (dropped - 5);
  const int delta = (strength * pattern[y * pattern_stride + x] + threshold) >> dropped;
  const int was = (short)sample_at (in + y * in_stride, x, wide, shift);
  const int low = was < black ? was : black, high = was > white ? was : white;
  int value = (short)(was + sign * delta);
  value = value < low ? low : value > high ? high : value;
  if (wide)
    ((HeWord *)(void *)(out + y * out_stride))[x] = (HeWord)((unsigned)value << shift);
  else
    out[y * out_stride + x] = (HeByte)value;
}
