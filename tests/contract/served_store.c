/* SPDX-License-Identifier: Apache-2.0 */
#include "served_store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "util/cleanup.h"

struct bucket_options served_options;

static struct server *server;

void served_setup(void)
{
	server = server_start(NULL);
	if (conn_library_init() < 0)
		exit(99);
}

void served_teardown(void)
{
	conn_library_done();
	server_free(server);
}

struct store *served_open(void)
{
	const struct conn_config cfg = {.servers = server_url(server),
					.name = "natsobj test",
					.connect_timeout_ms = 5000,
					.timeout_ms = 5000};
	struct bucket_options opts = served_options;
	_cleanup_free_ char *why = NULL;
	struct store *s = NULL;
	int err;

	opts.want_create = true;
	err = bucket_open(&cfg, "contract", &opts, &s, &why);
	ck_assert_msg(!err, "%s: %s", why ? why : "?", strerror(-err));
	return s;
}
