/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies an object to a file or to standard output. A version that is replaced while it is being
 * read is given up for the new one, as long as nothing went out that cannot be taken back.
 */
#include "prog/cmd_get.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "prog/cmd_print.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"output", required_argument, NULL, 'O'},
	{"range", required_argument, NULL, 'R'},
	{"recursive", no_argument, NULL, 'r'},
	{"preserve", no_argument, NULL, 'p'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "get BUCKET NAME [-O|--output FILE|-] [--range FIRST-LAST] [-r|--recursive]"
		    " [-p|--preserve]",
	.help = "Copies an object to a file, by default of the name's last component and in the\n"
		"working directory. The file appears or is replaced as a whole, after the content\n"
		"was found to match its digest. Links are followed, also into other buckets.\n\n"
		"  -O, --output FILE|-       where to; - is standard output\n"
		"  --range FIRST-LAST        these bytes only, counted from 0 and both included;\n"
		"                            FIRST- to the end, -N the last N. Not checked\n"
		"  -r, --recursive           all objects below NAME/ into the directory FILE;\n"
		"                            NAME . stands for the whole bucket\n"
		"  -p, --preserve            permission bits and times that the object carries\n",
	.examples = "  natsobj get photos beach.jpg\n"
		    "  natsobj get backup etc/today.tar -O - | tar t\n"
		    "  natsobj get photos 2025 -r -O /srv/photos-2025\n"
		    "  natsobj get backup disk.img --range 0-511 -O mbr\n",
	.short_options = "O:rp",
	.options = options,
};

static int print_result(const struct target *t, const char *path, const struct save_options *o)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	if (!t->cmd->is_json)
		return CMD_OK;
	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	json_string(&w, "file", path);
	json_bool(&w, "verified", t->info->has_digest && !o->range.is_set);
	cmd_json_info(&w, "object", t->info, t->store->bucket);
	json_end_object(&w);
	return cmd_print_buf(&out);
}

static int get_object(struct cmd *c, struct store *s, const char *name, const char *path,
		      const struct save_options *o)
{
	_cleanup_target_ struct target t = {0};
	int r = target_find(c, s, name, &t);

	if (!r)
		r = save_object(&t, name, path, o);
	return r ? r : print_result(&t, path, o);
}

static int take_option(int opt, const char **path, bool *is_recursive, struct save_options *o)
{
	if (opt == 'O')
		*path = optarg;
	else if (opt == 'r')
		*is_recursive = true;
	else if (opt == 'p')
		o->is_preserving = true;
	else if (opt == 'R' && byte_range_parse(optarg, &o->range) < 0)
		return cmd_usage("--range %s is not a range such as 0-99, 100- or -50", optarg);
	else if (opt != 'R')
		return CMD_USAGE;
	return CMD_OK;
}

/* Contradictions, and where to write when nothing was said. */
static int check(const struct cmd *c, const char *name, bool is_recursive,
		 const struct save_options *o, const char **path)
{
	if (!*path && is_recursive && strcmp(name, ".") == 0)
		*path = ".";
	if (!*path)
		*path = cmd_file_name(name);
	if (!*path || !**path)
		return cmd_usage("\"%s\" gives no name for a file: choose one with --output", name);
	if (is_recursive && (o->range.is_set || strcmp(*path, "-") == 0))
		return cmd_usage("a tree goes to a directory, and as a whole");
	if (c->is_json && strcmp(*path, "-") == 0)
		return cmd_usage("--json and the content cannot both go to standard output");
	return CMD_OK;
}

int cmd_get(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	struct save_options o = {0};
	const char *path = NULL, *name;
	bool is_recursive = false;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		r = opt == '?' ? c->status : take_option(opt, &path, &is_recursive, &o);
		if (r || opt == '?')
			return r;
	}
	r = cmd_check_args(argc - optind, 2, 2, &spec);
	if (r)
		return r;
	name = argv[optind + 1];
	r = check(c, name, is_recursive, &o, &path);
	if (!r)
		r = cmd_open_read(c, argv[optind], &s);
	if (r)
		return r;
	if (is_recursive)
		return get_tree(c, s, strcmp(name, ".") == 0 ? "" : name, path, &o);
	return get_object(c, s, name, path, &o);
}
