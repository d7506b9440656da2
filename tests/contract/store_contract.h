/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_STORE_CONTRACT_H
#define NATSOBJ_TESTS_CONTRACT_STORE_CONTRACT_H

/*
 * What objstore/store.h promises, as tests that know no implementation. Whoever runs them says how
 * to get at an empty bucket.
 */

#include <check.h>

#include "objstore/store.h"

/* Chunks of the buckets under test. */
#define CONTRACT_CHUNK 1024
#define CONTRACT_DEPTH 3

struct store_maker {
	/* Makes an empty bucket; runs before each test. */
	void (*setup)(void);
	void (*teardown)(void);
	/* Another store on that bucket. */
	struct store *(*open)(void);
	/* Its objects are content and nothing else (store.h, is_plain). */
	bool is_plain;
	/* The bucket keeps CONTRACT_DEPTH versions of each name. */
	bool keeps_versions;
};

/* Runs everything; the exit status of main. */
int store_contract_run(const char *name, const struct store_maker *maker);

#endif
