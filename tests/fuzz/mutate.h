/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_MUTATE_H
#define NATSOBJ_TESTS_MUTATE_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs the target on the input cut at every length, with every byte changed in a few ways, and with
 * pieces of another input in it. input is changed and restored. */
void mutate(char *input, size_t len, const char *other, size_t other_len);

#endif
