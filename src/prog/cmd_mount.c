/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount and umount: a front of mount.natsobj and the tools that unmount, with the servers and
 * credentials that all commands understand. Secrets go to the helper in files without a name, of
 * which the command line shows a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "objstore/conn_servers.h"
#include "objstore/subject.h"
#include "prog/cmd.h"
#include "prog/cmd_print.h"
#include "prog/options.h"

#define TEXT_MAX 65536

static const struct option mount_options[] = {
	CMD_LONG_OPTIONS,
	{"options", required_argument, NULL, 'o'},
	{0},
};

static const struct cmd_spec mount_spec = {
	.synopsis = "mount [kv:]BUCKET[/PREFIX]|nats://HOST/[kv:]BUCKET[/PREFIX] DIR [-o OPTION,…]",
	.help = "Mounts a bucket as a directory, which stays when the command has ended. Servers\n"
		"and credentials are those of all commands. With kv: it is a key-value bucket,\n"
		"whose keys are the files. See mount.natsobj(8).\n\n"
		"  -o, --options OPTION,…    options of mount.natsobj, such as ro or allow_other\n",
	.examples = "  natsobj mount photos /mnt/photos\n"
		    "  natsobj mount nats://nas/photos/2025 /mnt/2025 -o ro\n"
		    "  natsobj mount kv:settings /mnt/settings\n",
	.short_options = "o:",
	.options = mount_options,
};

static const struct option umount_options[] = {
	CMD_LONG_OPTIONS,
	{0},
};

static const struct cmd_spec umount_spec = {
	.synopsis = "umount DIR",
	.help = "Unmounts a directory after what was written to it is stored.\n",
	.examples = "  natsobj umount /mnt/photos\n",
	.short_options = "",
	.options = umount_options,
};

/* Beside this program first, as in a build directory, then where helpers are installed. */
static char *find_helper(const char *name)
{
	static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin",
					   "/bin"};
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *path;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i <= ARRAY_LEN(dirs); i++) {
		if (asprintf(&path, "%s/%s", i == 0 ? self : dirs[i - 1], name) < 0)
			return NULL;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* Runs a program and waits for it: its exit status as CMD_OK or CMD_FAILURE. */
static int run_program(char *const argv[])
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return cmd_fail("cannot run %s: %s", argv[0], strerror(errno));
	if (child == 0) {
		(void)execv(argv[0], argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return cmd_fail("cannot wait for %s: %s", argv[0], strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return cmd_fail("cannot run %s", argv[0]);
	/* The program has said why. */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CMD_OK : CMD_FAILURE;
}

/* ",name=value" with what separates options escaped. */
static void add_option(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(out, "%s%s=", out->len > 0 ? "," : "", name);
	for (; *value; value++) {
		if (*value == ',' || *value == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, *value);
	}
}

/* The descriptor stays open for the helper. */
static int add_secret(struct buf *out, const char *name, const char *secret)
{
	char path[64];
	int fd;

	if (!secret || !*secret)
		return 0;
	fd = memfd_create("natsobj-secret", 0);
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    write(fd, secret, strlen(secret)) != (ssize_t)strlen(secret))
		return fd < 0 ? -errno : -EIO;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	add_option(out, name, path);
	return 0;
}

/* The URL of mount.natsobj, which shows: without credentials. */
static void format_source(const struct conn_server *servers, size_t n, const char *bucket,
			  struct buf *out)
{
	buf_append_str(out, servers[0].is_tls ? "tls://" : "nats://");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		buf_append_str(out, strstr(servers[i].label, "://") + strlen("://"));
	}
	buf_printf(out, "/%s", bucket);
}

/* Those in the URL of a server come first. */
static int add_login(const struct conn_config *cfg, const struct conn_server *servers, size_t n,
		     struct buf *out)
{
	int err;

	for (size_t i = 0; i < n; i++) {
		if (servers[i].token)
			return add_secret(out, "token_file", servers[i].token);
		if (!servers[i].user)
			continue;
		add_option(out, "username", servers[i].user);
		return add_secret(out, "password_file", servers[i].password);
	}
	add_option(out, "username", cfg->user);
	err = add_secret(out, "password_file", cfg->password);
	return err ? err : add_secret(out, "token_file", cfg->token);
}

static void add_connection(const struct conn_config *cfg, struct buf *out)
{
	char timeout[32];

	add_option(out, "creds", cfg->creds_file);
	add_option(out, "nkey", cfg->nkey_file);
	add_option(out, "tlsca", cfg->tls_ca);
	add_option(out, "tlscert", cfg->tls_cert);
	add_option(out, "tlskey", cfg->tls_key);
	add_option(out, "domain", cfg->domain);
	add_option(out, "inbox_prefix", cfg->inbox_prefix);
	(void)snprintf(timeout, sizeof(timeout), "%llums", (unsigned long long)cfg->timeout_ms);
	add_option(out, "timeout", timeout);
}

/* A bucket, and perhaps a prefix, on the servers of all commands. */
static int complete_source(struct cmd *c, const char *bucket, struct buf *source, struct buf *opts)
{
	const struct conn_config *cfg = &c->connect.config;
	const char *bare = strncmp(bucket, MOUNT_KV_MARK, strlen(MOUNT_KV_MARK)) == 0
				   ? bucket + strlen(MOUNT_KV_MARK)
				   : bucket;
	_cleanup_free_ char *name = strndup(bare, strcspn(bare, "/")), *why = NULL;
	struct conn_server *servers;
	size_t n;
	int err;

	if (!name || !obj_bucket_is_valid(name))
		return cmd_usage("\"%s\" cannot be the name of a bucket", name ? name : "");
	err = connect_opts_finish(&c->connect, &why);
	if (!err)
		err = conn_servers_parse(cfg->servers, cfg->tls_required, &servers, &n, &why);
	if (err)
		return cmd_usage("%s", why ? why : strerror(-err));
	format_source(servers, n, bucket, source);
	add_connection(cfg, opts);
	err = add_login(cfg, servers, n, opts);
	conn_servers_free(servers, n);
	return err ? cmd_fail("cannot hand over the credentials: %s", strerror(-err)) : CMD_OK;
}

static int report_mounted(const struct cmd *c, const char *dir, const char *source)
{
	return cmd_print_outcome(c, "directory", dir, "source", source, "mounted", source != NULL);
}

static int mount_source(struct cmd *c, const char *what, char *dir, const char *given)
{
	_cleanup_free_ char *helper = find_helper("mount.natsobj");
	_cleanup_buf_ struct buf source = {0}, opts = {0};
	char minus_o[] = "-o";
	int r = CMD_OK;

	buf_init(&source, TEXT_MAX);
	buf_init(&opts, TEXT_MAX);
	if (!helper)
		return cmd_fail("mount.natsobj is not installed");
	if (strstr(what, "://"))
		buf_append_str(&source, what);
	else
		r = complete_source(c, what, &source, &opts);
	if (r)
		return r;
	if (given)
		buf_printf(&opts, "%s%s", opts.len > 0 ? "," : "", given);
	if (buf_error(&source) || buf_error(&opts))
		return cmd_fail("the options are too long");
	r = run_program((char *[]){helper, source.data, dir, opts.len > 0 ? minus_o : NULL,
				   opts.data, NULL});
	return r ? r : report_mounted(c, dir, source.data);
}

int cmd_mount(struct cmd *c, int argc, char **argv)
{
	const char *given = NULL;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &mount_spec)) != -1) {
		if (opt != 'o')
			return c->status;
		given = optarg;
	}
	r = cmd_check_args(argc - optind, 2, 2, &mount_spec);
	return r ? r : mount_source(c, argv[optind], argv[optind + 1], given);
}

int cmd_umount(struct cmd *c, int argc, char **argv)
{
	_cleanup_free_ char *helper = NULL, *fallback = NULL;
	char minus_u[] = "-u";
	int r;

	if (cmd_option(c, argc, argv, &umount_spec) != -1)
		return c->status;
	r = cmd_check_args(argc - optind, 1, 1, &umount_spec);
	if (r)
		return r;
	helper = find_helper("umount.natsobj");
	fallback = find_helper("fusermount3");
	if (helper)
		r = run_program((char *[]){helper, argv[optind], NULL});
	else if (fallback)
		r = run_program((char *[]){fallback, minus_u, argv[optind], NULL});
	else
		r = cmd_fail("neither umount.natsobj nor fusermount3 is installed");
	return r ? r : report_mounted(c, argv[optind], NULL);
}
