/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>

#include "suite.h"
#include "util/clock.h"
#include "util/lock.h"

static struct mutex low = MUTEX_INITIALIZER(LOCK_RANK_FILE);
static struct mutex high = MUTEX_INITIALIZER(LOCK_RANK_LEAF);
static struct mutex high2 = MUTEX_INITIALIZER(LOCK_RANK_LEAF);
static struct cond changed;
static int value;

START_TEST(test_mutexes_may_be_taken_in_order)
{
	for (int i = 0; i < 3; i++) {
		mutex_lock(&low);
		mutex_lock(&high);
		mutex_assert_held(&high);
		/* Released in any order. */
		mutex_unlock(&low);
		mutex_unlock(&high);
	}
	mutex_lock(&high2);
	mutex_unlock(&high2);
}
END_TEST

START_TEST(test_an_inverted_order_aborts)
{
	mutex_lock(&high);
	mutex_lock(&low);
}
END_TEST

START_TEST(test_two_of_one_rank_abort)
{
	mutex_lock(&high);
	mutex_lock(&high2);
}
END_TEST

START_TEST(test_a_mutex_that_is_not_held_is_noticed)
{
	mutex_assert_held(&low);
}
END_TEST

static void *set_value(void *arg)
{
	(void)arg;
	LOCK_SCOPE(&low);
	value = 1;
	cond_signal(&changed);
	return NULL;
}

START_TEST(test_a_waiter_is_woken)
{
	pthread_t thread;

	cond_init(&changed);
	mutex_lock(&low);
	ck_assert_int_eq(thread_start(&thread, "setter", set_value, NULL), 0);
	while (value == 0)
		cond_wait(&changed, &low);
	mutex_unlock(&low);
	pthread_join(thread, NULL);
	cond_done(&changed);
}
END_TEST

START_TEST(test_a_wait_ends_at_its_deadline)
{
	uint64_t deadline = clock_deadline_ms(30);
	int err = 0;

	cond_init(&changed);
	mutex_lock(&low);
	while (!err)
		err = cond_wait_until(&changed, &low, deadline);
	mutex_unlock(&low);
	ck_assert_int_eq(err, -ETIMEDOUT);
	ck_assert_uint_ge(clock_now_ns(), deadline);
	cond_done(&changed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tc = tcase_create("lock");

	tcase_add_test(tc, test_mutexes_may_be_taken_in_order);
	tcase_add_test_raise_signal(tc, test_an_inverted_order_aborts, SIGABRT);
	tcase_add_test_raise_signal(tc, test_two_of_one_rank_abort, SIGABRT);
	tcase_add_test_raise_signal(tc, test_a_mutex_that_is_not_held_is_noticed, SIGABRT);
	tcase_add_test(tc, test_a_waiter_is_woken);
	tcase_add_test(tc, test_a_wait_ends_at_its_deadline);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
