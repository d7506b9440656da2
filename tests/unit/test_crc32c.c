/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"
#include "util/crc32c.h"

#include <check.h>
#include <string.h>

/* RFC 3720, B.4, and the check value of the catalogue of CRC algorithms. */
START_TEST(test_known_values)
{
	uint8_t data[32];

	ck_assert_uint_eq(crc32c("123456789", 9), 0xE3069283u);
	ck_assert_uint_eq(crc32c("", 0), 0);
	memset(data, 0, sizeof(data));
	ck_assert_uint_eq(crc32c(data, sizeof(data)), 0x8A9136AAu);
	memset(data, 0xFF, sizeof(data));
	ck_assert_uint_eq(crc32c(data, sizeof(data)), 0x62A8AB43u);
	for (uint8_t i = 0; i < sizeof(data); i++)
		data[i] = i;
	ck_assert_uint_eq(crc32c(data, sizeof(data)), 0x46DD794Eu);
}
END_TEST

START_TEST(test_both_ways_agree_at_every_length_and_place)
{
	uint8_t data[100];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; len <= sizeof(data) - at; len++)
			ck_assert_uint_eq(crc32c(data + at, len), crc32c_portable(data + at, len));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crc32c");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_known_values);
	tcase_add_test(tc, test_both_ways_agree_at_every_length_and_place);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
