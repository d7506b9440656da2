/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_save.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/cmd_output.h"
#include "prog/cmd_print.h"
#include "util/log.h"
#include "util/parse.h"

static int fail_output(const char *path, int err)
{
	/* A reader that went away knows it. */
	if (err == -EPIPE)
		return CMD_FAILURE;
	return cmd_fail("cannot write %s: %s", strcmp(path, "-") == 0 ? "to standard output" : path,
			strerror(-err));
}

static int restart(void *arg)
{
	return output_restart(arg);
}

static void preserve(const struct obj_info *info, struct output *o)
{
	const char *text = obj_info_meta(info, ATTR_MODE);
	uint64_t mode;

	output_set_mtime(o, cmd_mtime_ns(info));
	if (text && parse_u64(text, 8, 0, 0177777, &mode) == 0 && S_ISREG((mode_t)mode))
		output_set_mode(o, (mode_t)mode);
}

static uint64_t wanted_bytes(const struct target *t, const struct byte_range *range)
{
	uint64_t off, len;

	if (range->is_set && byte_range_fit(range, t->info->size, &off, &len))
		return len;
	return t->info->size;
}

int save_object(struct target *t, const char *name, const char *path, const struct save_options *o)
{
	_cleanup_progress_ struct progress *own = NULL;
	_cleanup_output_ struct output out = {.fd = -1};
	struct receiver r = {
		.take = output_write, .restart = restart, .arg = &out, .progress = o->progress};
	int err = output_open(&out, path);

	if (err)
		return fail_output(path, err);
	if (!o->progress)
		own = progress_new(name, wanted_bytes(t, &o->range), t->cmd->is_quiet);
	r.progress = own ? own : o->progress;
	err = target_read(t, &o->range, &r);
	if (r.err)
		return fail_output(path, r.err);
	if (err)
		return target_fail(t, name, err);
	if (!t->info->has_digest && !o->range.is_set)
		log_warn("%s has no digest, so its content could not be checked", name);
	if (o->is_preserving)
		preserve(t->info, &out);
	err = output_commit(&out);
	return err ? fail_output(path, err) : CMD_OK;
}
