/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-align.h"

#include "he-epoch.h"

/* Times minus sample counts are kept exact, in samples / UNIT: a tick is 100000/9 ns, so
 * that time in ninths of a nanosecond times the rate is a whole number of 1/9e9 samples.
 * 9 * 2^63 ns * 192 kHz needs 84 bits. */
#define UNIT ((__int128)9 * G_NSECONDS_PER_SECOND)
#define G_NSECONDS_PER_SECOND G_GINT64_CONSTANT (1000000000)

#define DISCARDED G_MININT64

typedef struct {
  guint samples;
  gint64 at;    /* samples so far when it came */
  gint64 place; /* of its first sample, once ready */
} Held;

static gint64
floor_div (__int128 a, __int128 b)
{
  return (gint64)(a >= 0 ? a / b : -((-a + b - 1) / b));
}

static gint64
nearest (__int128 a, __int128 b)
{
  return floor_div (a + b / 2, b);
}

static guint
gcd (guint a, guint b)
{
  return b == 0 ? a : gcd (b, a % b);
}

void
he_align_audio_init (HeAlignAudio *align, guint rate, guint64 duration90, guint skip)
{
  he_align_audio_clear (align);
  *align = (HeAlignAudio) {
    .rate = rate,
    .duration90 = duration90,
    .skip = skip,
    .window = rate / gcd (rate, HE_TICKS_PER_SECOND) == 49 ? 49 : 24,
    .grain = 1,
    .held = g_array_new (FALSE, FALSE, sizeof (Held)),
  };
}

void
he_align_audio_clear (HeAlignAudio *align)
{
  g_clear_pointer (&align->held, g_array_unref);
}

void
he_align_audio_preroll (HeAlignAudio *align, guint frames)
{
  align->preroll = frames;
}

guint64
he_align_audio_begin (HeAlignAudio *align, guint64 start90)
{
  align->next = he_audio_frame_at_or_after (start90, align->rate) * HE_AUDIO_FRAME;
  align->joined = TRUE;
  align->skip = 0;
  return align->next;
}

static Held *
held_at (HeAlignAudio *align, guint index)
{
  return &g_array_index (align->held, Held, index);
}

/* Time - samples so far. A nanosecond next to a tick means that tick: floors of floors
 * must not blur what is exact. */
static __int128
observe (const HeAlignAudio *align, guint64 ns)
{
  guint64 ticks = he_ticks_from_ns (ns);
  gint64 off = (gint64)(ns - he_ticks_to_ns (ticks));
  __int128 ninths = ABS (off) <= 1 ? (__int128)ticks * 100000 : (__int128)ns * 9;

  return ninths * align->rate - align->count * UNIT;
}

static void
ring_add (HeAlignAudio *align, __int128 x)
{
  align->ring[align->ring_at] = x;
  align->ring_at = (align->ring_at + 1) % align->window;
  align->ring_len = MIN (align->ring_len + 1, align->window);
}

static void
ring_clear (HeAlignAudio *align)
{
  align->ring_len = align->ring_at = 0;
}

/* The estimate from the window: rounded as coarsely as its blocks scatter. */
static gint64
estimate (const HeAlignAudio *align, gint64 *ret_grain)
{
  __int128 sum = 0, low = align->ring[0], high = align->ring[0];
  gint64 grain;

  for (guint i = 0; i < align->ring_len; i++) {
    sum += align->ring[i];
    low = MIN (low, align->ring[i]);
    high = MAX (high, align->ring[i]);
  }
  if (high - low < UNIT / 8)
    grain = 1;
  else if (high - low <= 4 * UNIT)
    grain = 16;
  else
    grain = 128;
  *ret_grain = grain;
  return nearest (sum, UNIT * grain * align->ring_len) * grain;
}

static void
discard_held (HeAlignAudio *align)
{
  for (guint i = align->ready; i < align->held->len; i++)
    held_at (align, i)->place = DISCARDED;
  align->ready = align->held->len;
}

static void
lock_origin (HeAlignAudio *align)
{
  align->origin = estimate (align, &align->grain);
  align->locked = TRUE;
  for (guint i = align->ready; i < align->held->len; i++)
    held_at (align, i)->place = align->origin + held_at (align, i)->at;
  align->ready = align->held->len;
}

static void
start_window (HeAlignAudio *align, __int128 x)
{
  align->locked = FALSE;
  ring_clear (align);
  ring_add (align, x);
}

/* A block that is not where it was expected, by dev samples. Whole blocks are told from a
 * new phase as sharply as this feed's times allow. */
static void
jump (HeAlignAudio *align, __int128 x, gint64 dev, guint samples)
{
  gint64 lost = nearest (dev, samples);

  if (samples != align->last_samples
      || ABS (dev - lost * samples) > MAX (2, align->grain)) {
    start_window (align, x);
    return;
  }
  align->origin += lost * samples;
  for (guint i = 0; i < align->ring_len; i++)
    align->ring[i] += lost * samples * UNIT;
  ring_add (align, x);
}

static void
follow (HeAlignAudio *align, __int128 x, guint samples)
{
  gint64 dev = nearest (x - align->origin * UNIT, UNIT);
  gint64 grain, origin;

  if (ABS (dev) > HE_ALIGN_JITTER) {
    jump (align, x, dev, samples);
    return;
  }
  ring_add (align, x);
  if (align->ring_len < align->window)
    return;
  /* The dead zone keeps a feed that straddles two multiples from switching for ever. */
  origin = estimate (align, &grain);
  if (ABS (origin - align->origin) > MAX (grain, align->grain)) {
    align->origin = origin;
    align->grain = grain;
  }
}

static void
search (HeAlignAudio *align, __int128 x, guint samples)
{
  __int128 last;
  gint64 dev;

  if (align->ring_len == 0) {
    ring_add (align, x);
    return;
  }
  last = align->ring[(align->ring_at + align->window - 1) % align->window];
  dev = nearest (x - last, UNIT);
  if (ABS (dev) <= HE_ALIGN_JITTER) {
    ring_add (align, x);
  } else if (align->joined) {
    /* Jump after jump: the sound must go on, so place what there is. */
    lock_origin (align);
    follow (align, x, samples);
  } else {
    discard_held (align);
    start_window (align, x);
  }
}

gboolean
he_align_audio_push (HeAlignAudio *align, guint64 ns, guint samples)
{
  Held block = { .samples = samples };
  __int128 x;

  if (samples == 0)
    return FALSE;
  if (align->skip > 0) {
    align->skip--;
    return FALSE;
  }

  x = observe (align, ns);
  if (align->locked)
    follow (align, x, samples);
  else
    search (align, x, samples);

  block.at = align->count;
  g_array_append_val (align->held, block);
  align->count += samples;
  align->last_samples = samples;
  if (align->locked) {
    held_at (align, align->held->len - 1)->place = align->origin + block.at;
    align->ready = align->held->len;
  } else if (align->ring_len == align->window
             || align->count - held_at (align, align->ready)->at > 2 * align->rate) {
    lock_origin (align);
  }
  return TRUE;
}

void
he_align_audio_finish (HeAlignAudio *align)
{
  if (align->ready < align->held->len)
    lock_origin (align);
}

guint64
he_align_audio_msn (guint64 frame, guint rate, guint64 duration90)
{
  guint64 msn = he_epoch_msn (he_audio_frame_ticks (frame, rate), duration90);

  /* The tick is rounded; the comparison below is not. Segments shorter than a frame leave
   * some segments without one. */
  while (he_audio_frame_at_or_after (he_epoch_boundary (msn + 1, duration90), rate)
         <= frame)
    msn++;
  while (msn > 0
         && he_audio_frame_at_or_after (he_epoch_boundary (msn, duration90), rate)
                > frame)
    msn--;
  return msn;
}

/* First sample of the first segment that begins at or behind a sample. */
static guint64
first_start (const HeAlignAudio *align, guint64 sample)
{
  guint64 t90 = he_ticks_from_ns (he_audio_sample_to_ns (sample, align->rate));
  guint64 msn = he_epoch_msn (t90, align->duration90);
  guint64 start;

  /* The tick is rounded; one boundary earlier never hurts. */
  msn = msn > 0 ? msn - 1 : 0;
  do {
    start = he_audio_frame_at_or_after (he_epoch_boundary (msn, align->duration90),
                                        align->rate)
            * HE_AUDIO_FRAME;
    msn++;
  } while (start < sample);
  return start;
}

static void
restart_at (HeAlignAudio *align, guint64 sample, HeAlignStep *step)
{
  guint preroll = align->preroll * HE_AUDIO_FRAME;

  if (preroll > 0)
    sample += preroll + HE_ALIGN_LEAD * align->rate / HE_TICKS_PER_SECOND;
  step->restart = TRUE;
  step->preroll = preroll;
  step->start = align->next = first_start (align, sample) - preroll;
  align->joined = TRUE;
}

gboolean
he_align_audio_pull (HeAlignAudio *align, HeAlignStep *ret_step)
{
  const Held *block = held_at (align, 0);
  guint64 place, max = HE_ALIGN_MAX_FILL * align->rate / HE_TICKS_PER_SECOND;

  if (align->ready == 0)
    return FALSE;
  *ret_step = (HeAlignStep) { .skip = block->samples };

  /* Before the epoch, or in a window that a jump made void. */
  if (block->place >= 0) {
    place = block->place;
    if (!align->joined) {
      restart_at (align, place, ret_step);
    } else if (place > align->next && place - align->next > max) {
      ret_step->filled = TRUE;
      ret_step->fill = first_start (align, align->next) - align->next;
      restart_at (align, place, ret_step);
    } else if (place > align->next) {
      ret_step->fill = place - align->next;
      ret_step->filled = ret_step->fill > HE_ALIGN_JITTER / 2;
      align->next = place;
    }
    ret_step->skip = CLAMP ((gint64)(align->next - place), 0, block->samples);
    ret_step->take = block->samples - ret_step->skip;
    align->next += ret_step->take;
  }
  g_array_remove_index (align->held, 0);
  align->ready--;
  return TRUE;
}

guint64
he_align_audio_silence (HeAlignAudio *align, guint64 until90)
{
  guint64 until = he_audio_sample_from_ns (he_ticks_to_ns (until90), align->rate);
  guint64 max = HE_ALIGN_MAX_FILL * align->rate / HE_TICKS_PER_SECOND, fill;

  if (!align->joined || until <= align->next)
    return 0;
  align->joined = until - align->next <= max;
  if (!align->joined)
    until = first_start (align, align->next);
  fill = until - align->next;
  align->next = until;
  return fill;
}
