/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_settings.h"

#include <string.h>

#include "objstore/subject.h"
#include "prog/cmd.h"
#include "util/clock.h"
#include "util/parse.h"

/* The server's own limit for the replicas of a stream. */
#define REPLICAS_MAX 5
#define TTL_MAX_MS ((uint64_t)(INT64_MAX / NS_PER_MS))

void settings_done(struct settings *s)
{
	for (size_t i = 0; i < s->n_tags; i++)
		free(s->tags[i]);
	obj_pairs_done(&s->metadata);
	*s = (struct settings){0};
}

/* Tags separated by commas. */
static int take_tags(struct settings *s, const char *arg)
{
	while (*arg) {
		size_t n = strcspn(arg, ",");

		if (n > 0 && s->n_tags == SETTINGS_TAGS_MAX)
			return cmd_usage("more than %d tags", SETTINGS_TAGS_MAX);
		if (n > 0 && !(s->tags[s->n_tags++] = strndup(arg, n)))
			return cmd_fail("out of memory");
		arg += n;
		arg += *arg == ',';
	}
	return CMD_OK;
}

static int take_number(struct settings *s, int opt, const char *arg)
{
	bool is_none = strcmp(arg, "0") == 0 || strcmp(arg, "none") == 0 || strcmp(arg, "-1") == 0;
	uint64_t n = 0;

	if (opt == 'r') {
		if (parse_u64(arg, 10, 1, REPLICAS_MAX, &n) < 0)
			return cmd_usage("--replicas %s is not a number from 1 to %d", arg,
					 REPLICAS_MAX);
		s->replicas = (uint32_t)n;
	} else if (opt == 't') {
		if (!is_none && parse_duration_ms(arg, 1, TTL_MAX_MS, &n) < 0)
			return cmd_usage("--ttl %s is not a duration such as 30s or 24h", arg);
		s->has_ttl = true;
		s->ttl_ns = n * NS_PER_MS;
	} else {
		if (!is_none && parse_size(arg, 1, INT64_MAX, &n) < 0)
			return cmd_usage("--max-bucket-size %s is not a size such as 512M or 10G",
					 arg);
		s->has_max_bytes = true;
		s->max_bytes = n;
	}
	return CMD_OK;
}

int settings_take(struct settings *s, int opt, const char *arg)
{
	switch (opt) {
	case 'D':
		s->description = arg;
		return CMD_OK;
	case 'c':
		s->cluster = arg;
		return CMD_OK;
	case 'g':
		return take_tags(s, arg);
	case 'M':
		return settings_take_pair(&s->metadata, "--metadata", arg, '=');
	case 'z':
		s->want_compression = true;
		return CMD_OK;
	case 'S':
		s->has_storage = true;
		s->is_memory = strcmp(arg, "memory") == 0;
		if (!s->is_memory && strcmp(arg, "file") != 0)
			return cmd_usage("--storage %s is neither \"file\" nor \"memory\"", arg);
		return CMD_OK;
	case 't':
	case 'm':
	case 'r':
		return take_number(s, opt, arg);
	default:
		return CMD_USAGE;
	}
}

int settings_take_pair(struct obj_pairs *pairs, const char *option, const char *arg, char separator)
{
	const char *end = strchr(arg, separator), *value = end ? end + 1 : NULL;
	_cleanup_free_ char *key = end ? strndup(arg, (size_t)(end - arg)) : NULL;

	if (!end || end == arg)
		return cmd_usage("%s %s is not of the form KEY%cVALUE", option, arg, separator);
	if (!obj_utf8_is_valid(arg, strlen(arg)))
		return cmd_usage("%s has to be UTF-8 text", option);
	/* As in HTTP, blanks after the colon do not belong to the value. */
	while (separator == ':' && *value == ' ')
		value++;
	if (!key || obj_pairs_add(pairs, key, value) < 0)
		return cmd_fail("out of memory");
	return CMD_OK;
}
