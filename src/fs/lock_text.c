/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lock tables as text:
 *
 *	natsobj-locks 1 <name>
 *	held flock|posix shared|exclusive <session> <owner> <pid> <start> <end>
 *	wait flock|posix shared|exclusive <session> <owner> <pid> <start> <end> <request> <ticket>
 *
 * Numbers are decimal. What another host wrote is checked like any input from a network.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/lock_table.h"
#include "util/parse.h"

#define HEAD "natsobj-locks 1 "
#define FIELDS_HELD 8
#define FIELDS_WAIT 10

static const char *const kinds[] = {[LOCK_FLOCK] = "flock", [LOCK_POSIX] = "posix"};
static const char *const modes[] = {[LOCK_SHARED] = "shared", [LOCK_EXCLUSIVE] = "exclusive"};

static void append_entry(const struct lock_entry *e, const char *word, struct buf *out)
{
	buf_printf(out, "%s %s %s %s %" PRIu64 " %" PRIu32 " %" PRIu64 " %" PRIu64, word,
		   kinds[e->kind], modes[e->mode], e->owner.session, e->owner.id, e->pid, e->start,
		   e->end);
}

int lock_table_format(const struct lock_table *t, const char *name, struct buf *out)
{
	buf_append_str(out, HEAD);
	for (; *name; name++)
		buf_append_char(out, (unsigned char)*name < 0x20 ? '?' : *name);
	buf_append_char(out, '\n');
	for (size_t i = 0; i < t->n_held; i++) {
		append_entry(&t->held[i], "held", out);
		buf_append_char(out, '\n');
	}
	for (size_t i = 0; i < t->n_waiting; i++) {
		append_entry(&t->waiting[i].want, "wait", out);
		buf_printf(out, " %" PRIu64 " %" PRIu64 "\n", t->waiting[i].request,
			   t->waiting[i].ticket);
	}
	return buf_error(out);
}

static int parse_word(const char *word, const char *const *words, size_t n, int *ret)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] && strcmp(words[i], word) == 0) {
			*ret = (int)i;
			return 0;
		}
	return -EINVAL;
}

static int parse_session(const char *word, struct lock_owner *ret)
{
	if (strlen(word) != OBJ_NUID_LEN)
		return -EINVAL;
	memcpy(ret->session, word, OBJ_NUID_LEN + 1);
	return 0;
}

/* f: the fields of a line from the kind on. */
static int parse_entry(char *const *f, struct lock_entry *ret)
{
	uint64_t pid = 0;
	int kind = 0, mode = 0;

	if (parse_word(f[0], kinds, ARRAY_LEN(kinds), &kind) < 0 ||
	    parse_word(f[1], modes, ARRAY_LEN(modes), &mode) < 0 ||
	    parse_session(f[2], &ret->owner) < 0 ||
	    parse_u64(f[3], 10, 0, UINT64_MAX, &ret->owner.id) < 0 ||
	    parse_u64(f[4], 10, 0, UINT32_MAX, &pid) < 0 ||
	    parse_u64(f[5], 10, 0, LOCK_RANGE_END, &ret->start) < 0 ||
	    parse_u64(f[6], 10, ret->start, LOCK_RANGE_END, &ret->end) < 0)
		return -EINVAL;
	ret->kind = (enum lock_kind)kind;
	ret->mode = (enum lock_mode)mode;
	ret->pid = (uint32_t)pid;
	return 0;
}

static int parse_line(char *line, struct lock_table *t)
{
	struct lock_waiter w = {0};
	char *f[FIELDS_WAIT + 1], *rest = NULL;
	size_t n = 0;
	int err;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (n == ARRAY_LEN(f))
			return -EINVAL;
		f[n++] = word;
	}
	if (n == FIELDS_HELD && strcmp(f[0], "held") == 0) {
		err = parse_entry(f + 1, &w.want);
		return err ? err : lock_table_set(t, &w.want);
	}
	if (n != FIELDS_WAIT || strcmp(f[0], "wait") != 0 || parse_entry(f + 1, &w.want) < 0 ||
	    parse_u64(f[8], 10, 0, UINT64_MAX, &w.request) < 0 ||
	    parse_u64(f[9], 10, 0, UINT64_MAX, &w.ticket) < 0)
		return -EINVAL;
	return lock_table_wait(t, &w);
}

int lock_table_parse(const char *text, size_t len, struct lock_table *ret)
{
	_cleanup_free_ char *copy = malloc(len + 1);
	char *line, *end, *rest;
	int err = 0;

	*ret = (struct lock_table){0};
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strlen(copy) != len || strncmp(copy, HEAD, strlen(HEAD)) != 0)
		return -EINVAL;
	end = strchr(copy, '\n');
	rest = end;
	for (line = end ? strtok_r(end, "\n", &rest) : NULL; line && !err;
	     line = strtok_r(NULL, "\n", &rest))
		err = parse_line(line, ret);
	if (err)
		lock_table_done(ret);
	return err;
}
