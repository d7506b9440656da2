/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_deadline_ms(int64_t timeout_ms)
{
	if (timeout_ms < 0 || timeout_ms > INT64_MAX / (2 * NS_PER_MS))
		return UINT64_MAX;
	return clock_now_ns() + (uint64_t)timeout_ms * (uint64_t)NS_PER_MS;
}

uint64_t clock_left_ms(uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), left_ns = deadline_ns > now ? deadline_ns - now : 0;

	return left_ns / (uint64_t)NS_PER_MS + (left_ns % (uint64_t)NS_PER_MS > 0);
}

int64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
