/* SPDX-License-Identifier: Apache-2.0 */

/* Which steps of a failed run are needed for the failure. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

/* The kind of a difference: the letters behind the name of the file. */
static void kind_of(const char *why, char *out, size_t size)
{
	const char *p = why, *next;
	size_t len = 0;

	while ((next = strstr(p, ": ")))
		p = next + 2;
	for (; *p && len + 1 < size; p++)
		if (isalpha((unsigned char)*p))
			out[len++] = *p;
	out[len] = '\0';
}

/* Whether these steps fail in the way given. A process of its own does them. */
static bool fails(const struct config *cfg, const bool *wanted, const char *kind)
{
	char why[MODEL_WHY] = "", now[MODEL_WHY];
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		long failed = run_steps(cfg, wanted, why);

		if (failed >= 0 && write(pipes[1], why, strlen(why)) < 0)
			_exit(2);
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], why, sizeof(why) - 1) < 0)
		why[0] = '\0';
	close(pipes[0]);
	waitpid(pid, &status, 0);
	kind_of(why, now, sizeof(now));
	return why[0] && strcmp(now, kind) == 0;
}

static unsigned count(const bool *wanted, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += wanted[i];
	return sum;
}

/* Clears the wanted steps number from to to, as counted among the wanted; false when none. */
static bool clear(bool *wanted, unsigned n, unsigned from, unsigned to)
{
	unsigned at = 0;
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		if (!wanted[i])
			continue;
		if (at >= from && at < to) {
			wanted[i] = false;
			any = true;
		}
		at++;
	}
	return any;
}

void shrink(const struct config *cfg, unsigned failed, const char *why)
{
	char kind[MODEL_WHY];
	struct config now = *cfg;
	unsigned n = failed - cfg->first + 1;
	bool *wanted = malloc(n), *fewer = malloc(n);
	time_t end = time(NULL) + cfg->shrink_s;

	if (!wanted || !fewer)
		abort();
	kind_of(why, kind, sizeof(kind));
	now.steps = n;
	now.content_every = 1;
	memset(wanted, true, n);
	for (unsigned size = n / 2; size > 0 && time(NULL) < end;
	     size = size == 1 ? 0 : (size + 1) / 2) {
		unsigned from = 0;

		while (from < count(wanted, n) && time(NULL) < end) {
			memcpy(fewer, wanted, n);
			if (clear(fewer, n, from, from + size) && fails(&now, fewer, kind))
				memcpy(wanted, fewer, n);
			else
				from += size;
		}
	}
	printf("needed steps:");
	for (unsigned i = 0; i < n; i++)
		if (wanted[i])
			printf("%c%u", i ? ',' : ' ', cfg->first + i);
	printf("\n");
	for (unsigned i = 0; i < n; i++) {
		struct op op;
		char text[600];

		if (!wanted[i])
			continue;
		op_make(cfg, cfg->first + i, &op);
		op_print(&op, text, sizeof(text));
		printf("  %s\n", text);
	}
	(void)run_steps(&now, wanted, NULL);
	free(wanted);
	free(fewer);
}
