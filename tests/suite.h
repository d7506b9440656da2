/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_SUITE_H
#define NATSOBJ_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs s, as CK_RUN_SUITE and CK_VERBOSITY say, and frees it. The exit status of the program. */
static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
