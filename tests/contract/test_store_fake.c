/* SPDX-License-Identifier: Apache-2.0 */

/* The bucket in memory keeps the contract, so that tests on it mean something. */

#include "fake_store.h"
#include "store_contract.h"

#include <stdlib.h>

static struct fake *bucket;

static void setup(void)
{
	bucket = fake_new(CONTRACT_CHUNK);
}

static void setup_plain(void)
{
	setup();
	fake_set_plain(bucket);
}

static void teardown(void)
{
	fake_free(bucket);
}

static void setup_history(void)
{
	setup();
	fake_set_history(bucket, CONTRACT_DEPTH);
}

static struct store *open_store(void)
{
	return fake_open(bucket);
}

int main(void)
{
	const struct store_maker maker = {.setup = setup, .teardown = teardown, .open = open_store};
	const struct store_maker plain = {
		.setup = setup_plain, .teardown = teardown, .open = open_store, .is_plain = true};
	const struct store_maker history = {.setup = setup_history,
					    .teardown = teardown,
					    .open = open_store,
					    .is_plain = true,
					    .keeps_versions = true};
	bool is_good = store_contract_run("store_fake", &maker) == EXIT_SUCCESS;

	is_good &= store_contract_run("store_fake_plain", &plain) == EXIT_SUCCESS;
	is_good &= store_contract_run("store_fake_history", &history) == EXIT_SUCCESS;
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
