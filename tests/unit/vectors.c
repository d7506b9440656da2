/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define FILE_MAX (1 << 20)

cJSON *vectors_load(const char *file, const char *key)
{
	_cleanup_free_ char *text = malloc(FILE_MAX);
	_cleanup_free_ char *path = NULL;
	cJSON *all, *ret;
	size_t len;
	FILE *f;

	if (!text || asprintf(&path, "%s/%s", VECTORS_DIR, file) < 0)
		exit(99);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(99);
	}
	len = fread(text, 1, FILE_MAX, f);
	fclose(f);
	all = cJSON_ParseWithLength(text, len);
	ret = cJSON_DetachItemFromObjectCaseSensitive(all, key);
	cJSON_Delete(all);
	if (!ret || cJSON_GetArraySize(ret) == 0) {
		fprintf(stderr, "no %s in %s\n", key, path);
		exit(99);
	}
	return ret;
}

const char *vectors_string(const cJSON *example, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(example, key));
}

char *vectors_unhex(const char *hex, size_t *ret_len)
{
	size_t len = strlen(hex) / 2;
	char *data = calloc(1, len + 1);

	for (size_t i = 0; data && i < len; i++) {
		const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		data[i] = (char)strtoul(digits, NULL, 16);
	}
	if (!data)
		exit(99);
	*ret_len = len;
	return data;
}
