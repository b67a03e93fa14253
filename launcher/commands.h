/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The subcommands of headend. Each takes its own name as argv[0] and returns the
 * program's exit code: 0 done, 1 failed, 2 used wrongly. */
int headend_cmd_run (int argc, char **argv);
int headend_cmd_check (int argc, char **argv);
int headend_cmd_graph (int argc, char **argv);
int headend_cmd_token (int argc, char **argv);
/* Of `headend token`. */
int headend_cmd_token_revoke (int argc, char **argv);
int headend_cmd_token_watermark (int argc, char **argv);
int headend_cmd_edge (int argc, char **argv);
int headend_cmd_status (int argc, char **argv);
int headend_cmd_drill (int argc, char **argv);
int headend_cmd_load (int argc, char **argv);
int headend_cmd_trace (int argc, char **argv);
int headend_cmd_detect (int argc, char **argv);
/* Children of run, each with a job (job.h) on its standard input. */
int headend_cmd_origin (int argc, char **argv);
int headend_cmd_worker (int argc, char **argv);
/* A child of worker: whether a picture comes out of the segment, MPEG-TS in the clear, on its
 * standard input. "h264" or "h265" follows its name; what is wrong goes to standard error. */
int headend_cmd_decode (int argc, char **argv);
