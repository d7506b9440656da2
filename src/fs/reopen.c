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

enum reopen_try reopen_take(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;
	bool is_second = tid > 0 && r->slots[slot].tid == tid && r->slots[slot].ino == ino &&
			 r->slots[slot].until_ns > clock_now_ns();
	uint64_t wanted = r->slots[slot].seq;

	reopen_forget(r, tid);
	if (!is_second)
		return REOPEN_FIRST;
	return seq >= wanted ? REOPEN_BACK : REOPEN_BEHIND;
}

void reopen_forget(struct reopen *r, pid_t tid)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	if (r->slots[slot].tid == tid)
		r->slots[slot].tid = 0;
}
