/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_REOPEN_H
#define NATSOBJ_FS_REOPEN_H

/*
 * An open of a version that was replaced is answered ESTALE, and the kernel looks the name up and
 * opens once more; a second ESTALE goes to the program. Under a name that others replace all the
 * time the second attempt may be too late as well. So the leader is asked when a thread that was
 * sent back looks up a file. What the name has then or later was the newest after the program had
 * called open, which is all that is promised, and is opened, whatever has happened to it since.
 * What replaces it has a higher sequence, also when it was another file with another number before.
 * This remembers who was sent back from where, and what he was told. Whoever opens without having
 * looked the name up again was sent back by an earlier call.
 *
 * A lookup in a directory that is gone is answered ESTALE as well, for the kernel to look its path
 * up again. Who comes back to the very directory came by way of a descriptor, or works in it, and
 * is told what a local disk would say: two `rm -r` of one tree pass over what is gone.
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
		bool is_told; /* that seq was the newest version */
		uint64_t ino;
		uint64_t seq;
		uint64_t until_ns;
	} slots[REOPEN_SLOTS];
	struct {
		pid_t tid;
		uint64_t ino;
		uint64_t until_ns;
	} dirs[REOPEN_SLOTS];
};

/* A thread is sent back from the inode. */
void reopen_note(struct reopen *r, pid_t tid, uint64_t ino);
/* The thread looks the name of a file up. Whether it was sent back, and has not been told anything
 * since. (One without a number, as those of other process namespaces may be: from this inode.) */
bool reopen_must_tell(struct reopen *r, pid_t tid, uint64_t ino);
/* What the leader has of that file is this version. */
void reopen_tell(struct reopen *r, pid_t tid, uint64_t seq);
/* The thread has found nothing. */
void reopen_end(struct reopen *r, pid_t tid);

/* What an open is to the one before it by the same thread. */
enum reopen_try {
	REOPEN_FIRST,
	REOPEN_AGAIN, /* perhaps the second try, by way of a descriptor */
	REOPEN_BACK, /* the second try, with a version that is not older than the thread was told */
};

/* Whatever the thread opens now, it is not sent back any more. */
enum reopen_try reopen_take(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq);

/* The thread looks something up in a directory that is gone: -ESTALE, or -ENOENT for who was sent
 * back from there and has come again. */
int reopen_why_gone(struct reopen *r, pid_t tid, uint64_t ino);

#endif
