/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_VECTORS_H
#define NATSOBJ_TESTS_VECTORS_H

/* The byte-exact examples of tests/vectors; VECTORS_DIR comes from the build. */

#include <cjson/cJSON.h>
#include <stddef.h>

/* The member key of a file, for example names.json. Exits when it cannot be read. */
cJSON *vectors_load(const char *file, const char *key);
/* A string of an example, NULL when absent or null. */
const char *vectors_string(const cJSON *example, const char *key);
/* Bytes from hex text, NUL-terminated; the caller frees. */
char *vectors_unhex(const char *hex, size_t *ret_len);

#endif
