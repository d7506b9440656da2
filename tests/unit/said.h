/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_SAID_H
#define NATSOBJ_TESTS_SAID_H

/* What a listener is told, as one text. It is told by other threads than the test's. */

#include <stdbool.h>

#include "util/cleanup.h"

/* Adds to the text. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
void forget_what_was_said(void);
bool has_said(const char *text);
/* Waits until text was said, in whatever company. */
void hear(const char *text);
/* Nothing has been said since it was forgotten. */
void assert_nothing_said(const char *after);

#endif
