/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_LOG_H
#define NATSOBJ_UTIL_LOG_H

/*
 * One-line messages with a level, to standard error or to syslog. Control characters in the text
 * are replaced, so that a hostile object name cannot forge a line. Never pass a credential.
 */

#include <stdbool.h>

#include "util/cleanup.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Program name in front of each line; static string. Call once before the first thread starts. */
void log_init(const char *program, enum log_level max_level);
/* From now on to syslog (facility daemon) instead of standard error. */
void log_use_syslog(void);
void log_set_level(enum log_level max_level);
/* Called before each line to standard error, on the thread that logs and with its locks: to make
 * room for it on a terminal. NULL: nothing. */
void log_set_hook(void (*hook)(void));
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                  \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
	} while (0)

#endif
