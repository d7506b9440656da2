/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

static void try(const char *data, size_t len)
{
	/* An allocation of its own lets a sanitizer see the end. */
	_cleanup_free_ uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		exit(99);
	memcpy(copy, data, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
}

void mutate(char *input, size_t len, const char *other, size_t other_len)
{
	static const char bytes[] = {0,	  '"', '\\', '{',  '}',	       '-',	  '9',
				     '%', '=', ' ',  '\n', (char)0xff, (char)0xc0};

	for (size_t i = 0; i <= len; i++)
		try(input, i);
	for (size_t i = 0; i < len; i++) {
		char saved = input[i];

		for (size_t j = 0; j < sizeof(bytes); j++) {
			input[i] = bytes[j];
			try(input, len);
		}
		input[i] = saved;
	}
	for (size_t i = 0; i + 8 < len && i + 8 < other_len; i += 5) {
		char saved[8];

		memcpy(saved, input + i, sizeof(saved));
		memcpy(input + i, other + other_len - i - 8, sizeof(saved));
		try(input, len);
		memcpy(input + i, saved, sizeof(saved));
	}
}
