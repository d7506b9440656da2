/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_CONN_FIXTURE_H
#define NATSOBJ_TESTS_CONTRACT_CONN_FIXTURE_H

/* What the tests of connections and requests share. All of these fail the test when what they do
 * does not work. */

#include <check.h>
#include <stdint.h>

#include "objstore/rpc.h"

#define TIMEOUT_MS 2500
#define ANY_ERROR 1

/* Settings for servers, a list as in rpc_open, with short time-outs. */
struct conn_config config(const char *servers);
struct rpc *open_rpc(const char *url, enum conn_kind kind);
/* Opening must fail with expected (ANY_ERROR: any), within limit_ms, and say why without secrets.
 */
void assert_open_fails(const struct conn_config *cfg, int expected, uint64_t limit_ms);

/* A request with data as its payload, or none; the result of rpc_call. */
int call(struct rpc *r, const char *subject, const char *data, int64_t timeout_ms,
	 natsMsg **ret_msg);
/* The connection answers a request with what belongs to it. */
void assert_info_works(struct rpc *r);

/* A case in which the library is ready for each test. */
TCase *make_case(const char *name);

#endif
