/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_SEEDS_H
#define NATSOBJ_TESTS_SEEDS_H

#include <stddef.h>

/* Typical inputs of a target, for replay_text. */
extern const char *const fuzz_seeds[];
extern const size_t fuzz_n_seeds;

#endif
