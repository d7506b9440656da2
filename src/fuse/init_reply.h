/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_INIT_REPLY_H
#define NATSOBJ_FUSE_INIT_REPLY_H

/*
 * Two flags of FUSE_INIT that libfuse before 3.17 cannot send. They are added to the answer on its
 * way out, when the kernel offered them; newer libfuse needs no help.
 *
 * FUSE_PARALLEL_DIROPS: shown in fuse_conn_info.want but never sent (libfuse #861), so that the
 * kernel lets one lookup at a time into a directory. FUSE_HANDLE_KILLPRIV_V2: this file system
 * takes set-user-ID, set-group-ID and security.capability away itself (fs_drop_privileges), so that
 * the kernel need not ask for the last before each write.
 */

#include "fuse/compat.h"

/* To be called between fuse_session_mount and the loop. 0, or -errno: then nothing has changed and
 * the session works as libfuse has it. */
int init_reply_install(struct fuse_session *se);

#endif
