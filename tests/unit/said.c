/* SPDX-License-Identifier: Apache-2.0 */
#include "said.h"

#include <check.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char said[4096];

void say(const char *fmt, ...)
{
	va_list args;
	size_t len;

	pthread_mutex_lock(&lock);
	len = strlen(said);
	va_start(args, fmt);
	(void)vsnprintf(said + len, sizeof(said) - len, fmt, args);
	va_end(args);
	pthread_mutex_unlock(&lock);
}

void forget_what_was_said(void)
{
	pthread_mutex_lock(&lock);
	said[0] = '\0';
	pthread_mutex_unlock(&lock);
}

bool has_said(const char *text)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = strstr(said, text);
	pthread_mutex_unlock(&lock);
	return has;
}

void hear(const char *text)
{
	for (int i = 0; i < 1000 && !has_said(text); i++)
		usleep(10000);
	ck_assert_msg(has_said(text), "\"%s\" was not said, but: %s", text, said);
}

void assert_nothing_said(const char *after)
{
	pthread_mutex_lock(&lock);
	ck_assert_msg(said[0] == '\0', "after %s: %s", after, said);
	pthread_mutex_unlock(&lock);
}
