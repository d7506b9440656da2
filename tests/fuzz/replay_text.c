/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a fuzz target without a fuzzer: over mutations of the texts that it calls typical. */

#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "seeds.h"
#include "util/cleanup.h"

int main(void)
{
	for (size_t i = 0; i < fuzz_n_seeds; i++) {
		const char *other = fuzz_seeds[(i + 1) % fuzz_n_seeds];
		_cleanup_free_ char *input = strdup(fuzz_seeds[i]);

		if (!input)
			return 99;
		mutate(input, strlen(input), other, strlen(other));
	}
	return EXIT_SUCCESS;
}
