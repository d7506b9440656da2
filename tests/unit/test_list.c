/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "suite.h"
#include "util/list.h"

struct item {
	int value;
	struct list link;
};

/* The values as one number, first digit first. */
static int digits(const struct list *head)
{
	int n = 0;

	list_for_each (it, head)
		n = 10 * n + list_entry(it, struct item, link)->value;
	return n;
}

START_TEST(test_members_keep_their_order)
{
	struct list head = LIST_INITIALIZER(head), other = LIST_INITIALIZER(other);
	struct item i[] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};

	ck_assert(list_is_empty(&head));
	ck_assert_ptr_null(list_pop_front(&head));
	list_push_back(&head, &i[1].link);
	list_push_back(&head, &i[2].link);
	list_push_front(&head, &i[0].link);
	ck_assert_int_eq(digits(&head), 123);
	list_remove(&i[1].link);
	list_remove(&i[1].link);
	ck_assert_int_eq(digits(&head), 13);
	list_splice_back(&other, &head);
	ck_assert(list_is_empty(&head));
	list_push_back(&head, &i[1].link);
	list_push_back(&head, &i[3].link);
	list_splice_back(&other, &head);
	ck_assert_int_eq(digits(&other), 1324);
	ck_assert_ptr_eq(list_pop_front(&other), &i[0].link);
	ck_assert(list_is_empty(&i[0].link));
	list_for_each_safe (it, &other)
		list_remove(it);
	ck_assert(list_is_empty(&other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("list");
	TCase *tc = tcase_create("list");

	tcase_add_test(tc, test_members_keep_their_order);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
