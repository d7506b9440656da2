/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_CLOCK_H
#define NATSOBJ_UTIL_CLOCK_H

#include <stdint.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* Monotonic time in nanoseconds: for deadlines and durations. */
uint64_t clock_now_ns(void);
/* Deadline timeout_ms from now; a negative timeout_ms means never (UINT64_MAX). */
uint64_t clock_deadline_ms(int64_t timeout_ms);
/* Milliseconds until deadline_ns, rounded up; 0 once it has passed. */
uint64_t clock_left_ms(uint64_t deadline_ns);
/* Time since the machine was started, while it slept included. */
int64_t clock_boot_ns(void);
/* Wall-clock time in nanoseconds since 1970: for file times only. */
int64_t clock_wall_ns(void);

#endif
