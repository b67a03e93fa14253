/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-payload.h"

#include <math.h>

#define PAYLOAD_BITS 64
#define CRC_BITS 16
#define BITS (PAYLOAD_BITS + CRC_BITS)
#define OUTPUTS 6
#define MEMORY 14
#define STATES (1u << MEMORY)
#define PASSES 4 /* around the circle; the survivors have settled by then */

G_STATIC_ASSERT (BITS *OUTPUTS == HE_PAYLOAD_SEGMENTS * HE_PAYLOAD_SYMBOLS);

/* The code of deep-space probes at constraint length 15: with it 80 bits come within a
 * decibel of what any code of their length could do. */
static const guint16 polynomials[OUTPUTS]
    = { 046321, 051271, 070535, 063667, 073277, 076513 };

typedef guint8 Word[BITS]; /* one bit each */

/* The six output bits for each content of the register, newest bit uppermost. */
static const guint8 *
outputs (void)
{
  static guint8 *table;
  if (g_once_init_enter (&table)) {
    guint8 *made = g_new0 (guint8, 2 * STATES);
    for (guint content = 0; content < 2 * STATES; content++)
      for (guint i = 0; i < OUTPUTS; i++)
        made[content] |= (guint8)(__builtin_parity (content & polynomials[i]) << i);
    g_once_init_leave (&table, made);
  }
  return table;
}

/* CRC-16/CCITT-FALSE: its start value keeps an empty payload from being an empty word. */
static guint16
crc_of (guint64 payload)
{
  guint16 crc = 0xffff;
  for (guint i = 0; i < PAYLOAD_BITS; i++) {
    const guint bit = (guint)(payload >> (PAYLOAD_BITS - 1 - i)) & 1;
    crc = (guint16)((crc << 1) ^ (((crc >> 15) ^ bit) ? 0x1021 : 0));
  }
  return crc;
}

static guint64
payload_of (const guint8 *word)
{
  guint64 payload = 0;
  for (guint i = 0; i < PAYLOAD_BITS; i++)
    payload = payload << 1 | word[i];
  return payload;
}

static gboolean
crc_is_right (const guint8 *word)
{
  guint16 crc = 0;
  for (guint i = PAYLOAD_BITS; i < BITS; i++)
    crc = (guint16)(crc << 1 | word[i]);
  return crc == crc_of (payload_of (word));
}

/* The signs of all segments, in the order of the code. */
static void
encode_word (guint64 payload, gint8 ret_signs[BITS * OUTPUTS])
{
  const guint8 *table = outputs ();
  const guint16 crc = crc_of (payload);
  Word word;
  guint state = 0;
  for (guint i = 0; i < PAYLOAD_BITS; i++)
    word[i] = (payload >> (PAYLOAD_BITS - 1 - i)) & 1;
  for (guint i = 0; i < CRC_BITS; i++)
    word[PAYLOAD_BITS + i] = (crc >> (CRC_BITS - 1 - i)) & 1;
  /* Tail-biting: it begins in the state that the last bits leave. */
  for (guint i = BITS - MEMORY; i < BITS; i++)
    state = state >> 1 | (guint)word[i] << (MEMORY - 1);
  for (guint i = 0; i < BITS; i++) {
    const guint content = (guint)word[i] << MEMORY | state;
    for (guint o = 0; o < OUTPUTS; o++)
      ret_signs[i * OUTPUTS + o] = table[content] >> o & 1 ? -1 : 1;
    state = content >> 1;
  }
}

/* A bit's outputs, and those of the bits after it, lie in different segments, so that one
 * which is lost takes a part of every bit and no bit whole. */
static guint
code_index (guint segment, guint symbol)
{
  return symbol * HE_PAYLOAD_SEGMENTS + segment;
}

void
he_payload_encode (guint64 payload, guint64 msn, gint8 ret_symbols[HE_PAYLOAD_SYMBOLS])
{
  gint8 signs[BITS * OUTPUTS];
  encode_word (payload, signs);
  for (guint i = 0; i < HE_PAYLOAD_SYMBOLS; i++)
    ret_symbols[i] = signs[code_index ((guint)(msn % HE_PAYLOAD_SEGMENTS), i)];
}

gboolean
he_payload_add (HePayloadSums *sums, guint64 msn, const double soft[HE_PAYLOAD_SYMBOLS])
{
  const guint segment = (guint)(msn % HE_PAYLOAD_SEGMENTS);
  if (msn < sums->next)
    return FALSE;
  for (guint i = 0; i < HE_PAYLOAD_SYMBOLS; i++)
    sums->sums[segment][i] += soft[i];
  sums->segments[segment]++;
  sums->next = msn + 1;
  return TRUE;
}

/* ---- decoding: Viterbi, around the circle ---- */

typedef struct {
  float soft[BITS * OUTPUTS];
  float *metrics, *next;     /* STATES each */
  guint8 (*choices)[STATES]; /* BITS rows: the bit that each state's best past lost */
} Trellis;

static void
step (Trellis *trellis, guint bit)
{
  const guint8 *table = outputs ();
  const float *soft = trellis->soft + bit * OUTPUTS;
  float gain[1 << OUTPUTS];
  for (guint pattern = 0; pattern < 1 << OUTPUTS; pattern++) {
    gain[pattern] = 0;
    for (guint o = 0; o < OUTPUTS; o++)
      gain[pattern] += pattern >> o & 1 ? -soft[o] : soft[o];
  }
  /* Two contents lead to each state; they differ in the bit that is shifted out. */
  for (guint state = 0; state < STATES; state++) {
    const guint even = state << 1, odd = even | 1;
    const float a = trellis->metrics[even & (STATES - 1)] + gain[table[even]];
    const float b = trellis->metrics[odd & (STATES - 1)] + gain[table[odd]];
    trellis->next[state] = MAX (a, b);
    trellis->choices[bit][state] = b > a;
  }
  float *done = trellis->metrics;
  trellis->metrics = trellis->next;
  trellis->next = done;
}

/* Walks back from an end; returns the state that it began in. */
static guint
walk_back (const Trellis *trellis, guint state, guint8 *ret_word)
{
  for (guint bit = BITS; bit-- > 0;) {
    ret_word[bit] = (guint8)(state >> (MEMORY - 1));
    state = (state << 1 | trellis->choices[bit][state]) & (STATES - 1);
  }
  return state;
}

/* The correlation with the word that belongs to a payload. */
static double
correlation (const Trellis *trellis, guint64 payload)
{
  gint8 signs[BITS * OUTPUTS];
  double sum = 0;
  encode_word (payload, signs);
  for (guint i = 0; i < BITS * OUTPUTS; i++)
    sum += signs[i] * (double)trellis->soft[i];
  return sum;
}

/* The best among the survivors of all ends that close the circle and have a right CRC. */
static gboolean
search (const Trellis *trellis, guint64 *ret_payload, double *ret_best)
{
  gboolean found = FALSE;
  Word word;
  for (guint state = 0; state < STATES; state++) {
    if (walk_back (trellis, state, word) != state || !crc_is_right (word))
      continue;
    const guint64 payload = payload_of (word);
    const double value = correlation (trellis, payload);
    if (!found || value > *ret_best) {
      *ret_best = value;
      *ret_payload = payload;
    }
    found = TRUE;
  }
  return found;
}

/* A bound by all payloads there are, each with the normal tail's own bound, and by all
 * looks. */
static double
log10_p_of (double z, guint look)
{
  if (z < 1)
    return 0;
  const double tail = -z * z / 2 / G_LN10 - log10 (z * sqrt (2 * G_PI));
  return MIN (0, PAYLOAD_BITS * log10 (2) + log10 (look * (look + 1.0)) + tail);
}

gboolean
he_payload_decode (HePayloadSums *sums, HePayloadReading *ret_reading)
{
  Trellis trellis = { 0 };
  guint64 payload = 0;
  double best = 0, variance = 0;
  gboolean found = FALSE;
  for (guint s = 0; s < HE_PAYLOAD_SEGMENTS; s++) {
    variance += (double)sums->segments[s] * HE_PAYLOAD_SYMBOLS;
    for (guint i = 0; i < HE_PAYLOAD_SYMBOLS; i++)
      trellis.soft[code_index (s, i)] = (float)sums->sums[s][i];
  }
  if (variance <= 0)
    return FALSE;
  float *both = g_new0 (float, 2 * STATES);
  trellis.metrics = both;
  trellis.next = both + STATES;
  trellis.choices = g_malloc ((gsize)BITS * STATES);
  for (guint pass = 0; pass < PASSES; pass++) {
    for (guint bit = 0; bit < BITS; bit++)
      step (&trellis, bit);
    if (pass > 0)
      found |= search (&trellis, &payload, &best);
  }
  g_free (trellis.choices);
  g_free (both);
  const double z = best / sqrt (variance), log10_p = log10_p_of (z, ++sums->looks);
  if (!found || log10_p > HE_PAYLOAD_LOG10_P)
    return FALSE;
  *ret_reading = (HePayloadReading) { .payload = payload, .z = z, .log10_p = log10_p };
  return TRUE;
}
