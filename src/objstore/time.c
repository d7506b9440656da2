/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "objstore/info.h"
#include "util/clock.h"

/* Exactly n digits at *s, which moves on. */
static bool digits(const char **s, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		char c = (*s)[i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*s += n;
	*ret = v;
	return true;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* A point and 1 to 9 digits, or nothing. */
static bool fraction(const char **s, int64_t *ret_ns)
{
	int64_t ns = 0, unit = 100000000;
	int n = 0;

	*ret_ns = 0;
	if (**s != '.')
		return true;
	for ((*s)++; **s >= '0' && **s <= '9'; (*s)++, n++, unit /= 10)
		ns += (**s - '0') * unit;
	*ret_ns = ns;
	return n >= 1 && n <= 9;
}

/* "Z" or a numeric offset, in seconds. */
static bool offset(const char **s, int64_t *ret)
{
	int sign = **s == '-' ? -1 : 1, h, m;

	*ret = 0;
	if (literal(s, 'Z') || literal(s, 'z'))
		return true;
	if (!literal(s, '+') && !literal(s, '-'))
		return false;
	if (!digits(s, 2, &h) || !literal(s, ':') || !digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*ret = sign * (h * 3600 + m * 60);
	return true;
}

/* timegm turns the 30th of February into a day of March. */
static bool day_exists(const struct tm *tm)
{
	struct tm day = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};

	(void)timegm(&day);
	return day.tm_mday == tm->tm_mday;
}

int obj_time_parse(const char *s, int64_t *ret_ns)
{
	struct tm tm = {0};
	int64_t ns, off, sec;

	if (!digits(&s, 4, &tm.tm_year) || !literal(&s, '-') || !digits(&s, 2, &tm.tm_mon) ||
	    !literal(&s, '-') || !digits(&s, 2, &tm.tm_mday))
		return -EINVAL;
	if (!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' '))
		return -EINVAL;
	if (!digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
	    !literal(&s, ':') || !digits(&s, 2, &tm.tm_sec) || !fraction(&s, &ns) ||
	    !offset(&s, &off) || *s)
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!day_exists(&tm))
		return -EINVAL;
	sec = (int64_t)timegm(&tm) - off;
	if (__builtin_mul_overflow(sec, NS_PER_SEC, &sec) || __builtin_add_overflow(sec, ns, &sec))
		return -EINVAL;
	*ret_ns = sec;
	return 0;
}
