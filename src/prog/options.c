/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/parse.h"

#define SECRET_MAX 4096
#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define TIB (UINT64_C(1) << 40)

/* The help of a CHOICE begins with its words, "first|second: …"; the field gets the number of one.
 */
enum kind { FLAG, TEXT, NUMBER, OCTAL, SIZE, DURATION, CHOICE, IGNORED, TO_KERNEL };

struct option_def {
	const char *name;
	enum kind kind;
	size_t at; /* of the field in struct mount_options */
	uint64_t min, max;
	const char *help; /* NULL: not shown */
};

#define AT(field) offsetof(struct mount_options, field)

/* The one table: parsing and --help come from it. */
static const struct option_def defs[] = {
	{"ro", FLAG, AT(is_read_only), 0, 0, "refuse every change"},
	{"create", FLAG, AT(want_create), 0, 0, "make the bucket if it does not exist"},
	{"bucket_size", SIZE, AT(bucket_max_bytes), 0, UINT64_MAX, "its limit, with create (none)"},
	{"uid", NUMBER, AT(uid), 0, UINT32_MAX - 1,
	 "owner of objects that have none (mounting user)"},
	{"gid", NUMBER, AT(gid), 0, UINT32_MAX - 1, "their group"},
	{"umask", OCTAL, AT(umask_bits), 0, 0777, "permission bits they lack (022)"},
	{"fmode", OCTAL, AT(fmode), 0, 0777, "permission bits of their files"},
	{"dmode", OCTAL, AT(dmode), 0, 0777, "and of directories"},
	{"allow_other", FLAG, AT(is_allow_other), 0, 0, "let all users in"},
	{"allow_root", FLAG, AT(is_allow_root), 0, 0, "let root in"},
	{"acl", FLAG, AT(has_acl), 0, 0, "POSIX access control lists"},
	{"creds", TEXT, AT(creds), 0, 0, "file with user JWT and seed"},
	{"nkey", TEXT, AT(nkey), 0, 0, "file with an nkey seed"},
	{"user", TEXT, AT(user), 0, 0, "user name"},
	{"password_file", TEXT, AT(password_file), 0, 0, "file with the password"},
	{"token_file", TEXT, AT(token_file), 0, 0, "file with the token"},
	{"tlsca", TEXT, AT(tlsca), 0, 0, "file with certificates of authorities"},
	{"tlscert", TEXT, AT(tlscert), 0, 0, "file with our certificate chain"},
	{"tlskey", TEXT, AT(tlskey), 0, 0, "file with its key"},
	{"domain", TEXT, AT(domain), 0, 0, "JetStream domain"},
	{"connect_timeout", DURATION, AT(connect_timeout_ms), 100, DAY_MS, "for each server (5s)"},
	{"timeout", DURATION, AT(timeout_ms), 100, DAY_MS, "of one operation (30s)"},
	{"soft", FLAG, AT(is_soft), 0, 0, "fail when the server is away longer than that"},
	{"hard", IGNORED, 0, 0, 0, "wait until it is back (the default)"},
	{"memory", SIZE, AT(memory), 4 << 20, TIB, "for content received and in flight (256M)"},
	{"readahead", SIZE, AT(readahead), 0, 1 << 30,
	 "requested ahead of a sequential reader (16M)"},
	{"window", SIZE, AT(window), 1 << 17, 1 << 30, "unacknowledged bytes of uploads (8M)"},
	{"chunk_size", SIZE, AT(chunk_size), 1024, 64 << 20, "of new objects (128K)"},
	{"cache_dir", TEXT, AT(cache_dir), 0, 0, "directory for staging files"},
	{"staging_size", SIZE, AT(staging_size), 0, UINT64_MAX, "their limit (none)"},
	{"staging_memory", SIZE, AT(staging_memory), 0, TIB,
	 "for changes of small files, which need no staging file (64M)"},
	{"conflict", CHOICE, AT(conflict), 0, 0,
	 "copy|fail|overwrite: what a change of replaced content becomes (copy)"},
	{"on_kill", CHOICE, AT(on_kill), 0, 0,
	 "keep|commit: what a file is whose writer was killed while replacing it (keep)"},
	{"locks", CHOICE, AT(locks), 0, 0,
	 "local|cluster: where flock and fcntl locks count, on this host or on all (local)"},
	{"lock_bucket", TEXT, AT(lock_bucket), 0, 0,
	 "key-value bucket for locks=cluster (BUCKET_locks)"},
	{"lock_lease", DURATION, AT(lock_lease_ms), 1000, 3600 * 1000,
	 "after which the locks of a host that is gone are free (30s)"},
	{"negative_timeout", DURATION, AT(negative_timeout_ms), 0, DAY_MS,
	 "believe that a name is absent for so long (0)"},
	{"trust_watch", FLAG, AT(is_trust_watch), 0, 0,
	 "readers open what the watch has told, without asking the server"},
	{"purge_delay", DURATION, AT(purge_delay_ms), 0, DAY_MS,
	 "keep replaced content for other readers (30s)"},
	{"max_file_size", SIZE, AT(max_file_size), 1, INT64_MAX, "(8T)"},
	{"drain_timeout", DURATION, AT(drain_timeout_ms), 0, DAY_MS,
	 "for storing unsaved files when the mount ends (60s)"},
	{"foreground", FLAG, AT(is_foreground), 0, 0, "do not go to the background (also -f)"},
	{"debug", FLAG, AT(is_debug), 0, 0, "foreground, and show every request (also -d)"},
	{"suid", FLAG, AT(is_suid), 0, 0, "honour set-user-ID bits"},
	{"dev", FLAG, AT(is_dev), 0, 0, "honour device nodes"},
	{"noexec", FLAG, AT(is_noexec), 0, 0, "run no programs"},
	{"rw", IGNORED, 0, 0, 0, NULL},
	{"nosuid", IGNORED, 0, 0, 0, NULL},
	{"nodev", IGNORED, 0, 0, 0, NULL},
	{"exec", IGNORED, 0, 0, 0, NULL},
	{"atime", IGNORED, 0, 0, 0, NULL},
	{"noatime", TO_KERNEL, 0, 0, 0, NULL},
	{"relatime", IGNORED, 0, 0, 0, NULL},
	{"norelatime", IGNORED, 0, 0, 0, NULL},
	{"diratime", IGNORED, 0, 0, 0, NULL},
	{"nodiratime", IGNORED, 0, 0, 0, NULL},
	{"defaults", IGNORED, 0, 0, 0, NULL},
	{"default_permissions", IGNORED, 0, 0, 0, NULL},
	{"user", IGNORED, 0, 0, 0, NULL},
	{"users", IGNORED, 0, 0, 0, NULL},
	{"nouser", IGNORED, 0, 0, 0, NULL},
	{"owner", IGNORED, 0, 0, 0, NULL},
	{"group", IGNORED, 0, 0, 0, NULL},
	{"nofail", IGNORED, 0, 0, 0, NULL},
	{"noauto", IGNORED, 0, 0, 0, NULL},
	{"auto", IGNORED, 0, 0, 0, NULL},
	{"_netdev", IGNORED, 0, 0, 0, NULL},
	{"comment", IGNORED, 0, 0, 0, NULL},
};

static void why(char **ret, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void why(char **ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (*ret || vasprintf(ret, fmt, ap) < 0)
		*ret = *ret ? *ret : NULL;
	va_end(ap);
}

static bool takes_value(enum kind kind)
{
	return kind == TEXT || kind == NUMBER || kind == OCTAL || kind == SIZE ||
	       kind == DURATION || kind == CHOICE;
}

/* The entry that fits; "user" is a name with a value and a flag of mount(8) without. */
static const struct option_def *find_def(const char *name, bool has_value)
{
	const struct option_def *other = NULL;

	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		if (strcmp(defs[i].name, name) != 0)
			continue;
		if (takes_value(defs[i].kind) == has_value)
			return &defs[i];
		other = &defs[i];
	}
	return other;
}

static int set_choice(const char *choices, const char *value, uint64_t *field)
{
	size_t len = strlen(value);

	for (uint64_t i = 0;; i++) {
		size_t n = strcspn(choices, "|:");

		if (n == len && memcmp(choices, value, n) == 0) {
			*field = i;
			return 0;
		}
		if (choices[n] != '|')
			return -EINVAL;
		choices += n + 1;
	}
}

static int set_number(const struct option_def *d, const char *value, uint64_t *field)
{
	switch (d->kind) {
	case NUMBER:
		return parse_u64(value, 10, d->min, d->max, field);
	case OCTAL:
		return parse_u64(value, 8, d->min, d->max, field);
	case SIZE:
		return parse_size(value, d->min, d->max, field);
	case DURATION:
		return parse_duration_ms(value, d->min, d->max, field);
	case CHOICE:
		return set_choice(d->help, value, field);
	case FLAG:
	case TEXT:
	case IGNORED:
	case TO_KERNEL:
		break;
	}
	return -EINVAL;
}

static int set_text(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static void add_kernel_option(struct mount_options *o, const char *text)
{
	if (o->kernel.len > 0)
		buf_append_char(&o->kernel, ',');
	buf_append_str(&o->kernel, text);
}

static int set_option(struct mount_options *o, char *name, const char *value, char **ret_why)
{
	const struct option_def *d;
	void *field;
	int err = 0;

	if (strncmp(name, "x-", 2) == 0 || strncmp(name, "X-", 2) == 0)
		return 0;
	for (char *p = name + 1; *p; p++)
		if (*p == '-')
			*p = '_';
	d = find_def(name, value != NULL);
	if (!d) {
		why(ret_why, "unknown option \"%s\"", name);
		return -EINVAL;
	}
	field = (char *)o + d->at;
	if (takes_value(d->kind) != (value != NULL) && d->kind != IGNORED) {
		why(ret_why,
		    takes_value(d->kind) ? "option \"%s\" needs a value"
					 : "option \"%s\" takes no value",
		    name);
		return -EINVAL;
	}
	if (d->kind == FLAG)
		*(bool *)field = true;
	else if (d->kind == TO_KERNEL)
		add_kernel_option(o, name);
	else if (d->kind == TEXT)
		err = set_text(field, value);
	else if (d->kind != IGNORED)
		err = set_number(d, value, field);
	if (err)
		why(ret_why, "bad value \"%s\" of option \"%s\"", value, name);
	o->has_fmode |= d->at == AT(fmode);
	o->has_dmode |= d->at == AT(dmode);
	return err;
}

/* Options separated by commas; "\," is a comma inside a value. */
static int set_options(struct mount_options *o, const char *list, char **ret_why)
{
	_cleanup_free_ char *copy = strdup(list);
	char *p = copy, *start = copy, *out = copy;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	for (bool is_end = false; !is_end && !err; p++) {
		if (*p == '\\' && p[1]) {
			*out++ = *++p;
			continue;
		}
		is_end = *p == '\0';
		if (!is_end && *p != ',') {
			*out++ = *p;
			continue;
		}
		*out++ = '\0';
		if (*start) {
			char *value = strchr(start, '=');

			if (value)
				*value++ = '\0';
			err = set_option(o, start, value, ret_why);
		}
		start = out;
	}
	return err;
}

/* Servers, bucket and prefix out of nats://host[:port][,host2…]/bucket[/prefix]. */
static int parse_spec(struct mount_options *o, char *spec, char **ret_why)
{
	const char *scheme_end = strstr(spec, "://"), *slash, *end, *host, *at;
	char *shown;

	if (!scheme_end || (strncmp(spec, "nats://", 7) != 0 && strncmp(spec, "tls://", 6) != 0)) {
		why(ret_why, "\"%s\" is not of the form nats://host[:port]/bucket[/prefix]", spec);
		return -EINVAL;
	}
	host = scheme_end + 3;
	slash = strchr(host, '/');
	if (!slash || slash == host || slash[1] == '\0' || slash[1] == '/') {
		why(ret_why, "the URL names no %s: nats://host[:port]/bucket[/prefix]",
		    slash == host ? "server" : "bucket");
		return -EINVAL;
	}
	o->servers = strndup(spec, (size_t)(slash - spec));
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

/* First line of a file that only its owner may read. */
static int read_secret(const char *path, char **ret, char **ret_why)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[SECRET_MAX + 1];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		why(ret_why, "cannot read %s: %s", path, strerror(errno));
		return -EACCES;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077)) {
		why(ret_why, "%s must be a file that nobody but its owner can read (chmod 600)",
		    path);
		return -EACCES;
	}
	n = read(fd, text, SECRET_MAX);
	if (n < 0) {
		why(ret_why, "cannot read %s: %s", path, strerror(errno));
		return -EACCES;
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return set_text(ret, text);
}

static int check_secret_file(const char *path, char **ret_why)
{
	char *text = NULL;
	int err = path ? read_secret(path, &text, ret_why) : 0;

	free(text);
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

static int read_secrets(struct mount_options *o, char **ret_why)
{
	int err = 0;

	if (o->password_file)
		err = read_secret(o->password_file, &o->password, ret_why);
	if (!err && o->token_file)
		err = read_secret(o->token_file, &o->token, ret_why);
	if (!err)
		err = check_secret_file(o->creds, ret_why);
	if (!err)
		err = check_secret_file(o->nkey, ret_why);
	return err ? err : check_secret_file(o->tlskey, ret_why);
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
		.connect_timeout_ms = o->connect_timeout_ms,
		.timeout_ms = o->timeout_ms,
		.is_hard = !o->is_soft,
	};
	o->bucket_opts = (struct bucket_options){.want_create = o->want_create,
						 .want_read_only = o->is_read_only,
						 .window = o->window,
						 .chunk_size = (uint32_t)o->chunk_size,
						 .max_bytes = o->bucket_max_bytes};
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
		.staging_max = o->staging_size,
		.staging_memory = o->staging_memory,
		.conflict = (enum fs_conflict)o->conflict,
		.is_committed_when_killed = o->on_kill != 0,
		.negative_timeout_ms = o->negative_timeout_ms,
		.trust_watch = o->is_trust_watch,
		.purge_delay_ms = o->purge_delay_ms,
		.max_file_size = o->max_file_size,
	};
	add_kernel_option(o, o->is_suid ? "suid" : "nosuid");
	add_kernel_option(o, o->is_dev ? "dev" : "nodev");
	if (o->is_noexec)
		add_kernel_option(o, "noexec");
	if (o->is_read_only)
		add_kernel_option(o, "ro");
	if (o->is_allow_other)
		add_kernel_option(o, "allow_other");
	else if (o->is_allow_root)
		add_kernel_option(o, "allow_root");
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
		.staging_memory = UINT64_C(64) << 20,
		.max_file_size = 8 * TIB,
		.drain_timeout_ms = 60000,
		.lock_lease_ms = 30000,
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
			why(ret_why, "unknown option \"-%c\"", *letters);
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
				why(ret_why, "-o needs a value");
				return -EINVAL;
			}
			err = set_options(o, word[2] ? word + 2 : argv[++i], ret_why);
		} else if (strcmp(word, "-N") == 0 || strcmp(word, "-t") == 0) {
			i++;
		} else if (word[0] == '-' && word[1] && word[1] != '-') {
			err = set_letters(o, word + 1, is_helper, ret_why);
		} else if (word[0] == '-') {
			why(ret_why, "unknown option \"%s\"", word);
			err = -EINVAL;
		} else if (!*ret_spec) {
			*ret_spec = word;
		} else if (!o->dir) {
			err = set_text(&o->dir, word);
		} else {
			why(ret_why, "too many arguments: \"%s\"", word);
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
		why(ret_why,
		    "what and where to mount? mount.natsobj nats://host[:port]/bucket DIR");
		return -EINVAL;
	}
	err = parse_spec(o, spec, ret_why);
	if (!err)
		err = read_secrets(o, ret_why);
	if (!err && !o->cache_dir)
		err = default_cache_dir(&o->cache_dir);
	if (!err) {
		o->is_foreground |= o->is_debug;
		fill_configs(o);
		err = buf_error(&o->kernel);
	}
	return err;
}

void mount_options_done(struct mount_options *o)
{
	char *const strings[] = {o->servers, o->bucket,	 o->prefix,	   o->dir,
				 o->source,  o->user,	 o->creds,	   o->nkey,
				 o->tlsca,   o->tlscert, o->password_file, o->token_file,
				 o->tlskey,  o->domain,	 o->cache_dir,	   o->lock_bucket};

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

void mount_options_usage(struct buf *out)
{
	buf_append_str(out,
		       "Usage: mount.natsobj nats://host[:port]/bucket[/prefix] DIR [-f] [-d] [-o "
		       "option[,option…]]\n\n"
		       "Mounts a NATS JetStream object-store bucket as a directory.\n\nOptions:\n");
	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		char left[32];

		if (!defs[i].help)
			continue;
		(void)snprintf(left, sizeof(left), "%s%s", defs[i].name,
			       takes_value(defs[i].kind) ? "=" : "");
		buf_printf(out, "  %-18s %s\n", left, defs[i].help);
	}
}
