/* SPDX-License-Identifier: Apache-2.0 */

/* Runs the fuzz target for metadata without a fuzzer: over mutations of every example payload. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "util/cleanup.h"
#include "vectors.h"

int main(void)
{
	cJSON *all = vectors_load("meta_examples.json", "examples");
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		const cJSON *next = e->next ? e->next : all->child;
		const char *other = vectors_string(next, "payload");
		_cleanup_free_ char *input = NULL;
		int len = asprintf(&input, "%s\n%s",
				   strrchr(vectors_string(e, "meta_subject"), '.') + 1,
				   vectors_string(e, "payload"));

		if (len < 0)
			exit(99);
		mutate(input, (size_t)len, other, strlen(other));
	}
	cJSON_Delete(all);
	return EXIT_SUCCESS;
}
