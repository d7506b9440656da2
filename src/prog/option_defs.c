/* SPDX-License-Identifier: Apache-2.0 */

/* The options behind -o: one table, from which parsing and --help come. */

#include "prog/option_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/parse.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define TIB (UINT64_C(1) << 40)

/* A CLEAR takes a FLAG back: the last one counts. The help of a CHOICE begins with its words,
 * "first|second: …"; the field gets the number of one. What is IGNORED may have a value;
 * MOUNT_USER is, and its value is kept for a warning. */
enum kind {
	FLAG,
	TEXT,
	NUMBER,
	OCTAL,
	SIZE,
	DURATION,
	CHOICE,
	CLEAR,
	IGNORED,
	MOUNT_USER,
	TO_KERNEL
};

struct option_def {
	const char *name;
	enum kind kind;
	size_t at; /* of the field in struct mount_options */
	uint64_t min, max;
	const char *help; /* NULL: not shown */
};

#define AT(field) offsetof(struct mount_options, field)

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
	{"username", TEXT, AT(user), 0, 0, "NATS user (user= is an option of mount(8))"},
	{"password_file", TEXT, AT(password_file), 0, 0, "file with the password"},
	{"token_file", TEXT, AT(token_file), 0, 0, "file with the token"},
	{"tlsca", TEXT, AT(tlsca), 0, 0, "file with certificates of authorities"},
	{"tlscert", TEXT, AT(tlscert), 0, 0, "file with our certificate chain"},
	{"tlskey", TEXT, AT(tlskey), 0, 0, "file with its key"},
	{"domain", TEXT, AT(domain), 0, 0, "JetStream domain"},
	{"inbox_prefix", TEXT, AT(inbox_prefix), 0, 0, "of subjects for answers (_INBOX)"},
	{"connect_timeout", DURATION, AT(connect_timeout_ms), 100, DAY_MS, "for each server (5s)"},
	{"timeout", DURATION, AT(timeout_ms), 100, DAY_MS, "of one operation (30s)"},
	{"soft", FLAG, AT(is_soft), 0, 0, "fail when the server is away longer than that"},
	{"hard", IGNORED, 0, 0, 0, "wait until it is back (the default)"},
	{"memory", SIZE, AT(memory), 4 << 20, TIB, "for content received and in flight (256M)"},
	{"readahead", SIZE, AT(readahead), 0, 1 << 30,
	 "requested ahead of a sequential reader (16M)"},
	{"window", SIZE, AT(window), 1 << 17, 1 << 30, "unacknowledged bytes of uploads (8M)"},
	{"chunk_size", SIZE, AT(chunk_size), 1024, 64 << 20, "of new objects (128K)"},
	{"cache_dir", TEXT, AT(cache_dir), 0, 0, "directory for staging files and the disk cache"},
	{"cache_size", SIZE, AT(cache_size), 0, INT64_MAX,
	 "keep what was read there, up to so many bytes (0: nothing)"},
	{"cache_min_free", SIZE, AT(cache_min_free), 0, INT64_MAX,
	 "of its disk, left to others by the disk cache (1G)"},
	{"passthrough", CHOICE, AT(passthrough), 0, 0,
	 "auto|on|off: whether the kernel reads files of that cache by itself; auto: with ro "
	 "(auto)"},
	{"staging_size", SIZE, AT(staging_size), 0, UINT64_MAX, "their limit (none)"},
	{"staging_memory", SIZE, AT(staging_memory), 0, TIB,
	 "for changes of small files, which need no staging file (64M)"},
	{"conflict", CHOICE, AT(conflict), 0, 0,
	 "copy|fail|overwrite: what a change of replaced content becomes (copy)"},
	{"on_kill", CHOICE, AT(on_kill), 0, 0,
	 "keep|commit: what a file is whose writer was killed while replacing it (keep)"},
	{"inotify", FLAG, AT(has_inotify), 0, 0, "make events of what others change"},
	{"locks", CHOICE, AT(locks), 0, 0,
	 "local|cluster: where flock and fcntl locks count, on this host or on all (local)"},
	{"lock_bucket", TEXT, AT(lock_bucket), 0, 0,
	 "key-value bucket for locks=cluster (BUCKET_locks)"},
	{"lock_lease", DURATION, AT(lock_lease_ms), 1000, 3600 * 1000,
	 "after which the locks of a host that is gone are free (30s)"},
	{"kv_history", NUMBER, AT(kv_history), 1, 64,
	 "versions of each key that a key-value bucket keeps, with create (1)"},
	{"kv_separator", CHOICE, AT(kv_separator), 0, 0,
	 "/|.: what divides the keys of a key-value bucket into directories (/)"},
	{"open_buckets", NUMBER, AT(open_buckets), 1, 4096,
	 "of a mount of all buckets, at one time (64)"},
	{"negative_timeout", DURATION, AT(negative_timeout_ms), 0, DAY_MS,
	 "believe that a name is absent for so long (0)"},
	{"offline", FLAG, AT(is_offline), 0, 0,
	 "while the server is away, open for reading what was known"},
	{"trust_watch", FLAG, AT(is_trust_watch), 0, 0,
	 "readers open what the watch has told, without asking the server"},
	{"commit_interval", DURATION, AT(commit_interval_ms), 0, DAY_MS,
	 "after which a large file is stored whole whose changes fsync has stored; 0: fsync does "
	 "(30s)"},
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
	/* The other general options of mount(8). Times of access are not kept, what changes a
	 * directory is always stored at once, and fuse knows neither mandatory locks nor versions
	 * of inodes. */
	{"rw", CLEAR, AT(is_read_only), 0, 0, NULL},
	{"nosuid", CLEAR, AT(is_suid), 0, 0, NULL},
	{"nodev", CLEAR, AT(is_dev), 0, 0, NULL},
	{"exec", CLEAR, AT(is_noexec), 0, 0, NULL},
	{"atime", IGNORED, 0, 0, 0, NULL},
	{"noatime", TO_KERNEL, 0, 0, 0, NULL},
	{"relatime", IGNORED, 0, 0, 0, NULL},
	{"norelatime", IGNORED, 0, 0, 0, NULL},
	{"strictatime", IGNORED, 0, 0, 0, NULL},
	{"nostrictatime", IGNORED, 0, 0, 0, NULL},
	{"lazytime", IGNORED, 0, 0, 0, NULL},
	{"nolazytime", IGNORED, 0, 0, 0, NULL},
	{"sync", TO_KERNEL, 0, 0, 0, NULL},
	{"async", TO_KERNEL, 0, 0, 0, NULL},
	{"dirsync", IGNORED, 0, 0, 0, NULL},
	{"mand", IGNORED, 0, 0, 0, NULL},
	{"nomand", IGNORED, 0, 0, 0, NULL},
	{"iversion", IGNORED, 0, 0, 0, NULL},
	{"noiversion", IGNORED, 0, 0, 0, NULL},
	{"silent", IGNORED, 0, 0, 0, NULL},
	{"loud", IGNORED, 0, 0, 0, NULL},
	{"symfollow", IGNORED, 0, 0, 0, NULL},
	{"remount", FLAG, AT(is_remount), 0, 0, NULL},
	{"diratime", IGNORED, 0, 0, 0, NULL},
	{"nodiratime", IGNORED, 0, 0, 0, NULL},
	{"defaults", IGNORED, 0, 0, 0, NULL},
	{"default_permissions", IGNORED, 0, 0, 0, NULL},
	{"user", MOUNT_USER, AT(mount_user), 0, 0, NULL},
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

static bool takes_value(enum kind kind)
{
	return kind == TEXT || kind == NUMBER || kind == OCTAL || kind == SIZE ||
	       kind == DURATION || kind == CHOICE;
}

static bool may_have_value(enum kind kind)
{
	return takes_value(kind) || kind == IGNORED || kind == MOUNT_USER;
}

static const struct option_def *find_def(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(defs); i++)
		if (strcmp(defs[i].name, name) == 0)
			return &defs[i];
	return NULL;
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
	case CLEAR:
	case IGNORED:
	case MOUNT_USER:
	case TO_KERNEL:
		break;
	}
	return -EINVAL;
}

/* A limit as people write it, in the largest unit that says it exactly. */
static void add_limit(enum kind kind, uint64_t value, struct buf *out)
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = {{3600 * 1000, "h"}, {60 * 1000, "m"}, {1000, "s"}, {1, "ms"}};
	static const char *const suffixes[] = {"", "K", "M", "G", "T"};
	size_t i = 0;

	if (kind == OCTAL) {
		buf_printf(out, "%llo", (unsigned long long)value);
	} else if (kind == SIZE) {
		for (; value && value % 1024 == 0 && i + 1 < ARRAY_LEN(suffixes); i++)
			value /= 1024;
		buf_printf(out, "%llu%s", (unsigned long long)value, suffixes[i]);
	} else if (kind == DURATION && value) {
		while (value % units[i].ms != 0)
			i++;
		buf_printf(out, "%llu%s", (unsigned long long)(value / units[i].ms), units[i].name);
	} else {
		buf_printf(out, "%llu", (unsigned long long)value);
	}
}

/* "a size from 1K to 64M"; what is beyond all use is no limit worth telling. */
static void add_allowed(const struct option_def *d, struct buf *out)
{
	static const char *const what[] = {[NUMBER] = "a number",
					   [OCTAL] = "an octal number",
					   [SIZE] = "a size",
					   [DURATION] = "a duration"};

	if (d->kind == CHOICE) {
		buf_printf(out, "one of %.*s", (int)strcspn(d->help, ":"), d->help);
		return;
	}
	buf_printf(out, "%s from ", what[d->kind]);
	add_limit(d->kind, d->min, out);
	if (d->max >= INT64_MAX)
		return;
	buf_append_str(out, " to ");
	add_limit(d->kind, d->max, out);
}

static void say_bad_value(const struct option_def *d, const char *value, char **ret_why)
{
	struct buf allowed CLEANUP(buf_done) = {0};

	buf_init(&allowed, 256);
	add_allowed(d, &allowed);
	option_why(ret_why, "bad value \"%s\" of option \"%s\": %s is needed", value, d->name,
		   buf_error(&allowed) ? "another" : allowed.data);
}

int option_set_text(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

void option_add_kernel(struct mount_options *o, const char *text)
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
	d = find_def(name);
	if (!d) {
		option_why(ret_why, "unknown option \"%s\"", name);
		return -EINVAL;
	}
	field = (char *)o + d->at;
	if (value ? !may_have_value(d->kind) : takes_value(d->kind)) {
		option_why(ret_why,
			   takes_value(d->kind) ? "option \"%s\" needs a value"
						: "option \"%s\" takes no value",
			   name);
		return -EINVAL;
	}
	if (d->kind == FLAG || d->kind == CLEAR)
		*(bool *)field = d->kind == FLAG;
	else if (d->kind == TO_KERNEL)
		option_add_kernel(o, name);
	else if (d->kind == TEXT || (d->kind == MOUNT_USER && value))
		err = option_set_text(field, value);
	else if (takes_value(d->kind))
		err = set_number(d, value, field);
	if (err == -EINVAL || err == -ERANGE)
		say_bad_value(d, value, ret_why);
	o->has_fmode |= d->at == AT(fmode);
	o->has_dmode |= d->at == AT(dmode);
	return err;
}

int option_set_list(struct mount_options *o, const char *list, char **ret_why)
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

void mount_options_usage(struct buf *out)
{
	buf_append_str(
		out,
		"Usage: mount.natsobj nats://host[:port]/[kv:]bucket[/prefix] DIR [-f] [-d] [-o "
		"option[,option…]]\n\n"
		"Mounts a NATS JetStream object-store bucket, or with kv: a key-value bucket, as a "
		"directory,\nor with nats://host[:port]/ all buckets of objects of the account as "
		"directories.\n\nOptions:\n");
	for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
		char left[32];

		if (!defs[i].help)
			continue;
		(void)snprintf(left, sizeof(left), "%s%s", defs[i].name,
			       takes_value(defs[i].kind) ? "=" : "");
		buf_printf(out, "  %-18s %s\n", left, defs[i].help);
	}
}
