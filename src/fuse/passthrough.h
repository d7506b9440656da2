/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_PASSTHROUGH_H
#define NATSOBJ_FUSE_PASSTHROUGH_H

/*
 * Files that the kernel reads by itself (fs/backing.h), where both it (6.9) and libfuse (3.17) can.
 * It takes CAP_SYS_ADMIN. Files on an overlay are not taken, so that an overlay can lie on the
 * mount.
 */

#include "fs/fs.h"
#include "fuse/compat.h"
#include "util/cleanup.h"

/* Asks the kernel for it. False: it cannot. */
bool passthrough_want(struct fuse_conn_info *conn) MUST_CHECK;
/* For fs_set_backing. se must outlive the file system's handles. */
struct fs_backing passthrough_backing(struct fuse_session *se);
/* Answers an open or creation: how the kernel is to read h. */
void passthrough_fill(struct fuse_file_info *fi, const struct fs_handle *h, bool keep_cache);

#endif
