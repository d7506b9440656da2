/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/mount_locks.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/locks.h"
#include "objstore/kv.h"
#include "objstore/store.h"

struct mount_locks {
	struct kv *kv;
	struct cluster_locks *locks;
};

static int open_bucket(const struct mount_options *o, struct store *store, struct kv **ret,
		       char **ret_why)
{
	_cleanup_free_ char *name = NULL;
	struct store_status st;
	int err = store_status(store, &st);

	if (err)
		return err;
	if (asprintf(&name, "%s_locks", store->bucket) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	return kv_open(&o->conn, o->lock_bucket ? o->lock_bucket : name, st.replicas, ret, ret_why);
}

int mount_locks_open(const struct mount_options *o, struct store *store, struct fs *fs,
		     struct mount_locks **ret, char **ret_why)
{
	char host[65] = "";
	const struct cluster_locks_config cfg = {
		.lease_ms = o->lock_lease_ms,
		.timeout_ms = o->is_soft ? o->timeout_ms : 0,
		.host = host,
	};
	struct mount_locks *l;
	sigset_t all, before;
	int err;

	*ret = NULL;
	if (o->locks != LOCKS_CLUSTER)
		return 0;
	(void)gethostname(host, sizeof(host) - 1);
	l = calloc(1, sizeof(*l));
	/* The library's threads inherit the mask: signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = l ? open_bucket(o, store, &l->kv, ret_why) : -ENOMEM;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		err = cluster_locks_new(l->kv, &cfg, &l->locks);
	if (err) {
		mount_locks_close(l);
		return err;
	}
	fs_use_locks(fs, l->locks);
	*ret = l;
	return 0;
}

void mount_locks_close(struct mount_locks *l)
{
	if (!l)
		return;
	cluster_locks_stop(l->locks);
	kv_close(l->kv);
	cluster_locks_free(l->locks);
	free(l);
}
