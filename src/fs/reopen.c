/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/reopen.h"

#include "util/clock.h"

/* The kernel comes back at once, unless the thread does not run. */
#define RETURN_NS (5 * (uint64_t)NS_PER_SEC)

void reopen_note(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	r->slots[slot].tid = tid;
	r->slots[slot].seq = seq;
	r->slots[slot].ino = ino;
	r->slots[slot].until_ns = clock_now_ns() + RETURN_NS;
}

bool reopen_take(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;
	bool is_back = tid > 0 && r->slots[slot].tid == tid && r->slots[slot].ino == ino &&
		       seq >= r->slots[slot].seq && r->slots[slot].until_ns > clock_now_ns();

	reopen_forget(r, tid);
	return is_back;
}

void reopen_forget(struct reopen *r, pid_t tid)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	if (r->slots[slot].tid == tid)
		r->slots[slot].tid = 0;
}
