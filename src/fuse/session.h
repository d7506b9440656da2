/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_SESSION_H
#define NATSOBJ_FUSE_SESSION_H

/* One mount from mount(2) to its end. */

#include <stdbool.h>
#include <stdint.h>

#include "fs/fs.h"
#include "util/cleanup.h"

struct share_source;
struct store;
struct replay_helper;

struct session_config {
	const char *dir;    /* absolute */
	const char *source; /* shown as the file system's name; no credentials */
	const char
		*kernel_options; /* further mount options, such as "nosuid,nodev,ro"; may be "" */
	bool is_debug;
	bool has_acl;	      /* as the file system's */
	bool has_locks;	      /* the file system keeps them (fs_use_locks), not the kernel */
	bool has_passthrough; /* the kernel may read cached files by itself, if it can */
	uint64_t drain_timeout_ms;
	const struct share_source *buckets; /* fs is the directory of these; NULL: it is one */
	struct replay_helper *replay;	    /* makes events of the changes of others; or NULL */
	/* It is mounted, with this device number, and answers nothing yet. May be NULL. */
	void (*on_mounted)(void *arg, dev_t dev);
	/* It is not mounted any more, before what is unsaved is stored or after. May be called
	 * again. May be NULL. */
	void (*on_unmounted)(void *arg);
	/* The kernel has got an answer: the mount works. On a loop thread. */
	void (*on_ready)(void *arg);
	void *on_ready_arg; /* of all */
};

/*
 * Mounts, serves until unmounted or told to stop by TERM, INT or HUP, stores what is unsaved and
 * unmounts. The calling thread is the one that takes the signals. Does not take over fs. Returns
 * the number of files that could not be stored, or -errno when the mount could not be made;
 * *ret_why (freed by the caller) then says why, as a clause.
 */
int session_run(struct fs *fs, struct store *store, const struct session_config *cfg,
		char **ret_why) MUST_CHECK;

#endif
