/* SPDX-License-Identifier: Apache-2.0 */

/* Lock records of other hosts: whatever they say, parsing must not crash, and what was understood
 * must come out of the written form unchanged. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/lock_table.h"
#include "seeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const fuzz_seeds[] = {
	("natsobj-locks 1 a/file\n"
	 "held posix shared 0123456789abcdefghijkl 17 4711 0 9\n"
	 "held posix exclusive 0123456789abcdefghijkm 3 1 20 29\n"
	 "wait posix exclusive 0123456789abcdefghijkm 3 1 5 24 1 2\n"),
	("natsobj-locks 1 x\n"
	 "held flock exclusive 0123456789abcdefghijkl 1 2 0 9223372036854775807\n"
	 "wait flock shared 0123456789abcdefghijkn 9 9 0 9223372036854775807 3 4\n"),
	"natsobj-locks 1 \n",
};
const size_t fuzz_n_seeds = sizeof(fuzz_seeds) / sizeof(fuzz_seeds[0]);

static void must(int is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first _cleanup_buf_ = {0};
	struct buf second _cleanup_buf_ = {0};
	struct lock_table t, again;

	if (lock_table_parse((const char *)data, size, &t) < 0)
		return 0;
	buf_init(&first, 1 << 20);
	buf_init(&second, 1 << 20);
	must(lock_table_format(&t, "name", &first) == 0, "not written");
	must(lock_table_parse(first.data, first.len, &again) == 0, "not read again");
	must(lock_table_format(&again, "name", &second) == 0, "not written again");
	must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0,
	     "the second form is another one");
	lock_table_done(&t);
	lock_table_done(&again);
	return 0;
}
