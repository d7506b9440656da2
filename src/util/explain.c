/* SPDX-License-Identifier: Apache-2.0 */
#include "util/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int explain(int err, char **ret_why, const char *fmt, ...)
{
	va_list ap;

	free(*ret_why);
	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return err;
}

void wipe_and_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}
