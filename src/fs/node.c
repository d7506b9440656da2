/* SPDX-License-Identifier: Apache-2.0 */

/* What a node is by itself, whatever tree it is in. */

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/tree.h"

/* A million of them is 192 MB: see the tree in src/DESIGN.md. */
_Static_assert(sizeof(struct node) <= 192, "a node has grown");
_Static_assert(sizeof(struct dentry) <= 56, "an entry has grown");

const struct node_extra node_no_extra;

/* One for all file systems of a mount, which the kernel and programs take for one device. */
static atomic_bool are_labelled;

struct node_extra *node_extra(struct node *n)
{
	struct node_extra *x;

	if (n->x != &node_no_extra)
		return (struct node_extra *)(uintptr_t)n->x;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->node = n;
	n->x = x;
	return x;
}

void node_done(struct node *n)
{
	struct node_extra *x = n->x == &node_no_extra ? NULL : node_extra(n);

	if (!x)
		return;
	free(x->link_id);
	free(x->target);
	free(x->nuid);
	xattrs_done(&x->xattrs);
	free(x);
	n->x = &node_no_extra;
}

void node_forget_file(struct node *n)
{
	struct node_extra *x = node_extra(n);

	if (!x)
		return;
	x->file = NULL;
	if (!x->link_id && !x->target && !x->nuid && !x->rdev && x->xattrs.len == 0)
		node_done(n);
}

uint32_t node_n_names(const struct node *n)
{
	uint32_t count = 0;

	for (const struct dentry *d = n->dentry; d; d = d->next_name)
		count++;
	return count;
}

bool node_has_one_name(const struct node *n)
{
	return n->dentry && !n->dentry->next_name;
}

bool node_has_nuid(const struct node *n)
{
	return n->nuid_bytes[0] || n->x->nuid;
}

void node_nuid(const struct node *n, char ret[OBJ_NUID_MAX + 1])
{
	if (n->x->nuid) {
		strcpy(ret, n->x->nuid);
		return;
	}
	memcpy(ret, n->nuid_bytes, sizeof(n->nuid_bytes));
	ret[sizeof(n->nuid_bytes)] = '\0';
}

bool node_nuid_is(const struct node *n, const char *nuid)
{
	if (!nuid || !nuid[0])
		return false;
	if (n->x->nuid)
		return strcmp(n->x->nuid, nuid) == 0;
	return strlen(nuid) <= sizeof(n->nuid_bytes) &&
	       strncmp(n->nuid_bytes, nuid, sizeof(n->nuid_bytes)) == 0;
}

bool node_nuid_same(const struct node *n, const char *nuid)
{
	return node_has_nuid(n) ? node_nuid_is(n, nuid) : !nuid[0];
}

bool node_nuid_equal(const struct node *a, const struct node *b)
{
	char nuid[OBJ_NUID_MAX + 1];

	node_nuid(b, nuid);
	return node_nuid_is(a, nuid);
}

int node_set_nuid(struct node *n, const char *nuid)
{
	size_t len = nuid ? strlen(nuid) : 0;
	char *copy = NULL;

	assert(len <= OBJ_NUID_MAX);
	if (len > sizeof(n->nuid_bytes)) {
		struct node_extra *x = node_extra(n);

		copy = x ? strdup(nuid) : NULL;
		if (!copy)
			return -ENOMEM;
		len = 0;
	}
	if (n->x != &node_no_extra) {
		free(n->x->nuid);
		node_extra(n)->nuid = copy;
	}
	memset(n->nuid_bytes, 0, sizeof(n->nuid_bytes));
	if (len > 0)
		memcpy(n->nuid_bytes, nuid, len);
	return 0;
}

int node_set_target(struct node *n, char *target)
{
	struct node_extra *x;

	if (!target && !n->x->target)
		return 0;
	x = node_extra(n);
	if (!x) {
		free(target);
		return -ENOMEM;
	}
	free(x->target);
	x->target = target;
	return 0;
}

bool node_are_labelled(void)
{
	return atomic_load_explicit(&are_labelled, memory_order_relaxed);
}

static void note_labels(const struct xattrs *xattrs)
{
	if (!node_are_labelled() && xattrs_has(xattrs, XATTR_LABEL))
		atomic_store(&are_labelled, true);
}

int node_set_xattrs(struct node *n, struct xattrs *xattrs)
{
	struct node_extra *x;

	if (xattrs->len == 0 && n->x->xattrs.len == 0) {
		xattrs_done(xattrs);
		return 0;
	}
	x = node_extra(n);
	if (!x) {
		xattrs_done(xattrs);
		return -ENOMEM;
	}
	note_labels(xattrs);
	xattrs_done(&x->xattrs);
	x->xattrs = *xattrs;
	*xattrs = (struct xattrs){0};
	return 0;
}

int node_set_xattr(struct node *n, const char *name, const void *value, size_t len)
{
	struct xattrs none = {0};
	struct node_extra *x;
	int err;

	/* Removing from none does nothing but judge the name. */
	if (!value && n->x->xattrs.len == 0)
		return xattrs_set(&none, name, NULL, 0);
	x = node_extra(n);
	if (!x)
		return -ENOMEM;
	err = xattrs_set(&x->xattrs, name, value, len);
	note_labels(&x->xattrs);
	return err;
}

int node_set_rdev(struct node *n, dev_t rdev)
{
	struct node_extra *x;

	if (rdev == n->x->rdev)
		return 0;
	x = node_extra(n);
	if (!x)
		return -ENOMEM;
	x->rdev = rdev;
	return 0;
}

const char *dentry_raw(const struct dentry *d)
{
	return d->raw_len > 0 ? d->name + d->len + 1 : NULL;
}
