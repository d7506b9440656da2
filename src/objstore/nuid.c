/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/random.h>

#include "objstore/info.h"

#define BASE 62
/* Bytes from here on would make the first digits likelier than the others. */
#define UNBIASED (256 / BASE * BASE)

void obj_nuid_new(char ret[OBJ_NUID_LEN + 1])
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char random[2 * OBJ_NUID_LEN];
	size_t n = 0;

	while (n < OBJ_NUID_LEN) {
		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
			abort();
		for (size_t i = 0; i < sizeof(random) && n < OBJ_NUID_LEN; i++)
			if (random[i] < UNBIASED)
				ret[n++] = digits[random[i] % BASE];
	}
	ret[n] = '\0';
}
