/* SPDX-License-Identifier: Apache-2.0 */

/* The store on a nats-server keeps the contract. */

#include "served_store.h"
#include "store_contract.h"

int main(void)
{
	const struct store_maker maker = {
		.setup = served_setup, .teardown = served_teardown, .open = served_open};

	served_options.chunk_size = CONTRACT_CHUNK;
	return store_contract_run("store_real", &maker);
}
