/* SPDX-License-Identifier: Apache-2.0 */
/* The command line program: finds the subcommand and hands over. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "prog/cmd.h"
#include "prog/cmd_print.h"
#include "util/log.h"

struct verb {
	const char *name;
	cmd_fn *run;
	const char *description;
};

static const struct verb verbs[] = {
	{"add", cmd_add, "create a bucket"},
	{"edit", cmd_edit, "change the settings of a bucket"},
	{"ls", cmd_ls, "list the buckets, or the objects of one"},
	{"info", cmd_info, "describe a bucket or an object"},
	{"seal", cmd_seal, "make a bucket read-only for ever"},
	{"del", cmd_del, "delete an object or a bucket"},
	{"put", cmd_put, "store a file, a tree or standard input"},
	{"get", cmd_get, "copy an object or a tree to files"},
	{"cat", cmd_cat, "write objects to standard output"},
	{"mv", cmd_mv, "rename an object"},
	{"cp", cmd_cp, "copy an object"},
	{"meta", cmd_meta, "show or change description, headers and metadata"},
	{"link", cmd_link, "store a link to an object or a bucket"},
	{"watch", cmd_watch, "report changes as they happen"},
	{"verify", cmd_verify, "check objects against their digests"},
	{"mount", cmd_mount, "mount a bucket as a directory"},
	{"umount", cmd_umount, "unmount a directory"},
	{"mounts", cmd_mounts, "list the mounts of this host"},
	{"status", cmd_status, "show the state of a mount, or of a bucket"},
	{"bench", cmd_bench, "measure how fast the server stores and reads"},
};

static const char *const options_help =
	"Options of all commands, before or after the command:\n"
	"  --json                    results as JSON\n"
	"  -q, --quiet               no progress, only errors\n"
	"  --help                    about one command\n"
	"\n"
	"Connection:\n"
	"  -s, --server URL[,URL…]   default $NATS_URL, or nats://127.0.0.1:4222\n"
	"  --context NAME            a context of the NATS command line, default $NATS_CONTEXT\n"
	"  --creds FILE              credentials file, default $NATS_CREDS\n"
	"  --nkey FILE               seed of an nkey, default $NATS_NKEY\n"
	"  --user NAME               default $NATS_USER\n"
	"  --password-file FILE      default: the password in $NATS_PASSWORD\n"
	"  --token-file FILE         default: the token in $NATS_TOKEN\n"
	"  --tlsca FILE, --tlscert FILE, --tlskey FILE\n"
	"                            default $NATS_CA, $NATS_CERT, $NATS_KEY\n"
	"  --domain NAME             JetStream domain\n"
	"  --inbox-prefix SUBJECT    of the subjects for answers\n"
	"  --timeout DURATION        of one operation, default $NATS_TIMEOUT, or 30s\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong command line; 128 and the number of a signal.\n";

static int help(void)
{
	(void)printf("Usage: natsobj [OPTION…] COMMAND [ARGUMENT…]\n\n"
		     "Objects in the buckets of a NATS JetStream object store.\n\n"
		     "Commands (natsobj COMMAND --help tells more):\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		(void)printf("  %-8s %s\n", verbs[i].name, verbs[i].description);
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

static int run_verb(struct cmd *c, int argc, char **argv)
{
	static char help_option[] = "--help";
	const struct verb *verb;
	char title[64];
	int r;

	/* "natsobj help VERB" */
	if (strcmp(argv[0], "help") == 0) {
		if (argc == 1)
			return help();
		argv[0] = argv[1];
		argv[1] = help_option;
		argc = 2;
	}
	verb = find_verb(argv[0]);
	if (!verb)
		return cmd_usage("there is no command \"%s\": see natsobj --help", argv[0]);
	(void)snprintf(title, sizeof(title), "natsobj %s", verb->name);
	argv[0] = title;
	/* The GNU library starts afresh with 0. */
	optind = 0;
	r = verb->run(c, argc, argv);
	conn_library_done();
	return r;
}

/* A connection in the place of a closed standard stream would get what is meant for that. Writing
 * to the stand-in fails as on a closed stream. */
static void occupy_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

static int run(struct cmd *c, int argc, char **argv)
{
	static const struct option options[] = {
		CMD_LONG_OPTIONS,
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "+h" CMD_SHORT_OPTIONS, options, NULL)) != -1) {
		if (opt == 'h' || opt == CMD_OPT_HELP)
			return help();
		if (opt == 'V')
			return version();
		if (!cmd_take_common(c, opt, optarg))
			return CMD_USAGE;
	}
	if (optind == argc)
		return cmd_usage("a command is missing: see natsobj --help");
	return run_verb(c, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	struct cmd c = {0};
	char title[] = "natsobj";
	int r;

	occupy_standard_streams();
	connect_opts_init(&c.connect);
	log_init("natsobj", LOG_LEVEL_WARN);
	/* Writing to a pipe without a reader is an error like others, and cleaned up after. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 1)
		return CMD_USAGE;
	argv[0] = title;
	r = run(&c, argc, argv);
	connect_opts_done(&c.connect);
	return r;
}
