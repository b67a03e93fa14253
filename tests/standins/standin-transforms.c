/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standins.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>
#include <string.h>

/* Scalers and what copies frames to a GPU's memory and back. */

typedef struct {
  GstBaseTransform parent;
  gboolean cuda; /* what comes out */
  gsize size;
} StandinTransform;

typedef struct {
  GstBaseTransformClass parent;
} StandinTransformClass;

static void
append (GstCaps *caps, const GstStructure *structure, const char *feature)
{
  GstCaps *one = gst_caps_new_full (gst_structure_copy (structure), NULL);

  if (feature != NULL)
    gst_caps_set_features (one, 0, gst_caps_features_new (feature, NULL));
  gst_caps_append (caps, one);
}

static GstCaps *
transform_caps (GstBaseTransform *self, GstPadDirection direction, GstCaps *caps,
                GstCaps *filter)
{
  const StandinRecord *record = standin_record (G_OBJECT_GET_CLASS (self));
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    g_autoptr (GstStructure) structure
        = gst_structure_copy (gst_caps_get_structure (caps, i));

    if (record->kind == STANDIN_SCALER) {
      gst_structure_set (structure, "width", GST_TYPE_INT_RANGE, 1, G_MAXINT, "height",
                         GST_TYPE_INT_RANGE, 1, G_MAXINT, NULL);
      gst_structure_remove_field (structure, "pixel-aspect-ratio");
      if (strcmp (record->factory, "cudaconvertscale") == 0)
        gst_structure_remove_field (structure, "format");
      append (result, structure, "memory:CUDAMemory");
    } else {
      append (result, structure, "memory:CUDAMemory");
      append (result, structure, NULL);
    }
  }
  if (filter != NULL) {
    GstCaps *both = gst_caps_intersect_full (filter, result, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = both;
  }
  return result;
}

static gboolean
set_caps (GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
  StandinTransform *self = (StandinTransform *)base;
  GstVideoInfo info;

  self->cuda
      = gst_caps_features_contains (gst_caps_get_features (out, 0), "memory:CUDAMemory");
  if (!gst_video_info_from_caps (&info, out))
    return FALSE;
  self->size = info.size;
  return TRUE;
}

static GstFlowReturn
prepare_output_buffer (GstBaseTransform *base, GstBuffer *in, GstBuffer **out)
{
  StandinTransform *self = (StandinTransform *)base;

  if (gst_base_transform_is_passthrough (base)) {
    *out = in;
    return GST_FLOW_OK;
  }
  if (self->cuda) {
    *out = standin_cuda_frame (in);
    return GST_FLOW_OK;
  }
  *out = gst_buffer_new_allocate (NULL, self->size, NULL);
  gst_buffer_memset (*out, 0, 0x80, self->size);
  gst_buffer_copy_into (*out, in, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0,
                        -1);
  return GST_FLOW_OK;
}

static GstFlowReturn
transform (GstBaseTransform *self, GstBuffer *in, GstBuffer *out)
{
  return GST_FLOW_OK;
}

static gboolean
decide_allocation (GstBaseTransform *self, GstQuery *query)
{
  return TRUE;
}

static void
transform_class_init (gpointer klass, gpointer data)
{
  GstBaseTransformClass *transform_class = klass;

  standin_set_record (klass, data);
  standin_add_pads (klass, data);
  standin_properties_install (klass, data);
  transform_class->passthrough_on_same_caps = TRUE;
  transform_class->transform_caps = transform_caps;
  transform_class->set_caps = set_caps;
  transform_class->prepare_output_buffer = prepare_output_buffer;
  transform_class->transform = transform;
  transform_class->decide_allocation = decide_allocation;
}

GType
standin_transform_type (const StandinRecord *record, const char *name)
{
  const GTypeInfo info = {
    .class_size = sizeof (StandinTransformClass),
    .instance_size = sizeof (StandinTransform),
    .class_init = transform_class_init,
    .class_data = record,
  };

  return g_type_register_static (GST_TYPE_BASE_TRANSFORM, name, &info, 0);
}
