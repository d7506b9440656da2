/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fuse/pool.h"
#include "suite.h"
#include "util/clock.h"
#include "util/lock.h"

static struct mutex lock;
static struct cond changed;
static unsigned started, finished;
static bool is_open;

static void setup(void)
{
	mutex_init(&lock, LOCK_RANK_FILE);
	cond_init(&changed);
	started = finished = 0;
	is_open = true;
}

static void run(struct pool_work *w)
{
	mutex_lock(&lock);
	started++;
	cond_broadcast(&changed);
	while (!is_open)
		cond_wait(&changed, &lock);
	finished++;
	mutex_unlock(&lock);
	free(w);
}

static void submit(struct pool *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct pool_work *w = calloc(1, sizeof(*w));

		ck_assert_ptr_nonnull(w);
		w->run = run;
		pool_submit(p, w);
	}
}

START_TEST(everything_submitted_runs_before_free_returns)
{
	struct pool *p = pool_new(4);

	submit(p, 10000);
	pool_free(p);
	ck_assert_uint_eq(finished, 10000);
}
END_TEST

START_TEST(the_pool_grows_to_its_cap_and_not_beyond)
{
	struct pool *p = pool_new(4);

	is_open = false;
	submit(p, 20);
	mutex_lock(&lock);
	while (started < 4)
		cond_wait(&changed, &lock);
	ck_assert_uint_eq(started, 4);
	mutex_unlock(&lock);
	ck_assert_int_eq(pool_wait_idle(p, clock_deadline_ms(20)), -ETIMEDOUT);
	mutex_lock(&lock);
	ck_assert_uint_eq(started, 4);
	is_open = true;
	cond_broadcast(&changed);
	mutex_unlock(&lock);
	ck_assert_int_eq(pool_wait_idle(p, UINT64_MAX), 0);
	ck_assert_uint_eq(finished, 20);
	pool_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, everything_submitted_runs_before_free_returns);
	tcase_add_test(tc, the_pool_grows_to_its_cap_and_not_beyond);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
