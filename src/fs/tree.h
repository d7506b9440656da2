/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_TREE_H
#define NATSOBJ_FS_TREE_H

/*
 * The namespace of a mount: directory entries (dentry) and inodes (node) apart.
 *
 * A node is one content version of one inode. When another client replaces an object, its entry
 * gets a new node with the same inode number, and the old node lives on, without a name, for those
 * who have it open. A node is freed when it has no entry, no lookup of the kernel and no pin.
 *
 * A file may have several entries. Its content and attributes are then those of a hidden object
 * (link_id tells which), the names are objects that point to it, and each entry has the sequence of
 * its own.
 *
 * Everything here needs the tree's lock, LOCK_RANK_TREE; nothing here waits or calls the store.
 *
 * Invariants whenever the lock is free:
 *  - every dentry is in its parent's list at the place of its cookie and in the table of names;
 *  - node->dentry and those that follow it by next_name are the n_names entries of the node;
 *  - a node with link_id is in the table of links, and no other has the same;
 *  - a directory without marker and without children has no entry (except the root);
 *  - a node with nlookup > 0 is in the table of identifiers;
 *  - a file node with a name is in the table of NUIDs if it has one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fs/xattr.h"
#include "objstore/info.h"
#include "util/buf.h"
#include "util/hash.h"
#include "util/lock.h"

struct node;
struct file;

/* Files about the mount itself: see fs/virtual.h. */
enum virtual_kind {
	VIRTUAL_NONE,
	VIRTUAL_ROOT,
	VIRTUAL_STATUS,
	VIRTUAL_METRICS,
	VIRTUAL_PENDING,
	VIRTUAL_N,
	VIRTUAL_NODES = VIRTUAL_N - 1,
};

struct dentry {
	struct hash_node by_name;
	struct node *parent;
	struct node *node;
	struct dentry *next_name; /* of the same node */
	uint64_t cookie;	  /* place in the directory's listing; never reused */
	uint64_t seq; /* of the name's own metadata, when the node has a link_id; else 0 */
	char *raw;    /* the component itself when the file name cannot tell it, else NULL */
	uint32_t raw_len;
	uint32_t generation; /* as the node's, when it has a link_id */
	bool is_shadowed;    /* the object has the name of a directory beside it */
	uint16_t len;
	char name[];
};

/* Children in the order of their cookies; removed ones leave holes until the array is packed. */
struct dir {
	struct dir_slot {
		uint64_t cookie;
		struct dentry *dentry;
	} * slots;
	size_t n_slots, cap_slots;
	size_t n_children;
	size_t n_subdirs;
	uint64_t next_cookie;
	bool has_marker; /* an object "dir/" carries the attributes */
};

struct node {
	struct hash_node by_id; /* linked while the kernel knows the node */
	struct hash_node by_ino;
	struct hash_node by_nuid; /* linked while nuid is set and the node has a name */
	struct hash_node by_link; /* linked while link_id is set */
	struct dentry *dentry;	  /* one of its names */
	uint32_t n_names;
	uint32_t link_count; /* names that the hidden object counts */
	char *link_id;	     /* of the hidden object that holds a file with several names */
	struct dir *dir;     /* directories only */
	struct file *file;   /* while open */
	uint64_t id;	     /* 0: never shown to the kernel */
	uint64_t ino;
	uint64_t nlookup;
	uint32_t pins;
	uint32_t generation; /* of the listing that last reported it */

	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
	uint64_t size;

	int64_t stored_ns; /* server time of the oldest message it consists of */
	uint64_t seq;	   /* revision: sequence of the metadata; 0: not stored yet, or no marker */
	char *nuid;
	uint32_t chunks;
	uint32_t max_chunk_size;
	bool has_digest;
	uint8_t digest[OBJ_DIGEST_LEN];
	char *target; /* symbolic links */
	struct xattrs xattrs;

	enum virtual_kind virtual_kind;
	bool is_link_held;	 /* pinned by its hidden object */
	bool is_superseded;	 /* another client replaced the content */
	bool is_removed;	 /* another client took the name away */
	bool is_malformed;	 /* metadata not understood: reads fail */
	bool is_foreign_token;	 /* stored under another subject than the name's canonical one */
	bool is_bad;		 /* content contradicts its digest: reads fail */
	bool is_dirty;		 /* unsaved changes in file: events of others wait */
	bool is_hashed_ino;	 /* in by_ino */
	bool is_tail_unverified; /* pages may hold the end without a check */
};

struct tree {
	struct mutex lock;
	struct node *root;
	struct hash ids, inos, nuids, names, links;
	uint64_t next_id;
	uint32_t generation;
	uint64_t n_nodes;
};

int tree_init(struct tree *t) MUST_CHECK;
void tree_done(struct tree *t);

/* The node the kernel knows under id, or NULL. */
struct node *tree_node(struct tree *t, uint64_t id);
/* The node that shows an inode number now, or NULL. */
struct node *tree_find_ino(struct tree *t, uint64_t ino);
/* Counts one lookup and returns the node's identifier; 0 without memory. */
uint64_t tree_ref_lookup(struct tree *t, struct node *n);
void tree_forget(struct tree *t, uint64_t id, uint64_t count);
/* A pin keeps a node without lookups. */
void tree_pin(struct node *n);
void tree_unpin(struct tree *t, struct node *n);

struct dentry *tree_lookup(struct tree *t, const struct node *dir, const char *name, size_t len);
/* First entry of dir whose cookie is above cookie, or NULL. */
struct dentry *tree_next(const struct node *dir, uint64_t cookie);
bool tree_is_ancestor(const struct node *maybe_above, const struct node *n);

/* A node without a name. full_name gives the inode number, unless ino is not 0. The caller links it
 * or calls tree_drop. NULL without memory. */
struct node *tree_node_new(struct tree *t, mode_t mode, const char *full_name, size_t len,
			   uint64_t ino);
/* Frees n if nothing refers to it. */
void tree_drop(struct tree *t, struct node *n);
/* raw may be NULL. Takes no reference on failure. */
int tree_link(struct tree *t, struct node *dir, const char *name, const char *raw, size_t raw_len,
	      bool is_shadowed, struct node *n) MUST_CHECK;
/* Takes the entry away; the node may be freed. */
void tree_unlink(struct tree *t, struct dentry *d);
/* Puts another node under the entry, which the old one loses. */
void tree_replace(struct tree *t, struct dentry *d, struct node *n);
/* Moves an entry to another place, which must be free. d is freed on success. */
int tree_move(struct tree *t, struct dentry *d, struct node *new_dir, const char *name,
	      const char *raw, size_t raw_len, bool is_shadowed) MUST_CHECK;

/* The two entries, of files, change their nodes. */
void tree_exchange(struct tree *t, struct dentry *a, struct dentry *b);

/* Sets the chunk identifier and keeps the table of NUIDs. NULL or "" for none. */
int tree_set_nuid(struct tree *t, struct node *n, const char *nuid) MUST_CHECK;
/* A named node with this NUID other than except, or NULL. */
struct node *tree_find_nuid(struct tree *t, const char *nuid, const struct node *except);

/* Makes n the file of the hidden object id, or an ordinary one (NULL). */
int tree_set_link_id(struct tree *t, struct node *n, const char *id) MUST_CHECK;
/* Sequence of the version that has an inode number now, 0 for none. */
uint64_t tree_ino_seq(struct tree *t, uint64_t ino);
struct node *tree_find_link(struct tree *t, const char *id);
/* Sequence of the metadata stored under the entry's own name; 0: not stored yet. */
uint64_t tree_entry_seq(const struct dentry *d);

/* Appends the object name of an entry ("a/b", without a trailing slash) to out. */
void tree_object_name(const struct dentry *d, struct buf *out);

#endif
