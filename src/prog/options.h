/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_OPTIONS_H
#define NATSOBJ_PROG_OPTIONS_H

/* Command line of mount.natsobj: what to mount, where, and how. */

#include <stdbool.h>
#include <stdint.h>

#include "fs/fs.h"
#include "objstore/bucket.h"
#include "objstore/conn.h"
#include "util/buf.h"
#include "util/cleanup.h"

enum lock_scope { LOCKS_LOCAL, LOCKS_CLUSTER };
enum kv_separator { KV_SEPARATOR_SLASH, KV_SEPARATOR_DOT };

/* In a source before the name of a key-value bucket. */
#define MOUNT_KV_MARK "kv:"

struct mount_options {
	/* Strings are owned and freed by mount_options_done. */
	char *servers; /* nats://host:port[,…], with a user and password if the URL had them */
	char *bucket;  /* "": all buckets of the account */
	char *prefix;  /* "" or ending in '/' */
	char *dir;     /* as given */
	char *source;  /* for people and /proc/mounts: no credentials */
	struct buf kernel; /* options for the kernel, comma separated */

	struct conn_config conn; /* strings point to the owned ones below */
	struct bucket_options bucket_opts;
	struct fs_config fs;
	char *user, *password_file, *token_file, *creds, *nkey, *tlsca, *tlscert, *tlskey, *domain;
	char *inbox_prefix;
	char *mount_user;	/* of user=NAME, which is mount(8)'s own; NULL without */
	char *password, *token; /* read from the files */
	char *cache_dir, *lock_bucket;
	uint64_t uid, gid, umask_bits, fmode, dmode, connect_timeout_ms, timeout_ms, memory,
		readahead, window, chunk_size, staging_size, staging_memory, conflict, on_kill,
		negative_timeout_ms, purge_delay_ms, commit_interval_ms, max_file_size,
		bucket_max_bytes, drain_timeout_ms, locks, lock_lease_ms, cache_size,
		cache_min_free, passthrough, open_buckets, kv_separator, kv_history;
	bool is_kv; /* the bucket holds keys and values, not objects */
	bool has_fmode, has_dmode;
	bool is_read_only, has_acl, is_allow_other, is_allow_root, want_create, is_soft,
		is_foreground, is_debug;
	bool is_trust_watch, is_offline, has_inotify;
	bool is_suid, is_dev, is_noexec, is_fake, is_remount;
	bool want_help, want_version;
	bool has_url_password;
};

/*
 * Reads argv. 0, or -EINVAL with one sentence in *ret_why (freed by the caller) that names the
 * offending word; other errors of files that hold secrets likewise. After --help or --version
 * nothing else is checked.
 */
int mount_options_parse(struct mount_options *o, int argc, char **argv, char **ret_why) MUST_CHECK;
void mount_options_done(struct mount_options *o);
/*
 * Whether user=NAME looks like an attempt to name the NATS user: it comes with a password file or
 * without anything else that says who we are.
 */
bool mount_options_is_user_mistaken(const struct mount_options *o);
/* The text of --help. */
void mount_options_usage(struct buf *out);

#endif
