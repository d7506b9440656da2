/* SPDX-License-Identifier: Apache-2.0 */
#include "util/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Digits at the start of s; *ret_rest is what follows. */
static int parse_digits(const char *s, int base, uint64_t *ret, const char **ret_rest)
{
	uint64_t v = 0;
	const char *p = s;

	for (;; p++) {
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (base == 16 && isxdigit((unsigned char)*p))
			digit = (unsigned)(tolower((unsigned char)*p) - 'a' + 10);
		else
			break;
		if (digit >= (unsigned)base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return -ERANGE;
	}
	if (p == s)
		return -EINVAL;
	*ret = v;
	*ret_rest = p;
	return 0;
}

static int in_range(uint64_t v, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_u64(const char *s, int base, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *rest;
	uint64_t v;
	int err = parse_digits(s, base, &v, &rest);

	if (err)
		return err;
	return *rest ? -EINVAL : in_range(v, min, max, ret);
}

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool is_negative = *s == '-';
	const char *rest;
	int64_t value;
	uint64_t v;
	int err = parse_digits(s + is_negative, 10, &v, &rest);

	if (err)
		return err;
	if (*rest)
		return -EINVAL;
	if (v > (uint64_t)INT64_MAX + is_negative)
		return -ERANGE;
	value = is_negative ? (int64_t)(0 - v) : (int64_t)v;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number and one of the units, the name "" being that of a bare number. */
static int parse_with_unit(const char *s, const struct unit *units, size_t n, uint64_t min,
			   uint64_t max, uint64_t *ret)
{
	const char *rest;
	uint64_t v;
	int err = parse_digits(s, 10, &v, &rest);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(rest, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v))
			return -ERANGE;
		return in_range(v, min, max, ret);
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const struct unit units[] = {
		{"", 1},	   {"B", 1},
		{"K", 1 << 10},	   {"KiB", 1 << 10},
		{"M", 1 << 20},	   {"MiB", 1 << 20},
		{"G", 1 << 30},	   {"GiB", 1 << 30},
		{"T", 1ULL << 40}, {"TiB", 1ULL << 40},
	};

	return parse_with_unit(s, units, ARRAY_LEN(units), min, max, ret);
}

int parse_duration_ms(const char *s, uint64_t min_ms, uint64_t max_ms, uint64_t *ret_ms)
{
	static const struct unit units[] = {
		{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60 * 1000}, {"h", 3600 * 1000},
	};

	return parse_with_unit(s, units, ARRAY_LEN(units), min_ms, max_ms, ret_ms);
}
