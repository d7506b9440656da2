/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_COMPAT_H
#define NATSOBJ_FUSE_COMPAT_H

/* The one place that knows versions of libfuse (3.14 is the oldest). */

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

/* Before 3.17 some capabilities are not asked for although they are wanted: see init_reply.h. */
#define COMPAT_FORGETS_WANTED (FUSE_VERSION < FUSE_MAKE_VERSION(3, 17))

#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
#define COMPAT_HANDLE_KILLPRIV_V2 FUSE_CAP_HANDLE_KILLPRIV_V2
#else
#define COMPAT_HANDLE_KILLPRIV_V2 0
#endif

/* Since 3.17. */
#ifdef FUSE_CAP_PASSTHROUGH
#define COMPAT_HAS_PASSTHROUGH 1
#else
#define COMPAT_HAS_PASSTHROUGH 0
#endif

/* What the kernel is to read an open file from; 0: it asks. */
static inline void compat_set_backing(struct fuse_file_info *fi, int id)
{
#if COMPAT_HAS_PASSTHROUGH
	fi->backing_id = id;
#else
	(void)fi;
	(void)id;
#endif
}

/* Asks for a capability if the kernel has it. */
static inline void compat_want(struct fuse_conn_info *conn, unsigned cap)
{
	if (conn->capable & cap)
		conn->want |= cap;
}

static inline void compat_refuse(struct fuse_conn_info *conn, unsigned cap)
{
	conn->want &= ~cap;
}

#endif
