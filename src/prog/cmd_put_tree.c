/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/cmd_print.h"
#include "prog/cmd_put.h"
#include "prog/cmd_signal.h"
#include "util/log.h"

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *open_tree(const char *dir)
{
	char *const roots[] = {(char *)(uintptr_t)dir, NULL};

	/* The root may be a symbolic link, nothing below it is followed. */
	return fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare);
}

/* Bytes of all files, for the progress. */
static uint64_t count_bytes(const char *dir)
{
	FTS *tree = open_tree(dir);
	uint64_t bytes = 0;
	FTSENT *e;

	while (tree && (e = fts_read(tree)))
		if (e->fts_info == FTS_F && S_ISREG(e->fts_statp->st_mode))
			bytes += (uint64_t)e->fts_statp->st_size;
	if (tree)
		(void)fts_close(tree);
	return bytes;
}

/* The entry's path below the root, whose own path has root_len bytes. */
static char *entry_name(const FTSENT *e, size_t root_len, const char *base)
{
	const char *rest = e->fts_path + root_len;
	char *name;

	rest += strspn(rest, "/");
	return asprintf(&name, "%s%s%s", base, *base ? "/" : "", rest) < 0 ? NULL : name;
}

/* A directory exists by what is in it, and by a mark when that is nothing. fts_number counts. */
static int put_empty(struct put_job *job, const FTSENT *e, size_t root_len, const char *base)
{
	_cleanup_free_ char *name = NULL;
	size_t len;

	if (e->fts_number > 0)
		return CMD_OK;
	name = entry_name(e, root_len, base);
	if (!name)
		return cmd_fail("out of memory");
	len = strlen(name);
	while (len > 0 && name[len - 1] == '/')
		name[--len] = '\0';
	return len > 0 ? put_directory(job, e->fts_statp, name) : CMD_OK;
}

static int put_entry(struct put_job *job, FTSENT *e, size_t root_len, const char *base)
{
	_cleanup_free_ char *name = NULL;

	if (e->fts_level > 0 && e->fts_info != FTS_DP)
		e->fts_parent->fts_number++;
	switch (e->fts_info) {
	case FTS_D:
		return CMD_OK;
	case FTS_DP:
		return put_empty(job, e, root_len, base);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return cmd_fail("cannot read %s: %s", e->fts_path, strerror(e->fts_errno));
	default:
		break;
	}
	name = entry_name(e, root_len, base);
	if (!name)
		return cmd_fail("out of memory");
	if (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE)
		return put_symlink(job, e->fts_path, name);
	if (S_ISREG(e->fts_statp->st_mode))
		return put_file(job, e->fts_path, name);
	log_warn("%s is neither a file nor a symbolic link and left out", e->fts_path);
	return CMD_OK;
}

static int walk(struct put_job *job, FTS *tree, const char *base)
{
	size_t root_len = 0;
	int r = CMD_OK;
	FTSENT *e;

	while ((e = fts_read(tree))) {
		if (e->fts_level == 0)
			root_len = e->fts_pathlen;
		if (e->fts_level == 0 && e->fts_info == FTS_D)
			continue;
		if (put_entry(job, e, root_len, base))
			r = CMD_FAILURE;
		if (signal_pending())
			return CMD_FAILURE;
	}
	return r;
}

int put_tree(struct put_job *job, const char *dir, const char *base)
{
	_cleanup_progress_ struct progress *progress =
		progress_new(dir, job->cmd->is_quiet ? 0 : count_bytes(dir), job->cmd->is_quiet);
	FTS *tree = open_tree(dir);
	int r;

	if (!tree)
		return cmd_fail("cannot read %s: %s", dir, strerror(errno));
	job->progress = progress;
	job->in_array = job->is_first = true;
	r = walk(job, tree, base);
	(void)fts_close(tree);
	if (job->cmd->is_json)
		(void)puts(job->is_first ? "[]" : "]");
	job->progress = NULL;
	return job->cmd->is_json && cmd_flush() ? CMD_FAILURE : r;
}
