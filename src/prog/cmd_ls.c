/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "prog/cmd.h"
#include "prog/cmd_listing.h"
#include "prog/cmd_print.h"
#include "util/log.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"long", no_argument, NULL, 'l'},
	{"prefix", required_argument, NULL, 'p'},
	{"glob", required_argument, NULL, 'g'},
	{"deleted", no_argument, NULL, 'd'},
	{"human", no_argument, NULL, 'h'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "ls [BUCKET [GLOB]] [-l|--long] [-h|--human] [--prefix TEXT] [--glob GLOB]"
		    " [--deleted]",
	.help = "Lists the buckets of the account, or the objects of one, sorted by the bytes of\n"
		"their names.\n\n"
		"  -l, --long                size, time of the last change (UTC), where links "
		"lead;\n"
		"                            of buckets the space used and the time of creation\n"
		"  -h, --human               sizes as 1.5 MiB\n"
		"      --prefix TEXT         only names that begin so\n"
		"      --glob GLOB           only names that match; * also stands for slashes\n"
		"      --deleted             also names whose object was deleted\n",
	.examples = "  natsobj ls\n"
		    "  natsobj ls photos --prefix 2025/ -l\n"
		    "  natsobj ls photos '*.jpg' --json\n",
	.short_options = "lh",
	.options = options,
};

struct format {
	bool is_long, is_human, is_json;
};

static void print_size(uint64_t size, const struct format *f)
{
	char text[CMD_SIZE_LEN];

	if (!f->is_human) {
		(void)printf("%15" PRIu64 " ", size);
		return;
	}
	cmd_format_size(size, text);
	(void)printf("%12s ", text);
}

/* For people only: scripts count lines. */
static void print_title(const struct format *f, const char *title)
{
	if (f->is_long && !f->is_json && isatty(STDOUT_FILENO))
		(void)printf("%*s %s\n", f->is_human ? 12 : 15, "SIZE", title);
}

static int print_json(const struct obj_info *info, const char *bucket, bool is_first)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;
	int err;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	cmd_json_info(&w, NULL, info, bucket);
	err = buf_error(&out);
	if (!err)
		(void)printf("%s%.*s", is_first ? "" : ",\n", (int)out.len, out.data);
	return err;
}

static void print_line(const struct obj_info *info, const struct format *f)
{
	char when[CMD_TIME_LEN];

	if (f->is_long) {
		cmd_format_time(info->is_deleted ? info->time_ns : cmd_mtime_ns(info), when);
		print_size(info->size, f);
		(void)printf("%s ", when);
	}
	cmd_print_name(info->name, info->name_len);
	if (f->is_long && info->link_bucket) {
		(void)fputs(" -> ", stdout);
		cmd_print_name(info->link_bucket, strlen(info->link_bucket));
		(void)putchar(':');
		if (info->link_name)
			cmd_print_name(info->link_name, strlen(info->link_name));
	}
	if (info->is_deleted)
		(void)fputs(" (deleted)", stdout);
	if (f->is_long && info->is_malformed)
		(void)fputs(" (damaged)", stdout);
	(void)putchar('\n');
}

static int print_objects(const struct object_list *l, const struct object_filter *filter,
			 const char *bucket, const struct format *f)
{
	const struct obj_info *info;
	bool is_first = true;
	size_t pos = 0;
	int err = 0;

	print_title(f, "MODIFIED             NAME");
	if (f->is_json)
		(void)putchar('[');
	while (!err && (info = object_list_next(l, filter, &pos))) {
		if (f->is_json)
			err = print_json(info, bucket, is_first);
		else
			print_line(info, f);
		is_first = false;
	}
	if (f->is_json)
		(void)puts("]");
	return err ? cmd_fail("cannot list bucket %s: %s", bucket, cmd_strerror(err)) : cmd_flush();
}

static int ls_objects(struct cmd *c, const char *bucket, const struct object_filter *filter,
		      const struct format *f)
{
	_cleanup_object_list_ struct object_list *l = NULL;
	_cleanup_store_ struct store *s = NULL;
	int r = object_list_open(c, bucket, &s, &l);

	return r ? r : print_objects(l, filter, bucket, f);
}

static void print_bucket(const struct bucket_desc *d, const struct format *f)
{
	char created[CMD_TIME_LEN];

	if (f->is_long) {
		cmd_format_time(d->created_ns, created);
		print_size(d->bytes, f);
		(void)printf("%s ", created);
	}
	(void)fputs(d->name, stdout);
	if (f->is_long && *d->description) {
		(void)fputs("  ", stdout);
		cmd_print_name(d->description, strlen(d->description));
	}
	(void)putchar('\n');
}

static int print_buckets(struct bucket_desc *const *buckets, size_t count, const struct format *f)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	buf_init(&out, SIZE_MAX);
	json_init(&w, &out);
	json_begin_array(&w, NULL);
	print_title(f, "CREATED              BUCKET");
	for (size_t i = 0; i < count; i++) {
		if (!f->is_json) {
			print_bucket(buckets[i], f);
			continue;
		}
		json_begin_object(&w, NULL);
		cmd_json_bucket(&w, buckets[i]);
		json_end_object(&w);
	}
	json_end_array(&w);
	return f->is_json ? cmd_print_buf(&out) : cmd_flush();
}

static int ls_buckets(struct cmd *c, const struct format *f)
{
	_cleanup_free_ char *why = NULL;
	struct bucket_desc **buckets = NULL;
	size_t count = 0;
	int err, r = cmd_connect(c);

	if (r)
		return r;
	err = bucket_describe_all(&c->connect.config, &buckets, &count, &why);
	if (err)
		return cmd_report(err, why);
	r = print_buckets(buckets, count, f);
	for (size_t i = 0; i < count; i++)
		bucket_desc_free(buckets[i]);
	free(buckets);
	return r;
}

int cmd_ls(struct cmd *c, int argc, char **argv)
{
	struct object_filter filter = {0};
	struct format f = {0};
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt == 'l')
			f.is_long = true;
		else if (opt == 'h')
			f.is_human = true;
		else if (opt == 'p')
			filter.prefix = optarg;
		else if (opt == 'g')
			filter.glob = optarg;
		else if (opt == 'd')
			filter.with_deleted = true;
		else
			return c->status;
	}
	r = cmd_check_args(argc - optind, 0, 2, &spec);
	if (r)
		return r;
	f.is_json = c->is_json;
	if (argc - optind == 2)
		filter.glob = argv[optind + 1];
	if (argc == optind && (filter.prefix || filter.glob || filter.with_deleted))
		return cmd_usage("--prefix, --glob and --deleted are for the objects of a bucket");
	return argc > optind ? ls_objects(c, argv[optind], &filter, &f) : ls_buckets(c, &f);
}
