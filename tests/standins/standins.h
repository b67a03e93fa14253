/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Stand-ins for elements that exist only where a GPU is: with the names, properties and
 * caps that the real ones have (records.c says where they were read), and no GPU. Frames
 * "in CUDA memory" are opaque: whoever maps one fails. Encoders put out one canned
 * picture over and over, a keyframe where it is forced or their distance between
 * keyframes ends. */

typedef enum {
  STANDIN_BOOLEAN,
  STANDIN_INT,
  STANDIN_UINT,
  STANDIN_DOUBLE,
  STANDIN_ENUM,
} StandinType;

typedef struct {
  const char *name;
  StandinType type;
  const char *value; /* the default */
  double min, max;
  const char *nicks; /* separated by spaces */
} StandinProperty;

typedef enum {
  STANDIN_ENCODER,
  STANDIN_DECODER,
  STANDIN_SCALER,
  STANDIN_COPIER /* from memory to memory */
} StandinKind;

typedef struct {
  const char *sets; /* of standins_install(), separated by spaces */
  const char *factory;
  StandinKind kind;
  const char *sink, *src;               /* caps */
  const StandinProperty *properties[2]; /* tables that end with name NULL */
} StandinRecord;

extern const StandinRecord standin_records[]; /* ends with factory NULL */

/* Registers the stand-ins of a set, and takes those of another back: "old" (nvh264enc of
 * GStreamer 1.22 alone), "1.22", "1.26", "va", "qsv". What is really there of the set
 * goes: a GPU that cannot encode has decoders and scalers, which would read frames. */
void standins_install (const char *set);

/* Whether one of the set's encoders is really there. */
gboolean standins_real (const char *set);

/* Registers a set, or all of it but its encoders, so that it passes for real. */
void standins_pose (const char *set, gboolean encoders);

/* Where their properties live: adds those of a record to a class that has none yet, and
 * gives an instance its defaults. */
void standin_properties_install (GObjectClass *klass, const StandinRecord *record);

/* Types of the kinds, for a record each. */
GType standin_encoder_type (const StandinRecord *record, const char *name);
GType standin_decoder_type (const StandinRecord *record, const char *name);
GType standin_transform_type (const StandinRecord *record, const char *name);

/* The record of an instance, or of its class. */
const StandinRecord *standin_record (gpointer klass);
void standin_set_record (gpointer klass, const StandinRecord *record);
void standin_add_pads (GstElementClass *klass, const StandinRecord *record);

/* A frame in memory of which nothing can be read; times are those of like. */
GstBuffer *standin_cuda_frame (GstBuffer *like);
gboolean standin_is_cuda_frame (GstBuffer *buffer);

G_END_DECLS
