/* SPDX-License-Identifier: Apache-2.0 */
#include "conn_fixture.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"

struct conn_config config(const char *servers)
{
	return (struct conn_config){.servers = servers,
				    .name = "natsobj test",
				    .connect_timeout_ms = 5000,
				    .timeout_ms = 5000};
}

static void setup(void)
{
	log_init("test_conn", LOG_LEVEL_ERROR);
	ck_assert_int_eq(conn_library_init(), 0);
}

static void teardown(void)
{
	conn_library_done();
}

struct rpc *open_rpc(const char *url, enum conn_kind kind)
{
	struct conn_config cfg = config(url);
	_cleanup_free_ char *why = NULL;
	struct rpc *r = NULL;
	int err = rpc_open(&cfg, kind, NULL, &r, &why);

	ck_assert_msg(err == 0, "%s: %d %s", url, err, why);
	ck_assert_ptr_nonnull(r);
	return r;
}

void assert_open_fails(const struct conn_config *cfg, int expected, uint64_t limit_ms)
{
	uint64_t start = clock_now_ns(), took_ms;
	_cleanup_free_ char *why = NULL;
	struct rpc *r = NULL;
	int err = rpc_open(cfg, CONN_CONTROL, NULL, &r, &why);

	took_ms = (clock_now_ns() - start) / NS_PER_MS;
	if (expected == ANY_ERROR)
		ck_assert_int_lt(err, 0);
	else
		ck_assert_msg(err == expected, "%d (%s), expected %d", err, why, expected);
	ck_assert_ptr_null(r);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(!strstr(why, "s3cr3t"), "%s", why);
	ck_assert_msg(took_ms < limit_ms, "took %lu ms", (unsigned long)took_ms);
}

int call(struct rpc *r, const char *subject, const char *data, int64_t timeout_ms,
	 natsMsg **ret_msg)
{
	struct rpc_request req = {.subject = subject,
				  .data = data,
				  .len = data ? strlen(data) : 0,
				  .deadline_ns = clock_deadline_ms(timeout_ms)};
	bool was_sent;

	return rpc_call(r, &req, ret_msg, &was_sent);
}

void assert_info_works(struct rpc *r)
{
	natsMsg *msg;
	int err = call(r, "$JS.API.INFO", NULL, 5000, &msg);

	ck_assert_int_eq(err, 0);
	ck_assert_ptr_nonnull(memmem(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
				     "account_info_response", 21));
	ck_assert_int_eq(rpc_msg_status(msg), 0);
	natsMsg_Destroy(msg);
}

TCase *make_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	return tc;
}
