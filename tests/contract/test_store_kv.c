/* SPDX-License-Identifier: Apache-2.0 */

/* The store of a key-value bucket on a nats-server keeps the contract. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/bucket.h"
#include "server.h"
#include "store_contract.h"

static struct server *server;
static uint32_t depth;

static void setup(void)
{
	server = server_start(NULL);
	if (conn_library_init() < 0)
		exit(99);
}

static void teardown(void)
{
	conn_library_done();
	server_free(server);
}

static struct store *open_store(void)
{
	const struct conn_config cfg = {.servers = server_url(server),
					.name = "natsobj test",
					.connect_timeout_ms = 5000,
					.timeout_ms = 5000};
	const struct bucket_options opts = {.want_create = true,
					    .chunk_size = CONTRACT_CHUNK,
					    .kv_separator = '/',
					    .kv_history = depth};
	_cleanup_free_ char *why = NULL;
	struct store *s = NULL;
	int err = bucket_open(&cfg, "contract", &opts, &s, &why);

	ck_assert_msg(!err, "%s: %s", why ? why : "?", strerror(-err));
	return s;
}

int main(void)
{
	struct store_maker maker = {
		.setup = setup, .teardown = teardown, .open = open_store, .is_plain = true};
	int failed = store_contract_run("store_kv", &maker);

	depth = CONTRACT_DEPTH;
	maker.keeps_versions = true;
	return store_contract_run("store_kv_history", &maker) == EXIT_SUCCESS ? failed
									      : EXIT_FAILURE;
}
