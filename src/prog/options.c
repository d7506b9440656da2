/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "objstore/conn_servers.h"
#include "prog/option_internal.h"
#include "util/clock.h"

#define TIB (UINT64_C(1) << 40)
/* Listing fewer takes no time worth saving. */
#define SAVED_MIN 1000

void option_why(char **ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (*ret || vasprintf(ret, fmt, ap) < 0)
		*ret = *ret ? *ret : NULL;
	va_end(ap);
}

/* Servers, bucket and prefix out of nats://host[:port][,host2…]/[kv:]bucket[/prefix]. */
static int parse_spec(struct mount_options *o, char *spec, char **ret_why)
{
	const char *scheme_end = strstr(spec, "://"), *slash, *end, *host, *at;
	char *shown;

	if (!scheme_end || (strncmp(spec, "nats://", 7) != 0 && strncmp(spec, "tls://", 6) != 0)) {
		option_why(ret_why, "\"%s\" is not of the form nats://host[:port]/bucket[/prefix]",
			   spec);
		return -EINVAL;
	}
	host = scheme_end + 3;
	slash = strchr(host, '/');
	if (!slash || slash == host || slash[1] == '/') {
		option_why(ret_why,
			   "the URL names no %s: nats://host[:port]/bucket[/prefix], or "
			   "nats://host[:port]/ for all buckets",
			   slash == host ? "server" : "bucket");
		return -EINVAL;
	}
	o->servers = strndup(spec, (size_t)(slash - spec));
	o->is_kv = strncmp(slash + 1, MOUNT_KV_MARK, strlen(MOUNT_KV_MARK)) == 0;
	if (o->is_kv)
		slash += strlen(MOUNT_KV_MARK);
	end = strchr(slash + 1, '/');
	o->bucket = end ? strndup(slash + 1, (size_t)(end - slash - 1)) : strdup(slash + 1);
	if (asprintf(&o->prefix, "%s%s", end ? end + 1 : "",
		     end && end[1] && end[strlen(end) - 1] != '/' ? "/" : "") < 0)
		o->prefix = NULL;
	at = memrchr(host, '@', (size_t)(slash - host));
	o->has_url_password = at && memchr(host, ':', (size_t)(at - host));
	if (asprintf(&shown, "%.*s%s", (int)(host - spec), spec, at ? at + 1 : host) < 0)
		shown = NULL;
	o->source = shown;
	/* The password leaves the list of processes. */
	if (at)
		memset(spec + (host - spec), 'x', (size_t)(at - host));
	return o->servers && o->bucket && o->prefix && o->source ? 0 : -ENOMEM;
}

/* A wrong URL is told before there is a process in the background. */
static int check_servers(const struct mount_options *o, char **ret_why)
{
	struct conn_server *list;
	size_t n;
	int err = conn_servers_parse(o->servers, false, &list, &n, ret_why);

	if (!err)
		conn_servers_free(list, n);
	return err;
}

static int default_cache_dir(char **ret)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (geteuid() == 0)
		n = asprintf(ret, "/var/cache/natsobj");
	else if (xdg && xdg[0] == '/')
		n = asprintf(ret, "%s/natsobj", xdg);
	else if (home && home[0] == '/')
		n = asprintf(ret, "%s/.cache/natsobj", home);
	else
		n = asprintf(ret, "/var/tmp/natsobj-%u", (unsigned)geteuid());
	return n < 0 ? -ENOMEM : 0;
}

/* The letter that divides the keys of a key-value bucket; 0 where there are objects. */
static char kv_separator(const struct mount_options *o)
{
	static const char letters[] = {[KV_SEPARATOR_SLASH] = '/', [KV_SEPARATOR_DOT] = '.'};

	return o->is_kv ? letters[o->kv_separator] : '\0';
}

/* Options that a key-value bucket has no use for, or needs. */
static int check_kind(const struct mount_options *o, char **ret_why)
{
	if (o->is_kv && !o->bucket[0]) {
		option_why(ret_why, "the URL names no bucket: nats://host[:port]/kv:BUCKET");
		return -EINVAL;
	}
	if (o->is_kv && o->has_acl) {
		option_why(ret_why, "a key-value bucket cannot keep access control lists (acl)");
		return -EINVAL;
	}
	if (!o->is_kv && o->kv_separator != KV_SEPARATOR_SLASH) {
		option_why(ret_why,
			   "kv_separator is for key-value buckets: nats://host[:port]/kv:BUCKET");
		return -EINVAL;
	}
	return 0;
}

/* What the fields mean to the other layers. */
static void fill_configs(struct mount_options *o)
{
	mode_t mask = (mode_t)o->umask_bits;

	o->conn = (struct conn_config){
		.servers = o->servers,
		.name = "mount.natsobj",
		.user = o->user,
		.password = o->password,
		.token = o->token,
		.creds_file = o->creds,
		.nkey_file = o->nkey,
		.tls_ca = o->tlsca,
		.tls_cert = o->tlscert,
		.tls_key = o->tlskey,
		.tls_required = strncmp(o->servers, "tls://", 6) == 0,
		.domain = o->domain,
		.inbox_prefix = o->inbox_prefix,
		.connect_timeout_ms = o->connect_timeout_ms,
		.timeout_ms = o->timeout_ms,
		.is_hard = !o->is_soft,
	};
	o->bucket_opts = (struct bucket_options){.want_create = o->want_create,
						 .want_read_only = o->is_read_only,
						 .window = o->window,
						 .chunk_size = (uint32_t)o->chunk_size,
						 .max_bytes = o->bucket_max_bytes,
						 .kv_separator = kv_separator(o),
						 .kv_history = (uint32_t)o->kv_history};
	o->fs = (struct fs_config){
		.prefix = o->prefix,
		.uid = (uid_t)o->uid,
		.gid = (gid_t)o->gid,
		.fmode = o->has_fmode ? (mode_t)o->fmode : 0666 & ~mask,
		.dmode = o->has_dmode ? (mode_t)o->dmode : 0777 & ~mask,
		.is_read_only = o->is_read_only,
		.has_acl = o->has_acl,
		.memory = o->memory,
		.readahead = o->readahead,
		.cache_dir = o->cache_dir,
		.passthrough = (enum fs_passthrough)o->passthrough,
		.saved_min = SAVED_MIN,
		.disk_cache_size = o->cache_size,
		.disk_min_free = o->cache_min_free,
		.staging_max = o->staging_size,
		.staging_memory = o->staging_memory,
		.conflict = (enum fs_conflict)o->conflict,
		.is_committed_when_killed = o->on_kill != 0,
		.negative_timeout_ms = o->negative_timeout_ms,
		.trust_watch = o->is_trust_watch,
		.is_offline_allowed = o->is_offline,
		.purge_delay_ms = o->purge_delay_ms,
		.commit_interval_ms = o->commit_interval_ms,
		.max_file_size = o->max_file_size,
	};
	/* For user=NAME mount(8) adds suid and dev, which nobody asked for. */
	option_add_kernel(o, o->is_suid && !o->mount_user ? "suid" : "nosuid");
	option_add_kernel(o, o->is_dev && !o->mount_user ? "dev" : "nodev");
	if (o->is_noexec)
		option_add_kernel(o, "noexec");
	/* The calls that make events have to come through; changes are refused all the same. */
	if (o->is_read_only && !o->has_inotify)
		option_add_kernel(o, "ro");
	if (o->is_allow_other)
		option_add_kernel(o, "allow_other");
	else if (o->is_allow_root)
		option_add_kernel(o, "allow_root");
}

static void set_defaults(struct mount_options *o)
{
	*o = (struct mount_options){
		.uid = geteuid(),
		.gid = getegid(),
		.umask_bits = 022,
		.connect_timeout_ms = 5000,
		.timeout_ms = 30000,
		.memory = 256 << 20,
		.readahead = 16 << 20,
		.purge_delay_ms = 30000,
		.commit_interval_ms = 30000,
		.staging_memory = UINT64_C(64) << 20,
		.max_file_size = 8 * TIB,
		.drain_timeout_ms = 60000,
		.lock_lease_ms = 30000,
		.cache_min_free = UINT64_C(1) << 30,
		.open_buckets = 64,
	};
	buf_init(&o->kernel, 4096);
}

/* Letters of a word such as "-sv". Called by mount(8), -f means to do everything but mount. */
static int set_letters(struct mount_options *o, const char *letters, bool is_helper, char **ret_why)
{
	for (; *letters; letters++) {
		switch (*letters) {
		case 'f':
			if (is_helper)
				o->is_fake = true;
			else
				o->is_foreground = true;
			break;
		case 'd':
			o->is_debug = true;
			break;
		case 's':
		case 'n':
		case 'v':
			break;
		case 'h':
			o->want_help = true;
			break;
		case 'V':
			o->want_version = true;
			break;
		default:
			option_why(ret_why, "unknown option \"-%c\"", *letters);
			return -EINVAL;
		}
	}
	return 0;
}

/* Whether mount(8) calls: what it puts on the command line looks like what people write by hand. */
static bool is_called_by_mount(void)
{
	char path[64], name[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", (long)getppid());
	f = fopen(path, "re");
	if (!f)
		return false;
	(void)!fgets(name, sizeof(name), f);
	(void)fclose(f);
	return strcmp(name, "mount\n") == 0;
}

static int parse_words(struct mount_options *o, int argc, char **argv, char **ret_spec,
		       char **ret_why)
{
	bool is_helper = is_called_by_mount();
	int err = 0;

	for (int i = 1; i < argc && !err; i++) {
		char *word = argv[i];

		if (strcmp(word, "--help") == 0) {
			o->want_help = true;
		} else if (strcmp(word, "--version") == 0) {
			o->want_version = true;
		} else if (strcmp(word, "--foreground") == 0) {
			o->is_foreground = true;
		} else if (strcmp(word, "--debug") == 0) {
			o->is_debug = true;
		} else if (strncmp(word, "-o", 2) == 0) {
			if (!word[2] && i + 1 == argc) {
				option_why(ret_why, "-o needs a value");
				return -EINVAL;
			}
			err = option_set_list(o, word[2] ? word + 2 : argv[++i], ret_why);
		} else if (strcmp(word, "-N") == 0 || strcmp(word, "-t") == 0) {
			i++;
		} else if (word[0] == '-' && word[1] && word[1] != '-') {
			err = set_letters(o, word + 1, is_helper, ret_why);
		} else if (word[0] == '-') {
			option_why(ret_why, "unknown option \"%s\"", word);
			err = -EINVAL;
		} else if (!*ret_spec) {
			*ret_spec = word;
		} else if (!o->dir) {
			err = option_set_text(&o->dir, word);
		} else {
			option_why(ret_why, "too many arguments: \"%s\"", word);
			err = -EINVAL;
		}
	}
	return err;
}

int mount_options_parse(struct mount_options *o, int argc, char **argv, char **ret_why)
{
	char *spec = NULL;
	int err;

	*ret_why = NULL;
	set_defaults(o);
	err = parse_words(o, argc, argv, &spec, ret_why);
	if (err || o->want_help || o->want_version)
		return err;
	if (!spec || !o->dir) {
		option_why(ret_why,
			   "what and where to mount? mount.natsobj nats://host[:port]/bucket DIR");
		return -EINVAL;
	}
	if (o->inbox_prefix && !conn_inbox_prefix_is_valid(o->inbox_prefix)) {
		option_why(ret_why, "\"%s\" cannot be the prefix of inboxes", o->inbox_prefix);
		return -EINVAL;
	}
	err = parse_spec(o, spec, ret_why);
	if (!err)
		err = check_servers(o, ret_why);
	if (!err && o->lock_bucket && !*o->bucket) {
		option_why(ret_why, "lock_bucket= is for one bucket, and this mount shows all");
		return -EINVAL;
	}
	if (!err)
		err = check_kind(o, ret_why);
	if (!err)
		err = option_read_secrets(o, ret_why);
	if (!err && o->cache_dir && !*o->cache_dir) {
		option_why(ret_why,
			   "cache_dir= must name a directory; without it there is a default");
		return -EINVAL;
	}
	if (!err && !o->cache_dir)
		err = default_cache_dir(&o->cache_dir);
	if (!err) {
		o->is_foreground |= o->is_debug;
		fill_configs(o);
		err = buf_error(&o->kernel);
	}
	return err;
}

bool mount_options_is_user_mistaken(const struct mount_options *o)
{
	bool has_login = o->user || o->token_file || o->creds || o->nkey || strchr(o->servers, '@');

	return o->mount_user && (o->password_file ? !o->user : !has_login);
}

void mount_options_done(struct mount_options *o)
{
	char *const strings[] = {o->servers,	  o->bucket,	o->prefix,	  o->dir,
				 o->source,	  o->user,	o->creds,	  o->nkey,
				 o->tlsca,	  o->tlscert,	o->password_file, o->token_file,
				 o->tlskey,	  o->domain,	o->cache_dir,	  o->lock_bucket,
				 o->inbox_prefix, o->mount_user};

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	if (o->password)
		explicit_bzero(o->password, strlen(o->password));
	if (o->token)
		explicit_bzero(o->token, strlen(o->token));
	free(o->password);
	free(o->token);
	buf_done(&o->kernel);
}
