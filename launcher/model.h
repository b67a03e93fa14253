/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a description says, with every default filled in. Plain structs; strings are owned
 * by the struct that holds them, paths are absolute. */

typedef struct {
  guint n, d;
} HeadendFraction;

typedef struct {
  char *name;
  guint width, height; /* pixels, even */
  HeadendFraction frame_rate;
  guint bitrate;        /* kbit/s */
  guint bit_depth;      /* 8 or 10 */
  char *encoder;        /* a name of he_encoder_family(), "copy" among them */
  char *preset;         /* one of its presets */
  gboolean closed_gops; /* of a source that is passed through */
} HeadendVideo;

typedef struct {
  char *name;
  guint track;   /* of the source, counted from 0 in the order of its PMT */
  guint bitrate; /* kbit/s */
  guint rate;    /* Hz */
  guint channels;
  char *encoder;  /* "aac" or "copy" */
  char *language; /* RFC 5646, or NULL */
} HeadendAudio;

typedef struct {
  char *name;
  char *source;             /* URI */
  char *backup;             /* of the same programme and timeline, or NULL */
  guint program;            /* of the transport stream; 0: the first */
  gboolean common_timeline; /* as described; see headend_model_channel_is_common() */
  guint64 duration90;       /* of a segment, 90 kHz ticks */
  guint window;             /* segments */
  gboolean encrypted;
  guint key_rotation; /* segments */
  guint key_version;
  char *tier;
  gboolean watermark;
  /* Each segment from a new encoder, so that nodes make the same bytes. While a
   * description is read: -1, nothing is said. */
  int identical;
  guint colluders;    /* that its codewords are made for */
  guint sparse;       /* variants differ in one segment of so many */
  char *payload;      /* 16 hex digits, marked instead of variants, or NULL; not to be shown */
  char *destination;  /* he-place.h, a folder absolute; NULL: none */
  char *credentials;  /* file, or NULL */
  char *key_uri;      /* or NULL */
  gboolean recording; /* "playlist": "vod" */
  GPtrArray *video;   /* HeadendVideo, at least one */
  GPtrArray *audio;   /* HeadendAudio */
} HeadendModelChannel;

typedef struct {
  char *name;
  char *listen, *internal; /* "ADDRESS:PORT" */
  char *gate;              /* Unix socket of its gate, absolute; NULL: none */
  char *state;             /* folder */
} HeadendNode;

/* Where the master secret comes from; exactly one is set. */
typedef struct {
  char *file;
  char *variable; /* of the environment */
} HeadendSecretSource;

typedef struct {
  char *keys;       /* JWKS file */
  char *issuing_key; /* private key that nodes issue tokens with; NULL: they issue none */
  guint algorithms; /* HeTokenAlgorithms */
  char *issuer, *audience;
} HeadendTokens;

typedef struct {
  guint per_account;
  gboolean reject_newest; /* else evict-oldest */
  guint lease, length;    /* seconds */
  char **redis;             /* servers, tried in turn; NULL: in memory */
  char *redis_credentials;  /* file, or NULL */
  char *redis_master;       /* they are Sentinels: its name; or NULL */
  char *redis_authorities, *redis_certificate; /* PEM files, or NULL */
} HeadendSessions;

typedef struct {
  char **allowed_origins; /* of players in browsers, he_cors_origin_is_valid() */
  char *renewal_uri;         /* of the operator's authorizer; NULL: none */
  char *renewal_credentials; /* file, or NULL */
  guint renewal_timeout;     /* ms */
  gboolean renewal_ends;     /* leases, when it fails; else they go on */
  guint alarm_addresses, alarm_fetches; /* 0: none */
} HeadendGate;

typedef struct {
  char *listen;   /* NULL: no edge is described */
  char **trusted; /* addresses whose X-Forwarded-For the nodes believe */
} HeadendEdge;

typedef struct {
  char *file;   /* as given by the user, for messages */
  char *folder; /* absolute; relative paths start here */
  char *states; /* absolute; those of nodes' state start here: folder, or what the
                 * service manager's STATE_DIRECTORY names */
  HeadendSecretSource secret;
  HeadendTokens tokens;
  HeadendSessions sessions;
  HeadendGate gate;
  GPtrArray *nodes; /* HeadendNode, at least one */
  HeadendEdge edge;
  GPtrArray *channels; /* HeadendModelChannel, at least one */
} HeadendModel;

/* Everything at its default, no channels yet. folder may be relative. */
HeadendModel *headend_model_new (const char *file, const char *folder);
void headend_model_free (HeadendModel *model); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HeadendModel, headend_model_free)

HeadendVideo *headend_video_new (void);
void headend_video_free (HeadendVideo *video);
HeadendAudio *headend_audio_new (void);
void headend_audio_free (HeadendAudio *audio);
HeadendModelChannel *headend_model_channel_new (void);
void headend_model_channel_free (HeadendModelChannel *channel);
HeadendNode *headend_node_new (void);
void headend_node_free (HeadendNode *node);

/* NULL when there is none of that name. */
const HeadendNode *headend_model_node (const HeadendModel *model, const char *name);
const HeadendModelChannel *
headend_model_channel (const HeadendModel *model, const char *name);

/* The tracks of the source that its audio renditions need: 0 when it has none. */
guint headend_model_channel_tracks (const HeadendModelChannel *channel);

/* What its nodes shall agree in, as segmentencoder and people call it. */
const char *headend_agreement_name (const HeadendModelChannel *channel);

/* Whether each video rendition is there as a and b. */
gboolean headend_model_channel_has_variants (const HeadendModelChannel *channel);

/* Whether all nodes that take the source see the same timestamps, so that they can make
 * the same segments. */
gboolean headend_model_channel_is_common (const HeadendModelChannel *channel);

/* The source as it may be logged: without user, password and query, and an RTMP stream's
 * name. */
char *headend_source_display (const char *source);

G_END_DECLS
