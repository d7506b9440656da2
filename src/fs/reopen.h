/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_REOPEN_H
#define NATSOBJ_FS_REOPEN_H

/*
 * An open of a version that was replaced is answered ESTALE, and the kernel looks the name up and
 * opens once more; a second ESTALE goes to the program. Under a name that others replace all the
 * time the second attempt may be too late as well. What it found was the newest after the program
 * had called open, which is all that is promised, so that version is opened. This remembers who was
 * sent back.
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
		uint64_t until_ns;
	} slots[REOPEN_SLOTS];
};

/* A thread is sent back from the inode. */
void reopen_note(struct reopen *r, pid_t tid, uint64_t ino);
/* Whether it is back; true once. */
bool reopen_take(struct reopen *r, pid_t tid, uint64_t ino);

#endif
