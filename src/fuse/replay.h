/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_REPLAY_H
#define NATSOBJ_FUSE_REPLAY_H

/*
 * Changes of others as events for inotify(7). The kernel makes events of the calls of local
 * processes only, so a helper process makes, on our own mount, the calls that would have made the
 * change here. The handlers know it by its number and answer its calls without doing anything: what
 * it asks for has been done. The kernel believes them and emits the events.
 *
 * The helper is a process, forked before the daemon has a thread or /dev/fuse: a thread of the
 * daemon that waits for the daemon could keep it from dying. It makes one call at a time, and only
 * calls that fit the change under way are answered; so it can harm nothing, whatever it does.
 *
 * Watches are not told to file systems. They keep their directory in the kernel's memory, though,
 * so changes in directories that the kernel does not know cost nothing.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuse/compat.h"

#include "fs/fs.h"
#include "fuse/notify.h"
#include "util/cleanup.h"

struct replay_helper {
	int fd;	   /* the daemon's end; -1 without a helper */
	pid_t pid; /* of the helper */
};

#define REPLAY_HELPER_NONE ((struct replay_helper){.fd = -1})

/* Forks. Returns in the daemon only. 0 or -errno. */
int replay_helper_start(struct replay_helper *h) MUST_CHECK;
/* Kills it and, once nothing can hold it, waits for its end. Harmless without one. */
void replay_helper_kill(struct replay_helper *h);
void replay_helper_reap(struct replay_helper *h);

struct replay;

/* Starts the thread that has changes played by helper, on the mount at dir, which has the device
 * number dev: nothing else is ever touched there. */
int replay_new(struct replay_helper *helper, const char *dir, dev_t dev, struct notify *notify,
	       struct replay **ret) MUST_CHECK;
/* Nothing is played any more; does not wait. NULL is harmless. */
void replay_stop(struct replay *r);
/* After the mount is gone. NULL is harmless. */
void replay_free(struct replay *r);
/* For fs_listener.changed: queues. The queue is bounded; what does not fit becomes one event of the
 * directory. */
void replay_change(void *arg, const struct fs_change *c);

/* Puts handlers that know the helper before the ordinary ones. */
void replay_wrap(struct fuse_lowlevel_ops *ops);

/* What the helper may do at the moment with a name in a directory. */
enum replay_role {
	REPLAY_NONE, /* nothing special */
	REPLAY_NEW,  /* make it: it is absent for the helper */
	REPLAY_OLD,  /* remove it or move it: it is there for the helper */
};

/* ret_mode: type of what has the name. */
enum replay_role replay_role(struct replay *r, uint64_t parent, const char *name, mode_t *ret_mode);
bool replay_is_helper(const struct replay *r, fuse_req_t req);

/* --- between daemon and helper --- */

#define REPLAY_PATH_MAX 4096
#define REPLAY_NAME_MAX 256

struct replay_command {
	enum fs_change_kind kind;
	mode_t mode;
	uint64_t size;
	dev_t dev;		    /* of the mount */
	char root[REPLAY_PATH_MAX]; /* of the mount */
	char dir[REPLAY_PATH_MAX], name[REPLAY_NAME_MAX];
	char old_dir[REPLAY_PATH_MAX], old_name[REPLAY_NAME_MAX];
};

/* Makes the calls: 0 or -errno. In the helper. */
int replay_play(const struct replay_command *c) MUST_CHECK;

#endif
