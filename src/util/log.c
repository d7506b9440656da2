/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>

#define LINE_MAX_BYTES 2048

static const char *program = "natsobj";
static atomic_int max_level = LOG_LEVEL_INFO;
static atomic_bool to_syslog;
static void (*_Atomic line_hook)(void);

void log_init(const char *name, enum log_level level)
{
	program = name;
	atomic_store(&max_level, (int)level);
}

void log_use_syslog(void)
{
	openlog(program, LOG_PID, LOG_DAEMON);
	atomic_store(&to_syslog, true);
}

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load(&max_level);
}

void log_set_hook(void (*hook)(void))
{
	atomic_store(&line_hook, hook);
}

static int syslog_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return LOG_ERR;
	case LOG_LEVEL_WARN:
		return LOG_WARNING;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_DEBUG:
		break;
	}
	return LOG_DEBUG;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	void (*hook)(void);
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (atomic_load(&to_syslog)) {
		syslog(syslog_priority(level), "%s", line);
		return;
	}
	hook = atomic_load(&line_hook);
	if (hook)
		hook();
	(void)fprintf(stderr, "%s: %s\n", program, line);
}
