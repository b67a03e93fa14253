/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-packager.h"

#include <string.h>

#include "he-cadence.h"
#include "he-codecs.h"
#include "he-crypto.h"
#include "he-epoch.h"
#include "he-error.h"
#include "he-psi.h"
#include "he-segment-cipher.h"
#include "he-video-entry.h"

/* A stream without boundaries must not fill the memory. */
#define MAX_SEGMENT_BYTES (64 * 1024 * 1024)
#define STATUS_SLOTS 8

/* Times that passed through nanoseconds come back to the nearest tick, a length may be
 * one more off. */
#define SLACK 2 /* ticks */

typedef struct {
  HeUnitInfo info;
  GBytes *data;
} Unit;

typedef struct {
  guint64 msn;
  HeSegmentFlags flags; /* 0: the slot is free */
} Status;

struct _HePackager {
  char *channel, *rendition;
  HePackagerConfig config; /* its names are the two above; the cipher has the rest */
  HeSegmentCipher *cipher; /* NULL: segments stay clear */
  HePackagedFunc packaged;
  gpointer user_data;

  gboolean annotated; /* boundary annotations cut */
  gboolean key_units; /* forced keyframes cut */
  gboolean pending;   /* an annotation or forced keyframe waits for its unit */
  guint64 pending_msn;
  guint pending_generation;
  gboolean pending_signed, pending_unmarked;
  HeSignature pending_signature;
  guint timeline;    /* without annotations */
  HeCadence cadence; /* of a stream that nobody steers */
  gboolean fed;

  gboolean open;  /* a segment is in hand */
  gboolean whole; /* it began at its boundary */
  guint64 msn;
  guint generation;
  gboolean has_signature, unmarked;
  HeSignature signature;
  GArray *units; /* Unit */
  gsize bytes;
  guint64 last_dts90;
  guint64 end90; /* largest pts90 + length90 in hand */

  Status status[STATUS_SLOTS];
  guint64 dropped;
};

static void
unit_clear (gpointer data)
{
  g_bytes_unref (((Unit *)data)->data);
}

HePackager *
he_packager_new (const HePackagerConfig *config, HePackagedFunc packaged,
                 gpointer user_data)
{
  HePackager *self = g_new0 (HePackager, 1);

  self->config = *config;
  self->config.channel = self->channel = g_strdup (config->channel);
  self->config.rendition = self->rendition = g_strdup (config->rendition);
  if (config->content != NULL)
    self->cipher
        = he_segment_cipher_new (config->content, config->key_version, config->channel,
                                 config->tier, config->key_rotation);
  self->config.content = NULL;
  self->config.tier = NULL;
  self->packaged = packaged;
  self->user_data = user_data;
  he_cadence_init (&self->cadence, config->duration90);
  self->units = g_array_new (FALSE, FALSE, sizeof (Unit));
  g_array_set_clear_func (self->units, unit_clear);
  return self;
}

void
he_packager_free (HePackager *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->units);
  he_segment_cipher_free (self->cipher);
  g_free (self->channel);
  g_free (self->rendition);
  g_free (self);
}

guint64
he_packager_dropped (const HePackager *self)
{
  return self->dropped;
}

static void
empty (HePackager *self)
{
  g_array_set_size (self->units, 0);
  self->bytes = 0;
  self->end90 = 0;
  self->open = FALSE;
}

static void
drop (HePackager *self)
{
  self->dropped += self->open;
  empty (self);
}

void
he_packager_reset (HePackager *self)
{
  drop (self);
  self->pending = FALSE;
  self->fed = FALSE;
  he_cadence_gap (&self->cadence);
}

/* ---- status ---- */

void
he_packager_status (HePackager *self, guint64 msn, HeSegmentFlags flags)
{
  Status *slot = &self->status[0];

  for (guint i = 0; i < STATUS_SLOTS; i++) {
    Status *s = &self->status[i];

    if (s->flags != 0 && s->msn == msn) {
      s->flags |= flags;
      return;
    }
    if (slot->flags != 0 && (s->flags == 0 || s->msn < slot->msn))
      slot = s;
  }
  *slot = (Status) { .msn = msn, .flags = flags };
}

static HeSegmentFlags
take_status (HePackager *self, guint64 msn)
{
  HeSegmentFlags flags = HE_SEGMENT_CLEAN;

  for (guint i = 0; i < STATUS_SLOTS; i++) {
    if (self->status[i].msn == msn)
      flags |= self->status[i].flags;
    if (self->status[i].msn <= msn)
      self->status[i].flags = 0;
  }
  return flags;
}

/* ---- handing out ---- */

static GBytes *
write_clear (HePackager *self, GError **error)
{
  g_autofree HeAccessUnit *units = g_new (HeAccessUnit, self->units->len);

  for (guint i = 0; i < self->units->len; i++) {
    const Unit *unit = &g_array_index (self->units, Unit, i);

    units[i] = (HeAccessUnit) { .pts90 = unit->info.pts90,
                                .dts90 = unit->info.dts90,
                                .keyframe = unit->info.keyframe };
    units[i].data = g_bytes_get_data (unit->data, &units[i].len);
  }
  return he_ts_write_segment (self->config.codec, units, self->units->len, error);
}

static gboolean
reached_end (const HePackager *self)
{
  return self->end90 + SLACK
         >= he_epoch_boundary (self->msn + 1, self->config.duration90);
}

/* The constant duration, but what the last segment of a recording really holds. Where
 * units do not say how long they last, the last is taken to last as the others. */
static guint64
duration_in_hand (const HePackager *self, gboolean last)
{
  guint64 begin = he_epoch_boundary (self->msn, self->config.duration90);
  guint64 low = G_MAXUINT64, high = 0, end;

  if (!last || reached_end (self))
    return self->config.duration90;
  for (guint i = 0; i < self->units->len; i++) {
    guint64 pts90 = g_array_index (self->units, Unit, i).info.pts90;

    low = MIN (low, pts90);
    high = MAX (high, pts90);
  }
  end = MAX (self->end90, high);
  if (end == high && self->units->len > 1)
    end = high + (high - low) / (self->units->len - 1);
  return end > begin ? end - begin : 1;
}

static gboolean
hand_out (HePackager *self, gboolean last, GError **error)
{
  g_autoptr (GBytes) clear = NULL;
  g_autoptr (GBytes) body = NULL;
  guint8 digest[HE_SHA256_LEN];
  HeSegment segment = {
    .channel = self->channel,
    .rendition = self->rendition,
    .variant = self->config.variant,
    .msn = self->msn,
    .generation = self->generation,
    .pts90 = he_epoch_boundary (self->msn, self->config.duration90),
    .duration90 = duration_in_hand (self, last),
    .flags = take_status (self, self->msn),
    .frames = self->units->len,
    .has_signature = self->has_signature,
    .signature = self->signature,
  };

  clear = write_clear (self, error);
  if (clear == NULL) {
    g_prefix_error (error, "%s segment %" G_GUINT64_FORMAT ": ", self->rendition,
                    self->msn);
    drop (self);
    return FALSE;
  }
  body = self->cipher
             ? he_segment_cipher_seal (self->cipher, self->msn, g_steal_pointer (&clear))
             : g_steal_pointer (&clear);
  he_sha256 (g_bytes_get_data (body, NULL), g_bytes_get_size (body), digest);
  self->packaged (&segment, body, digest, self->user_data);
  if (self->unmarked && segment.variant == HE_VARIANT_A) {
    segment.variant = HE_VARIANT_B;
    self->packaged (&segment, body, digest, self->user_data);
  }
  empty (self);
  return TRUE;
}

/* Ends the segment in hand, of which next_msn is the successor. */
static gboolean
close_segment (HePackager *self, guint64 next_msn, GError **error)
{
  if (!self->open)
    return TRUE;
  if (!self->whole || (next_msn != self->msn + 1 && !reached_end (self))) {
    drop (self);
    return TRUE;
  }
  return hand_out (self, FALSE, error);
}

gboolean
he_packager_end (HePackager *self, GError **error)
{
  gboolean whole
      = self->open && self->whole && (self->config.recording || reached_end (self));

  self->pending = FALSE;
  if (whole)
    return hand_out (self, TRUE, error);
  drop (self);
  return TRUE;
}

/* ---- boundaries ---- */

gboolean
he_packager_boundary (HePackager *self, guint64 msn, guint generation, guint64 duration90,
                      GError **error)
{
  if (duration90 != self->config.duration90) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "segment-duration is %" G_GUINT64_FORMAT
                 " ticks here and %" G_GUINT64_FORMAT
                 " upstream: set both elements to the same",
                 self->config.duration90, duration90);
    return FALSE;
  }
  self->annotated = TRUE;
  self->pending = TRUE;
  self->pending_msn = msn;
  self->pending_generation = generation;
  self->pending_signed = self->pending_unmarked = FALSE;
  return TRUE;
}

gboolean
he_packager_unmarked (HePackager *self, GError **error)
{
  self->pending_unmarked = TRUE;
  if (self->config.variant != HE_VARIANT_B)
    return TRUE;
  self->pending = FALSE;
  return close_segment (self, self->pending_msn, error);
}

void
he_packager_signature (HePackager *self, const HeSignature *signature)
{
  self->pending_signed = TRUE;
  self->pending_signature = *signature;
}

void
he_packager_key_unit (HePackager *self)
{
  if (self->annotated || !he_ts_is_video (self->config.codec))
    return;
  self->key_units = TRUE;
  self->pending = TRUE;
}

void
he_packager_timeline (HePackager *self, guint generation)
{
  self->timeline = generation;
}

/* Whether the first unit of all stands where its segment begins; on the audio grid that
 * is the first frame at or after the boundary. */
static gboolean
at_boundary (const HePackager *self, const HeUnitInfo *info, GBytes *data)
{
  guint64 late = info->pts90 % self->config.duration90;
  gsize len;
  const guint8 *bytes = g_bytes_get_data (data, &len);

  if (he_ts_is_video (self->config.codec))
    return (info->pts90 + SLACK) % self->config.duration90 <= 2 * SLACK;
  return late < he_adts_frame_ticks (bytes, len);
}

/* The segment this unit begins; FALSE when it continues the one in hand, or none. */
static gboolean
begins (HePackager *self, const HeUnitInfo *info, GBytes *data, guint64 *ret_msn,
        gboolean *ret_whole)
{
  guint64 slack = he_ts_is_video (self->config.codec) ? SLACK : 0;
  guint64 msn = he_epoch_msn (info->pts90 + slack, self->config.duration90);
  gboolean forced = self->pending;

  if (self->annotated) {
    self->pending = FALSE;
    *ret_msn = self->pending_msn;
    *ret_whole = TRUE;
    return forced && !(self->open && self->msn == self->pending_msn);
  }
  if (!info->keyframe || (self->key_units && !forced) || (self->open && msn <= self->msn))
    return FALSE;
  self->pending = FALSE;
  *ret_msn = msn;
  /* After a segment in hand every cut is a boundary; before it, only what is marked. */
  *ret_whole
      = self->open || forced || self->config.recording || at_boundary (self, info, data);
  return TRUE;
}

static gboolean
check_start (HePackager *self, const HeUnitInfo *info, GBytes *data, guint64 msn,
             GError **error)
{
  gsize len;
  const guint8 *bytes = g_bytes_get_data (data, &len);
  const char *problem = NULL;

  if (self->config.codec == HE_TS_ADTS) {
    if (he_adts_frame_ticks (bytes, len) == 0)
      problem = "is no ADTS frame: put aacparse before the sink";
  } else if (!info->keyframe) {
    problem = "is no keyframe: the encoder must obey force-key-unit events";
  } else if (self->config.codec == HE_TS_H264
             && !he_h264_has_parameter_sets (bytes, len)) {
    problem = "has no parameter sets: put h264parse config-interval=-1 before the sink";
  } else if (self->config.codec == HE_TS_H265
             && !he_h265_has_parameter_sets (bytes, len)) {
    problem = "has no parameter sets: put h265parse config-interval=-1 before the sink";
  }
  if (problem == NULL)
    return TRUE;
  g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
               "%s segment %" G_GUINT64_FORMAT ": its first unit %s", self->rendition,
               msn, problem);
  self->dropped++;
  return FALSE;
}

static gboolean
begin (HePackager *self, const HeUnitInfo *info, GBytes *data, guint64 msn,
       gboolean whole, GError **error)
{
  gboolean gap = self->open && self->whole && msn > self->msn + 1;
  guint64 missing = self->msn + 1;
  gboolean good = close_segment (self, msn, error);

  if (!check_start (self, info, data, msn, good ? error : NULL))
    return FALSE;
  self->open = TRUE;
  self->whole = whole;
  self->msn = msn;
  self->generation = self->annotated ? self->pending_generation : self->timeline;
  self->has_signature = self->annotated && self->pending_signed;
  self->signature = self->pending_signature;
  self->unmarked = self->annotated && self->pending_unmarked;
  /* Where the cadence is known it says more. */
  if (good && gap && !self->annotated && !self->cadence.has_cut) {
    g_set_error (error, HE_ERROR, HE_ERROR_INVALID,
                 "%s segment %" G_GUINT64_FORMAT
                 " is missing: nothing came that it could begin with",
                 self->rendition, missing);
    good = FALSE;
  }
  return good;
}

static gboolean
refuse (HePackager *self, GError **error, HeError code, const char *what)
{
  g_set_error (error, HE_ERROR, code, "%s segment %" G_GUINT64_FORMAT ": %s",
               self->rendition, self->msn, what);
  drop (self);
  return FALSE;
}

static void
append (HePackager *self, const HeUnitInfo *info, GBytes *data)
{
  Unit unit = { .info = *info, .data = g_bytes_ref (data) };

  g_array_append_val (self->units, unit);
  self->bytes += g_bytes_get_size (data);
  self->last_dts90 = info->dts90;
  self->end90 = MAX (self->end90, info->pts90 + info->length90);
}

/* Whether decoding can begin with a picture that claims it: parsers say so of whatever
 * holds an intra slice. */
static gboolean
is_entry (HeTsCodec codec, GBytes *data)
{
  gsize len;
  const guint8 *bytes = g_bytes_get_data (data, &len);

  return he_video_is_entry (
      codec == HE_TS_H265 ? HE_STREAM_TYPE_H265 : HE_STREAM_TYPE_H264, bytes, len);
}

/* The segment in hand, or the one that the next unit begins, is not all there. */
static void
note_gap (HePackager *self)
{
  if (self->open)
    he_packager_status (self, self->msn, HE_SEGMENT_DAMAGED);
  he_cadence_gap (&self->cadence);
}

/* A unit that no annotation speaks of. */
static void
look_at (HePackager *self, HeUnitInfo *info, GBytes *data)
{
  if (he_ts_is_video (self->config.codec))
    info->keyframe = info->keyframe && is_entry (self->config.codec, data);
  info->discont &= self->fed;
  if (info->discont)
    note_gap (self);
  self->fed = TRUE;
}

gboolean
he_packager_push (HePackager *self, const HeUnitInfo *unit, GBytes *data, GError **error)
{
  gboolean whole, cuts, good = TRUE;
  HeUnitInfo info = *unit;
  guint64 msn;

  if (!self->annotated)
    look_at (self, &info, data);
  if (self->open && (gint64)(info.dts90 - self->last_dts90) <= 0)
    good = refuse (self, error, HE_ERROR_INVALID, "timestamps ran backwards");
  cuts = begins (self, &info, data, &msn, &whole);
  if (cuts)
    good = begin (self, &info, data, msn, whole, good ? error : NULL) && good;
  if (!self->open)
    return good;
  if (!self->annotated) {
    if (info.discont)
      note_gap (self);
    if (he_ts_is_video (self->config.codec) && info.keyframe && !self->key_units)
      good = he_cadence_keyframe (&self->cadence, info.pts90, cuts, good ? error : NULL)
             && good;
  }
  append (self, &info, data);
  if (self->bytes > MAX_SEGMENT_BYTES)
    good = refuse (self, good ? error : NULL, HE_ERROR_LIMIT,
                   "no boundary in 64 MiB: the encoder must make a keyframe at each");
  return good;
}
