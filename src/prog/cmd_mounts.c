/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "objstore/json_rows.h"
#include "prog/cmd.h"
#include "prog/cmd_mount_state.h"
#include "prog/cmd_print.h"

#define ANSWER_MS 2000

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "mounts",
	.help = "Lists the mounts of natsobj on this host: directory, source, and whether they\n"
		"answer. \"dead\": the daemon is gone, unmount it. \"no answer\": the daemon or "
		"its\n"
		"server hangs.\n",
	.examples = "  natsobj mounts\n"
		    "  natsobj mounts --json\n",
	.short_options = "",
	.options = options,
};

static const char *state_of(int err)
{
	switch (-err) {
	case 0:
	case ENOENT:
	case ENOTDIR:
	case EACCES:
		return "mounted";
	case ENOTCONN:
		return "dead";
	case ETIMEDOUT:
		return "no answer";
	default:
		return strerrordesc_np(-err);
	}
}

static void print_json(struct json_writer *w, const struct mount_entry *e, const char *state)
{
	json_begin_object(w, NULL);
	json_string(w, "directory", e->dir);
	json_string(w, "source", e->source);
	json_string(w, "state", state);
	json_bool(w, "read_only", e->is_read_only);
	json_end_object(w);
}

static void print_line(const struct mount_entry *e, const char *state)
{
	(void)printf("%-10s %-3s ", state, e->is_read_only ? "ro" : "rw");
	cmd_print_name(e->source, strlen(e->source));
	(void)putchar(' ');
	cmd_print_name(e->dir, strlen(e->dir));
	(void)putchar('\n');
}

/* What the mount says about its connection goes before the bare fact that it answers. */
static int find_state(void *arg, const char *path, const char *value)
{
	char *state = arg;

	if (strcmp(path, "state") == 0)
		(void)snprintf(state, 64, "%s", value);
	return 0;
}

static void ask(const char *dir, char state[64])
{
	_cleanup_buf_ struct buf text = {0};
	int err;

	buf_init(&text, 1 << 20);
	err = mount_status_read(dir, ANSWER_MS, &text);
	(void)snprintf(state, 64, "%s", state_of(err));
	if (!err && json_rows(text.data ? text.data : "", text.len, find_state, state) < 0)
		(void)snprintf(state, 64, "mounted");
}

int cmd_mounts(struct cmd *c, int argc, char **argv)
{
	_cleanup_buf_ struct buf out = {0};
	struct mount_entry *entries = NULL;
	struct json_writer w;
	size_t count = 0;
	int err, r;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	if (cmd_option(c, argc, argv, &spec) != -1)
		return c->status;
	r = cmd_check_args(argc - optind, 0, 0, &spec);
	if (r)
		return r;
	err = mount_entries_read(&entries, &count);
	if (err)
		return cmd_fail("cannot list the mounts: %s", strerror(-err));
	if (!c->is_json && count > 0 && isatty(STDOUT_FILENO))
		(void)printf("%-10s %-3s %s\n", "STATE", "", "SOURCE DIRECTORY");
	json_begin_array(&w, NULL);
	for (size_t i = 0; i < count; i++) {
		char state[64];

		ask(entries[i].dir, state);
		if (c->is_json)
			print_json(&w, &entries[i], state);
		else
			print_line(&entries[i], state);
	}
	json_end_array(&w);
	mount_entries_free(entries, count);
	return c->is_json ? cmd_print_buf(&out) : cmd_flush();
}
