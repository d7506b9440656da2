/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "objstore/errmap.h"
#include "suite.h"

static const struct {
	int code, err_code;
	const char *description;
	int expected;
} api_cases[] = {
	{404, 10037, "no message found", -ENOENT},
	{404, 10059, "stream not found", -ENOENT},
	{404, 0, "Message Not Found", -ENOENT},
	{503, 10077, "maximum bytes exceeded", -ENOSPC},
	{503, 10077, "maximum messages exceeded", -ENOSPC},
	{503, 10077, "write /data/1.blk: no space left on device", -ENOSPC},
	{503, 10077, "store is closed", -EIO},
	{503, 10077, NULL, -EIO},
	{400, 10002, "resource limits exceeded for account", -ENOSPC},
	{500, 10047, "insufficient storage resources available", -ENOSPC},
	{500, 10028, "insufficient memory resources available", -ENOSPC},
	{400, 10122, "stream max bytes exceeds account limit max stream bytes", -ENOSPC},
	{400, 10109, "invalid operation on sealed stream", -EROFS},
	{500, 10111, "rollup not permitted", -EROFS},
	{500, 10111, "something else", -EIO},
	{500, 10110, "stream purge not permitted", -EROFS},
	{500, 10110, "disk", -EIO},
	{400, 10071, "wrong last sequence: 7", -ESTALE},
	{400, 10164, "wrong last sequence", -ESTALE},
	{503, 10163, "no leader", -EAGAIN},
	{400, 10054, "message size exceeds maximum allowed", -EFBIG},
	{400, 10097, "header size exceeds maximum allowed of 64k", -EFBIG},
	{400, 10058, "stream name already in use", -EEXIST},
	{429, 10167, "too many requests", -EAGAIN},
	{503, 10023, "insufficient resources", -EAGAIN},
	{503, 10008, "JetStream system temporarily unavailable", -EAGAIN},
	{500, 10009, "JetStream cluster can not handle request", -EAGAIN},
	{503, 10039, "JetStream not enabled for account", -ENODEV},
	/* Codes of servers newer than the table: the class decides. */
	{403, 10999, "new", -EACCES},
	{408, 0, "Bad Request", -ETIMEDOUT},
	{413, 0, "Too Many Results", -EFBIG},
	{429, 10999, "new", -EAGAIN},
	{503, 10999, "new", -EAGAIN},
	{500, 10999, "new", -EIO},
	{0, 0, NULL, -EIO},
};

START_TEST(api_error_becomes_errno)
{
	int r = errmap_api(api_cases[_i].code, api_cases[_i].err_code, api_cases[_i].description);

	ck_assert_msg(r == api_cases[_i].expected, "%d/%d %s: %d, expected %d", api_cases[_i].code,
		      api_cases[_i].err_code, api_cases[_i].description, r, api_cases[_i].expected);
}
END_TEST

static const struct {
	natsStatus status;
	int expected;
} status_cases[] = {
	{NATS_OK, 0},
	{NATS_TIMEOUT, -ETIMEDOUT},
	{NATS_NO_RESPONDERS, -ENOENT},
	{NATS_MAX_PAYLOAD, -EFBIG},
	{NATS_CONNECTION_CLOSED, -ENOTCONN},
	{NATS_CONNECTION_AUTH_FAILED, -EACCES},
	{NATS_NOT_PERMITTED, -EACCES},
	{NATS_NO_SERVER, -ECONNREFUSED},
	{NATS_NO_MEMORY, -ENOMEM},
	{NATS_INVALID_ARG, -EINVAL},
	{NATS_ERR, -EIO},
	{(natsStatus)9999, -EIO},
};

START_TEST(status_becomes_errno)
{
	ck_assert_int_eq(errmap_status(status_cases[_i].status), status_cases[_i].expected);
}
END_TEST

/* Success and failure must never be mixed up, whatever the library invents. */
START_TEST(every_other_status_is_an_error)
{
	for (int s = 1; s < 100; s++)
		ck_assert_int_lt(errmap_status((natsStatus)s), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("errmap");
	TCase *tc = tcase_create("errmap");

	tcase_add_loop_test(tc, api_error_becomes_errno, 0,
			    (int)(sizeof(api_cases) / sizeof(api_cases[0])));
	tcase_add_loop_test(tc, status_becomes_errno, 0,
			    (int)(sizeof(status_cases) / sizeof(status_cases[0])));
	tcase_add_test(tc, every_other_status_is_an_error);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
