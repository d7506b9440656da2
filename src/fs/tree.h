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
 *  - node->dentry and those that follow it by next_name are the entries of the node;
 *  - a node with link_id is in the table of links, and no other has the same;
 *  - a directory without marker and without children has no entry (except the root);
 *  - a node that the kernel knows is in the table of identifiers;
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
#include "util/idmap.h"
#include "util/index.h"
#include "util/lock.h"
#include "util/slab.h"

struct node;
struct file;

/* Files about the mount itself: see fs/virtual.h. */
enum virtual_kind {
	VIRTUAL_NONE,
	VIRTUAL_ROOT,
	VIRTUAL_STATUS,
	VIRTUAL_METRICS,
	VIRTUAL_PENDING,
	VIRTUAL_HISTORY, /* the topmost of these directories, and those below it */
	VIRTUAL_N,
	VIRTUAL_VERSION, /* a file in one of them */
};

/* A bucket may have millions of them: every byte here counts. */
struct dentry {
	struct index_link by_name;
	struct node *parent;
	struct node *node;
	struct dentry *next_name; /* of the same node */
	uint64_t cookie;	  /* place in the directory's listing; never reused */
	uint64_t seq;	     /* of the name's own metadata, when the node has a link_id; else 0 */
	uint16_t generation; /* as the node's, when it has a link_id */
	uint16_t raw_len;    /* see dentry_raw; 0: there is none */
	uint8_t len;
	bool is_shadowed : 1; /* the object has the name of a directory beside it */
	bool is_behind : 1;   /* the object has yet to follow a renamed directory */
	char name[];	      /* and its NUL; then the raw component */
};

/* Children in the order of their cookies; removed ones leave holes until the array is packed. */
struct dir {
	uintptr_t *slots; /* see tree_slot_entry */
	size_t n_slots, cap_slots;
	size_t first; /* slots before this one are holes */
	size_t n_children;
	size_t n_subdirs;
	uint64_t next_cookie;
	uint64_t touched_seq; /* of the message that changed the times last; 0: none is known */
	bool has_marker;      /* an object "dir/" carries the attributes */
};

/* What few nodes have. Read through n->x, which is never NULL; written through node_extra. */
struct node_extra {
	struct hash_node by_link; /* linked while link_id is set */
	struct node *node;
	char *link_id;	     /* of the hidden object that holds a file with several names */
	uint32_t link_count; /* names that the hidden object counts */
	struct file *file;   /* while open */
	char *target;	     /* symbolic links */
	char *nuid;	     /* one that has no room in the node */
	dev_t rdev;	     /* devices */
	struct xattrs xattrs;
};

/* A number of identifiers that would last for years. */
#define NODE_ID_BITS 40
/* More lookups than these are not counted: the node stays known. */
#define NODE_LOOKUPS_MAX ((UINT64_C(1) << (64 - NODE_ID_BITS)) - 1)

struct node {
	struct index_link by_ino;
	struct index_link by_nuid; /* linked while it has a NUID and a name */
	struct dentry *dentry;	   /* one of its names */
	struct dir *dir;	   /* directories only */
	const struct node_extra *x;
	uint64_t id : NODE_ID_BITS; /* the kernel's; 0 while it does not know the node */
	uint64_t n_lookups : 64 - NODE_ID_BITS; /* of the kernel */
	uint64_t ino;
	uint64_t size;
	uint64_t seq; /* revision: sequence of the metadata; 0: not stored yet, or no marker */
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
	int64_t stored_ns; /* server time of the oldest message it consists of */
	uid_t uid;
	gid_t gid;
	uint32_t pins;
	uint32_t chunks;
	uint32_t max_chunk_size;
	uint8_t digest[OBJ_DIGEST_LEN];
	char nuid_bytes[OBJ_NUID_LEN]; /* filled up with NULs: see node_nuid_is */
	uint16_t mode;
	uint16_t generation; /* of the listing that last reported it */

	uint8_t virtual_kind : 3;    /* enum virtual_kind */
	bool is_link_held : 1;	     /* pinned by its hidden object */
	bool is_superseded : 1;	     /* another client replaced the content */
	bool is_removed : 1;	     /* another client took the name away */
	bool is_malformed : 1;	     /* metadata not understood: reads fail */
	bool is_foreign_token : 1;   /* stored under another subject than the canonical one */
	bool is_bad : 1;	     /* content contradicts its digest: reads fail */
	bool is_mtime_set : 1;	     /* mtime was set, and the content not changed since */
	bool is_dirty : 1;	     /* unsaved changes in file: events of others wait */
	bool is_hashed_ino : 1;	     /* in by_ino */
	bool is_tail_unverified : 1; /* pages may hold the end without a check */
	bool has_digest : 1;
	bool gives_way : 1; /* to a writer, who goes from one such node to another: fs/backing.h */
};

struct tree {
	struct mutex lock;
	struct node *root;
	struct idmap ids;
	struct hash links;
	struct index inos, nuids, names;
	struct index_queue *queue; /* while a tree is filled at once, else NULL */
	struct slab slab;	   /* of nodes and entries */
	uint64_t ino_base; /* number of the root, from which the others follow too; 0: it is 1 */
	uint16_t generation;
	uint64_t n_nodes;
};

/* ---- node.c ---- */

extern const struct node_extra node_no_extra;
/* The node's own extra part, made when it has none; NULL without memory. */
struct node_extra *node_extra(struct node *n) MUST_CHECK;
/* The node is not open any more. */
void node_forget_file(struct node *n);
/* Frees what a node owns beside itself, for one that is in no tree too. */
void node_done(struct node *n);
/* Names it has. */
uint32_t node_n_names(const struct node *n);
bool node_has_one_name(const struct node *n);

bool node_has_nuid(const struct node *n);
/* "" and NULL are no node's NUID. */
bool node_nuid_is(const struct node *n, const char *nuid);
/* The same, but where both have none they agree. */
bool node_nuid_same(const struct node *n, const char *nuid);
bool node_nuid_equal(const struct node *a, const struct node *b);
/* Copies the NUID, or "" when there is none. */
void node_nuid(const struct node *n, char ret[OBJ_NUID_MAX + 1]);
/* For a node that is in no table of NUIDs. */
int node_set_nuid(struct node *n, const char *nuid) MUST_CHECK;

/* These take over what they are given, also on failure. */
int node_set_target(struct node *n, char *target) MUST_CHECK;
int node_set_xattrs(struct node *n, struct xattrs *xattrs) MUST_CHECK;
/* One of them, see xattrs_set. */
int node_set_xattr(struct node *n, const char *name, const void *value, size_t len) MUST_CHECK;
int node_set_rdev(struct node *n, dev_t rdev) MUST_CHECK;
/* Whether any node of this process has had a label (XATTR_LABEL). */
bool node_are_labelled(void);

/* The component itself when the file name cannot tell it, else NULL; d->raw_len bytes. */
const char *dentry_raw(const struct dentry *d);

/* ---- tree.c and tree_dir.c ---- */

int tree_init(struct tree *t, uint64_t ino_base) MUST_CHECK;
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

/* What is in a slot of a directory: an entry, or NULL and the cookie of one that was there. */
struct dentry *tree_slot_entry(uintptr_t slot);
uint64_t tree_slot_cookie(uintptr_t slot);

struct dentry *tree_lookup(struct tree *t, const struct node *dir, const char *name, size_t len);
/* The newest entry of a directory that has just got one. */
struct dentry *tree_newest(const struct node *dir);
/* First entry of dir whose cookie is above cookie, or NULL. */
struct dentry *tree_next(const struct node *dir, uint64_t cookie);
bool tree_is_ancestor(const struct node *maybe_above, const struct node *n);

/* A node without a name. full_name gives the inode number, unless ino is not 0. The caller links it
 * or calls tree_drop. NULL without memory. */
struct node *tree_node_new(struct tree *t, mode_t mode, const char *full_name, size_t len,
			   uint64_t ino);
/* Room for this many nodes more, so that the tables need not grow step by step. Best effort. */
void tree_reserve(struct tree *t, size_t n_nodes);
/* The same for the entries of one directory. */
void tree_reserve_dir(struct node *dir, size_t n_entries);
/* Between these what is made goes into the tables by way of a queue, which is zeroed, and is not
 * found before the end. There must be room for it: see tree_reserve. */
void tree_fill_begin(struct tree *t, struct index_queue *queue);
void tree_fill_end(struct tree *t);
/* Another node, made with n's inode number, shows it from now on. */
void tree_give_up_ino(struct tree *t, struct node *n);
/* n, which had given the number up, shows it again instead of old. */
int tree_take_ino(struct tree *t, struct node *n, struct node *old) MUST_CHECK;
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

/* The two entries change their nodes. */
void tree_exchange(struct tree *t, struct dentry *a, struct dentry *b);

/* Sets the chunk identifier and keeps the table of NUIDs. NULL or "" for none. */
int tree_set_nuid(struct tree *t, struct node *n, const char *nuid) MUST_CHECK;
/* A named node with this NUID, the next one after the one given (NULL: the first), or NULL. */
struct node *tree_find_nuid(struct tree *t, const char *nuid, const struct node *after);

/* Makes n the file of the hidden object id, or an ordinary one (NULL). */
int tree_set_link_id(struct tree *t, struct node *n, const char *id) MUST_CHECK;
struct node *tree_find_link(struct tree *t, const char *id);
/* Sequence of the metadata stored under the entry's own name; 0: not stored yet. */
uint64_t tree_entry_seq(const struct dentry *d);

/* Appends the object name of an entry ("a/b", without a trailing slash) to out. */
void tree_object_name(const struct dentry *d, struct buf *out);

#endif
