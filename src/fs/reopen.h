/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_REOPEN_H
#define NATSOBJ_FS_REOPEN_H

/*
 * An open of a version that was replaced is answered ESTALE, and the kernel looks the name up and
 * opens once more; a second ESTALE goes to the program. Under a name that others replace all the
 * time the second attempt may be too late as well. If what it found is not older than what the
 * first one was told of, it was the newest at some time after the program had called open, which is
 * all that is promised, so that version is opened. This remembers who was sent back, and from what.
 *
 * The tree's lock protects everything.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define REOPEN_SLOTS 64

struct reopen {
	struct {
		pid_t tid;
		uint64_t ino;
		uint64_t seq;
		uint64_t until_ns;
	} slots[REOPEN_SLOTS];
};

/* A thread is sent back from the inode, of which there is a version with sequence seq. */
void reopen_note(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq);
/* What an open is to the one before it by the same thread. */
enum reopen_try {
	REOPEN_FIRST,
	REOPEN_BEHIND, /* the second try, which came to a version older than what it was sent for */
	REOPEN_BACK,   /* the second try, with a version that is not older */
};

/* Whatever the thread opens now, it is not sent back any more. */
enum reopen_try reopen_take(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq);
/* The thread has found that the name is gone: its next open is another one. */
void reopen_forget(struct reopen *r, pid_t tid);

#endif
