/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "util/log.h"

#define SYNOPSIS "del BUCKET [NAME] [-f|--force]"
/* Each repetition means that somebody else stored the name in between. */
#define RETRIES 64

/* *ret_nuid are the chunks that no name has any more. */
static int remove_newest(struct store *s, const char *name, char ret_nuid[OBJ_NUID_MAX + 1])
{
	int err = -ESTALE;

	for (int i = 0; i < RETRIES && err == -ESTALE; i++) {
		_cleanup_obj_info_ struct obj_info *info = NULL;

		err = cmd_find(s, name, &info);
		if (err)
			return err;
		err = store_remove_info(s, info);
		strcpy(ret_nuid, info->nuid);
	}
	return err;
}

static int delete_object(struct store *s, const char *name, bool is_forced)
{
	char nuid[OBJ_NUID_MAX + 1] = "";
	int err;

	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	err = remove_newest(s, name, nuid);
	if (err == -ENOENT && is_forced)
		return CMD_OK;
	if (err) {
		log_error("cannot delete %s from bucket %s: %s", name, s->bucket,
			  cmd_strerror(err));
		return CMD_FAILURE;
	}
	err = nuid[0] ? store_purge_chunks(s, nuid) : 0;
	if (err)
		log_warn("%s is deleted, but its content (%s) stays in bucket %s: %s", name, nuid,
			 s->bucket, cmd_strerror(err));
	return CMD_OK;
}

/* True when the user at the terminal agrees. */
static bool confirm(const char *bucket)
{
	char answer[16];

	(void)fprintf(stderr, "Delete bucket %s with all its objects? [y/N] ", bucket);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int delete_bucket(struct connect_opts *co, const char *bucket, bool is_forced)
{
	_cleanup_free_ char *why = NULL;
	int r, err;

	if (!is_forced && !isatty(STDIN_FILENO))
		return cmd_usage("deleting bucket %s with all its objects needs --force", bucket);
	if (!is_forced && !confirm(bucket)) {
		log_error("bucket %s is kept", bucket);
		return CMD_FAILURE;
	}
	r = cmd_connect(co);
	if (r)
		return r;
	err = bucket_delete(&co->config, bucket, &why);
	if (!err)
		return CMD_OK;
	log_error("%s", why ? why : strerror(-err));
	return CMD_FAILURE;
}

int cmd_del(struct connect_opts *co, int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"force", no_argument, NULL, 'f'},
		{0},
	};
	static const struct bucket_options opts;
	_cleanup_store_ struct store *s = NULL;
	bool is_forced = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (c == 'f')
			is_forced = true;
		else if (!connect_opts_take(co, c, optarg))
			return CMD_USAGE;
	}
	r = cmd_check_args(argc - optind, 1, 2, SYNOPSIS);
	if (r)
		return r;
	if (argc - optind == 1)
		return delete_bucket(co, argv[optind], is_forced);
	/* An empty name is a variable that was not set, not a wish to lose the bucket. */
	if (!*argv[optind + 1])
		return cmd_usage("the name of the object to delete is empty");
	r = cmd_open(co, argv[optind], &opts, &s);
	if (!r)
		r = delete_object(s, argv[optind + 1], is_forced);
	return r;
}
