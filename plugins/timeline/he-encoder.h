/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "he-probe.h"

G_BEGIN_DECLS

/* What has to be known about encoders, in one table: pure knowledge, by the names of
 * GStreamer's elements and of the families that a description chooses from. Which of it
 * holds on a machine is found by probing (he-probe.h), never by versions. */

typedef enum { HE_VIDEO_H264, HE_VIDEO_H265 } HeVideoCodec;

/* What a setting is for. Of several settings with one role an encoder gets the first that
 * it has. */
typedef enum {
  HE_ROLE_END,
  HE_ROLE_KEYS,   /* a keyframe only when forced: no distance of its own … */
  HE_ROLE_SCENES, /* … and none where the scene changes */
  HE_ROLE_BITRATE,
  HE_ROLE_MAX_BITRATE,
  HE_ROLE_RATE_CONTROL,
  HE_ROLE_VBV,
  HE_ROLE_CAPPED, /* as good as HE_ROLE_QUALITY says where the rate allows it, only … */
  HE_ROLE_QUALITY, /* … for a request with a quality */
  HE_ROLE_PRESET,
  HE_ROLE_TUNE,
  HE_ROLE_B_FRAMES,
  HE_ROLE_LOW_DELAY, /* no delay by reordering */
  HE_ROLE_LOOKAHEAD,
  HE_ROLE_HEADERS, /* parameter sets with each keyframe */
  HE_ROLE_FORMAT,  /* start codes */
  HE_ROLE_AUD,     /* access unit delimiters */
  HE_ROLE_ENTROPY, /* with B-frames off, what makes a stream profile main */
  HE_ROLE_TRANSFORM,
  HE_ROLE_THREADS,
  HE_ROLE_SLICES,
} HeEncoderRole;

typedef struct {
  HeEncoderRole role;
  const char *property;
  /* As gst-launch takes it, with {kbit}, {bit}, {vbv-ms}, {vbv-kbit}, {vbv-start},
   * {quality}, {threads}, {lookahead} and {preset} in place of what a request says. */
  const char *value;
} HeEncoderSetting;

/* An element. */
typedef struct {
  const char *factory;
  /* Samples by which decoded sound lags behind the sound that went in, when each packet
   * keeps the encoder's own time stamp. */
  guint delay;
  const HeEncoderSetting *settings; /* ends with HE_ROLE_END; NULL: none */
  /* Options for its `option-string`, "key=value:key=value": those for HE_ROLE_KEYS, each
   * added unless given, and others that descriptions get, with {…} as above, {level} too;
   * an option that needs a level, a quality or a start is left out where there is none.
   */
  const char *options, *more_options;
  /* Video: what it takes, for 8 and for 10 bit (or NULL), and the memory in which it
   * prefers frames; each takes the system's. */
  const char *formats[2];
  HeMemory memory;
  gboolean pins_level; /* caps behind it decide the level that it writes */
} HeEncoder;

const HeEncoder *he_encoder_find (const char *factory); /* NULL: unknown */

/* The first setting of a role that the element has, or NULL. */
const HeEncoderSetting *
he_encoder_setting (const HeEncoder *encoder, HeEncoderRole role, const HeProbe *probe);

/* A preset, and what elements call it: the first that the element has. */
typedef struct {
  const char *name;
  const char *values[3];
  guint lookahead; /* pictures that it looks ahead by itself, where requests may say so */
  /* Million pixels a second that one thread of one core encodes, where its output then
   * follows from its input alone; 0: it does not, or not quietly. */
  guint speed;
} HeEncoderPreset;

/* What a description can name as "encoder". */
typedef struct {
  const char *name; /* "nvenc-h265" */
  HeVideoCodec codec;
  /* NULL-terminated, in order of preference; none: the source's own stream is copied. */
  const char *const *factories;
  const HeEncoderPreset *presets; /* ends with name NULL */
  const char *preset;             /* the one where nothing is said */
  /* Frames after which it places a keyframe though none was asked for; 0: never. */
  guint longest;
} HeEncoderFamily;

const HeEncoderFamily *he_encoder_family (const char *name); /* NULL: unknown */
const char *const *he_encoder_family_names (void);           /* NULL-terminated */
/* Whether one of its elements takes frames of this depth (8, 10), if not every one does
 * on every machine. */
gboolean he_encoder_family_takes (const HeEncoderFamily *family, guint depth);
guint he_encoder_family_speed (const HeEncoderFamily *family, const char *preset);
/* Names of its presets, NULL-terminated; free the array alone. */
const char **he_encoder_family_presets (const HeEncoderFamily *family);

/* What an encoder shall do. */
typedef struct {
  guint kbits;        /* kbit/s, constant */
  guint vbv_ms;       /* of that rate, in the rate buffer */
  guint vbv_start;    /* kbit that it holds at the start; 0: the encoder's own guess */
  guint quality;      /* not better than this quantiser, where it can; 0: no bound */
  guint threads;      /* where it works on CPUs */
  guint lookahead;    /* pictures at least, where it can */
  guint depth;        /* bits, 8 or 10 */
  const char *preset; /* of the family */
  const char *level;  /* as caps write it ("3.1"), or NULL */
} HeEncoderRequest;

/* The family's element on this machine. HE_ERROR_UNAVAILABLE names those that would do
 * and what they need. */
const HeEncoder *he_encoder_choose (const HeEncoderFamily *family, guint depth,
                                    const HeProbe *probe, GError **error);

/* The bin description for segmentencoder: the element, every setting that it has, and
 * caps for what comes out. HE_ERROR_UNAVAILABLE: it lacks a property that cannot be left
 * out (bit rate, keyframes, preset). */
char *he_encoder_describe (const HeEncoderFamily *family, const HeEncoder *encoder,
                           const HeEncoderRequest *request, const HeProbe *probe,
                           GError **error);

/* FALSE with HE_ERROR_UNAVAILABLE where the element is there and still cannot work:
 * NVENC of GStreamer 1.22 asks for presets that NVIDIA's drivers have dropped. */
gboolean
he_encoder_check_driver (const HeEncoder *encoder, const HeProbe *probe, GError **error);

/* `given` (NULL or empty allowed) plus those options of `wanted` whose keys it lacks. */
char *he_encoder_merge_options (const char *given, const char *wanted);

/* Turns a delay into whole frames of 1024 samples: feed ret_prefill samples of silence
 * first, drop the first ret_frames packets, then packet n holds what frame n was. */
void he_encoder_delay (guint delay, guint *ret_prefill, guint *ret_frames);

/* Frames of sound ahead of a segment that its own encoder hears first: its state, and so
 * the first packet, then hardly differ from those of one that heard all. */
#define HE_ENCODER_PREROLL 2

G_END_DECLS
