/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/absent.h"

#include "util/clock.h"
#include "util/hash.h"

/* The kernel goes on at once; this is for a busy machine. */
#define BELIEVED_NS (100 * (uint64_t)NS_PER_MS)

void absent_note(struct absent *a, const char *name, size_t len, uint64_t seq)
{
	uint64_t hash = hash_bytes(name, len);
	size_t slot = hash % ABSENT_SLOTS;

	a->slots[slot].hash = hash;
	a->slots[slot].seq = seq;
	a->slots[slot].until_ns = clock_now_ns() + BELIEVED_NS;
}

bool absent_take(struct absent *a, const char *name, size_t len, uint64_t *ret_seq)
{
	uint64_t hash = hash_bytes(name, len);
	size_t slot = hash % ABSENT_SLOTS;
	bool is_absent = a->slots[slot].hash == hash && a->slots[slot].until_ns > clock_now_ns();

	if (is_absent)
		a->slots[slot].until_ns = 0;
	*ret_seq = is_absent ? a->slots[slot].seq : 0;
	return is_absent;
}
