/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_INIT_REPLY_H
#define NATSOBJ_FUSE_INIT_REPLY_H

/*
 * libfuse before 3.17 shows FUSE_CAP_PARALLEL_DIROPS in fuse_conn_info.want but never sends it
 * (libfuse #861), so the kernel lets one lookup at a time into a directory. Here the flag is added
 * to the answer of FUSE_INIT on its way out, when the kernel offered it. Newer libfuse needs no
 * help.
 */

#include "fuse/compat.h"

/* To be called between fuse_session_mount and the loop. 0, or -errno: then nothing has changed and
 * the session works as libfuse has it. */
int init_reply_install(struct fuse_session *se);

#endif
