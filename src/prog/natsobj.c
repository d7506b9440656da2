/* SPDX-License-Identifier: Apache-2.0 */
/* The command line program: finds the subcommand and hands over. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "util/log.h"

struct verb {
	const char *name;
	cmd_fn *run;
	const char *synopsis;
	const char *summary;
};

static const struct verb verbs[] = {
	{"add", cmd_add, "BUCKET", "create a bucket"},
	{"ls", cmd_ls, "[BUCKET]", "list the buckets, or the objects of one"},
	{"put", cmd_put, "BUCKET FILE|-", "store a file as an object"},
	{"get", cmd_get, "BUCKET NAME", "copy an object to a file"},
	{"info", cmd_info, "BUCKET [NAME]", "describe a bucket or an object"},
	{"del", cmd_del, "BUCKET [NAME]", "delete an object or a bucket"},
};

static const char *const options_help =
	"Options of the commands:\n"
	"  add   --description TEXT, --ttl DURATION, --max-bucket-size SIZE,\n"
	"        --storage file|memory, --replicas N\n"
	"  ls    -l, --long, --json\n"
	"  put   --name NAME\n"
	"  get   -O, --output FILE|-\n"
	"  info  --json\n"
	"  del   -f, --force\n"
	"\n"
	"Connection, before or after the command:\n"
	"  --server URL[,URL…]       default $NATS_URL, or nats://127.0.0.1:4222\n"
	"  --creds FILE              credentials file, default $NATS_CREDS\n"
	"  --nkey FILE               seed of an nkey\n"
	"  --user NAME               default $NATS_USER\n"
	"  --password-file FILE      default: the password in $NATS_PASSWORD\n"
	"  --token-file FILE\n"
	"  --tlsca FILE, --tlscert FILE, --tlskey FILE\n"
	"  --domain NAME             JetStream domain\n"
	"  --timeout DURATION        of one operation, default 30s\n";

static int help(void)
{
	(void)printf("Usage: natsobj [OPTION…] COMMAND [ARGUMENT…]\n\n"
		     "Objects in the buckets of a NATS JetStream object store.\n\n"
		     "Commands:\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		(void)printf("  %-5s %-15s %s\n", verbs[i].name, verbs[i].synopsis,
			     verbs[i].summary);
	(void)printf("\n%s", options_help);
	return cmd_flush();
}

static int version(void)
{
	(void)puts("natsobj " NATSOBJ_VERSION);
	return cmd_flush();
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int run_verb(struct connect_opts *co, int argc, char **argv)
{
	const struct verb *verb = find_verb(argv[0]);
	char title[64];
	int r;

	if (strcmp(argv[0], "help") == 0 || (verb && argc > 1 && strcmp(argv[1], "--help") == 0))
		return help();
	if (!verb)
		return cmd_usage("there is no command \"%s\": see natsobj --help", argv[0]);
	(void)snprintf(title, sizeof(title), "natsobj %s", verb->name);
	argv[0] = title;
	/* The GNU library starts afresh with 0. */
	optind = 0;
	r = verb->run(co, argc, argv);
	conn_library_done();
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	_cleanup_connect_opts_ struct connect_opts co;
	char title[] = "natsobj";
	int c;

	connect_opts_init(&co);
	log_init("natsobj", LOG_LEVEL_WARN);
	/* Writing to a pipe without a reader is an error like others, and cleaned up after. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 1)
		return CMD_USAGE;
	argv[0] = title;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h')
			return help();
		if (c == 'V')
			return version();
		if (!connect_opts_take(&co, c, optarg))
			return CMD_USAGE;
	}
	if (optind == argc)
		return cmd_usage("a command is missing: see natsobj --help");
	return run_verb(&co, argc - optind, argv + optind);
}
