/* SPDX-License-Identifier: Apache-2.0 */

/* The store of a key-value bucket on a nats-server keeps the contract. */

#include <stdlib.h>

#include "served_store.h"
#include "store_contract.h"

int main(void)
{
	struct store_maker maker = {.setup = served_setup,
				    .teardown = served_teardown,
				    .open = served_open,
				    .is_plain = true};
	int failed;

	served_options.chunk_size = CONTRACT_CHUNK;
	served_options.kv_separator = '/';
	failed = store_contract_run("store_kv", &maker);
	served_options.kv_history = CONTRACT_DEPTH;
	maker.keeps_versions = true;
	return store_contract_run("store_kv_history", &maker) == EXIT_SUCCESS ? failed
									      : EXIT_FAILURE;
}
