/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "prog/cmd.h"
#include "prog/cmd_links.h"
#include "prog/cmd_print.h"
#include "util/log.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"force", no_argument, NULL, 'f'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "del BUCKET [NAME] [-f|--force]",
	.help = "Deletes an object, or without NAME the bucket with all its objects, after asking\n"
		"at a terminal.\n\n"
		"  -f, --force               do not ask; an object that does not exist is "
		"deleted\n",
	.examples = "  natsobj del photos beach.jpg\n"
		    "  natsobj del photos --force\n",
	.short_options = "f",
	.options = options,
};

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
		if (!err)
			hard_link_drop(s, info);
	}
	return err;
}

static int report_deleted(const struct cmd *c, const char *bucket, const char *name)
{
	return cmd_print_outcome(c, "bucket", bucket, "name", name, "deleted", true);
}

static int delete_object(const struct cmd *c, struct store *s, const char *name, bool is_forced)
{
	char nuid[OBJ_NUID_MAX + 1] = "";
	int err;

	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	err = remove_newest(s, name, nuid);
	if (err == -ENOENT && is_forced)
		return report_deleted(c, s->bucket, name);
	if (err)
		return cmd_fail("cannot delete %s from bucket %s: %s", name, s->bucket,
				cmd_strerror(err));
	err = nuid[0] ? store_purge_chunks(s, nuid) : 0;
	if (err)
		log_warn("%s is deleted, but its content (%s) stays in bucket %s: %s", name, nuid,
			 s->bucket, cmd_strerror(err));
	return report_deleted(c, s->bucket, name);
}

static int delete_bucket(struct cmd *c, const char *bucket, bool is_forced)
{
	_cleanup_free_ char *why = NULL;
	int r, err;

	if (!is_forced && !isatty(STDIN_FILENO))
		return cmd_usage("deleting bucket %s with all its objects needs --force", bucket);
	if (!is_forced && !cmd_confirm("Delete bucket %s with all its objects?", bucket))
		return cmd_fail("bucket %s is kept", bucket);
	r = cmd_connect_for(c, bucket);
	if (r)
		return r;
	err = bucket_delete(&c->connect.config, bucket, &why);
	return err ? cmd_report(err, why) : report_deleted(c, bucket, NULL);
}

int cmd_del(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	bool is_forced;
	int r;

	if (!cmd_take_force(c, argc, argv, &spec, &is_forced))
		return c->status;
	r = cmd_check_args(argc - optind, 1, 2, &spec);
	if (r)
		return r;
	if (argc - optind == 1)
		return delete_bucket(c, argv[optind], is_forced);
	/* An empty name is a variable that was not set, not a wish to lose the bucket. */
	if (!*argv[optind + 1])
		return cmd_usage("the name of the object to delete is empty");
	r = cmd_open_write(c, argv[optind], &s);
	return r ? r : delete_object(c, s, argv[optind + 1], is_forced);
}
