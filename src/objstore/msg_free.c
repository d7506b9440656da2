/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/msg_free.h"

#include <stdatomic.h>

#define SMALL_MAX 4096
#define LARGE_MAX (256 * 1024)
/* So what is kept takes little: 512 KiB of small ones at the very most and a few chunks. */
#define N_SMALL 128
#define N_LARGE 8

/* A slot belongs to whoever exchanges it, so no lock is needed. */
struct bin {
	_Atomic(natsMsg *) slots[N_SMALL];
	atomic_uint n;
	unsigned size;
};

static struct bin small = {.size = N_SMALL}, large = {.size = N_LARGE};

static void empty(struct bin *b)
{
	for (unsigned i = 0; i < b->size; i++)
		natsMsg_Destroy(atomic_exchange(&b->slots[i], NULL));
}

void msg_free(natsMsg *msg)
{
	int len = msg ? natsMsg_GetDataLength(msg) : LARGE_MAX + 1;
	struct bin *b = len <= SMALL_MAX ? &small : &large;
	unsigned i;

	if (len > LARGE_MAX) {
		natsMsg_Destroy(msg);
		return;
	}
	i = atomic_fetch_add(&b->n, 1) % b->size;
	natsMsg_Destroy(atomic_exchange(&b->slots[i], msg));
	if (i + 1 == b->size)
		empty(b);
}

void msg_free_kept(void)
{
	empty(&small);
	empty(&large);
}
