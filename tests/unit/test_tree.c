/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/tree.h"
#include "suite.h"

static struct tree t;

static void setup(void)
{
	ck_assert_int_eq(tree_init(&t, 0), 0);
	mutex_lock(&t.lock);
}

static void teardown(void)
{
	mutex_unlock(&t.lock);
	tree_done(&t);
}

static void assert_sane_dir(const struct node *n)
{
	size_t children = 0, subdirs = 0;
	uint64_t cookie = 0;

	for (size_t i = 0; i < n->dir->n_slots; i++) {
		const struct dentry *d = tree_slot_entry(n->dir->slots[i]);

		ck_assert_uint_gt(tree_slot_cookie(n->dir->slots[i]), cookie);
		cookie = tree_slot_cookie(n->dir->slots[i]);
		if (!d)
			continue;
		children++;
		ck_assert_uint_eq(d->cookie, cookie);
		ck_assert_ptr_eq(d->parent, n);
		ck_assert_ptr_eq(d->node->dentry, d);
		ck_assert_ptr_eq(tree_lookup(&t, n, d->name, d->len), d);
		if (d->node->dir) {
			subdirs++;
			assert_sane_dir(d->node);
		}
	}
	ck_assert_uint_eq(children, n->dir->n_children);
	ck_assert_uint_eq(subdirs, n->dir->n_subdirs);
}

static void assert_sane_tree(void)
{
	assert_sane_dir(t.root);
}

static struct node *add(struct node *dir, const char *name, mode_t mode)
{
	struct node *n = tree_node_new(&t, mode, name, strlen(name), 0);

	ck_assert_ptr_nonnull(n);
	ck_assert_int_eq(tree_link(&t, dir, name, NULL, 0, false, n), 0);
	assert_sane_tree();
	return n;
}

START_TEST(root_has_the_first_identifier)
{
	ck_assert_ptr_eq(tree_node(&t, 1), t.root);
	tree_forget(&t, 1, 100);
	ck_assert_ptr_eq(tree_node(&t, 1), t.root);
}
END_TEST

START_TEST(a_listing_survives_additions_and_removals)
{
	const struct dentry *d;
	uint64_t cookie = 0;
	unsigned seen = 0;
	char name[16];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		(void)add(t.root, name, S_IFREG);
	}
	while ((d = tree_next(t.root, cookie))) {
		cookie = d->cookie;
		/* Entries from before the listing: each exactly once; what comes behind the cookie
		 * goes while it is read. */
		if (d->name[0] == 'f')
			ck_assert_int_eq(atoi(d->name + 1), (int)seen++);
		tree_unlink(&t, tree_lookup(&t, t.root, d->name, d->len));
		if (seen == 50) {
			(void)add(t.root, "new", S_IFREG);
			seen = 50;
		}
		assert_sane_tree();
		if (seen == 100 && !tree_next(t.root, cookie))
			break;
	}
	ck_assert_uint_eq(seen, 100);
}
END_TEST

START_TEST(a_node_lives_as_long_as_the_kernel_knows_it)
{
	struct node *n = add(t.root, "a", S_IFREG);
	uint64_t id = tree_ref_lookup(&t, n);

	ck_assert_uint_eq(tree_ref_lookup(&t, n), id);
	tree_unlink(&t, n->dentry);
	ck_assert_ptr_eq(tree_node(&t, id), n);
	tree_forget(&t, id, 1);
	ck_assert_ptr_eq(tree_node(&t, id), n);
	tree_forget(&t, id, 1);
	ck_assert_ptr_null(tree_node(&t, id));
}
END_TEST

START_TEST(identifiers_are_never_given_twice)
{
	struct node *n = add(t.root, "a", S_IFREG);
	uint64_t first = tree_ref_lookup(&t, n);

	tree_unlink(&t, n->dentry);
	tree_forget(&t, first, 1);
	n = add(t.root, "a", S_IFREG);
	ck_assert_uint_gt(tree_ref_lookup(&t, n), first);
}
END_TEST

START_TEST(inode_numbers_follow_from_the_name_and_stay_unique)
{
	struct node *a = add(t.root, "a", S_IFREG), *b;
	uint64_t ino = a->ino;

	ck_assert_int_eq(tree_move(&t, a->dentry, t.root, "b", NULL, 0, false), 0);
	ck_assert_uint_eq(a->ino, ino);
	b = add(t.root, "a", S_IFREG);
	ck_assert_uint_ne(b->ino, ino);
	tree_unlink(&t, a->dentry);
	tree_unlink(&t, b->dentry);
	ck_assert_uint_eq(add(t.root, "a", S_IFREG)->ino, ino);
}
END_TEST

START_TEST(moving_a_directory_renames_what_is_below)
{
	struct node *a = add(t.root, "a", S_IFDIR), *b = add(a, "b", S_IFDIR);
	struct node *f = add(b, "f", S_IFREG);
	struct buf name CLEANUP(buf_done);

	buf_init(&name, 1000);
	ck_assert_int_eq(tree_move(&t, a->dentry, t.root, "z", NULL, 0, false), 0);
	assert_sane_tree();
	tree_object_name(f->dentry, &name);
	ck_assert_str_eq(name.data, "z/b/f");
	ck_assert(tree_is_ancestor(a, f));
	ck_assert(!tree_is_ancestor(f, a));
}
END_TEST

START_TEST(nodes_are_found_by_nuid_while_they_have_a_name)
{
	struct node *a = add(t.root, "a", S_IFREG), *b = add(t.root, "b", S_IFREG), *first;

	ck_assert_int_eq(tree_set_nuid(&t, a, "N1"), 0);
	ck_assert_int_eq(tree_set_nuid(&t, b, "N1"), 0);
	first = tree_find_nuid(&t, "N1", NULL);
	ck_assert(first == a || first == b);
	ck_assert_ptr_eq(tree_find_nuid(&t, "N1", first), first == a ? b : a);
	ck_assert_ptr_null(tree_find_nuid(&t, "N1", first == a ? b : a));
	tree_unlink(&t, a->dentry);
	ck_assert_ptr_eq(tree_find_nuid(&t, "N1", NULL), b);
	ck_assert_ptr_null(tree_find_nuid(&t, "N1", b));
	ck_assert_int_eq(tree_set_nuid(&t, b, NULL), 0);
	ck_assert_ptr_null(tree_find_nuid(&t, "N1", NULL));
}
END_TEST

START_TEST(long_components_are_kept_by_the_entry)
{
	struct node *n = tree_node_new(&t, S_IFREG, "x", 1, 0);
	struct buf name CLEANUP(buf_done);

	buf_init(&name, 1000);
	ck_assert_int_eq(tree_link(&t, t.root, "%=lshown", "the true text", 13, false, n), 0);
	tree_object_name(n->dentry, &name);
	ck_assert_str_eq(name.data, "the true text");
}
END_TEST

START_TEST(removing_an_attribute_of_none_costs_nothing)
{
	struct node *n = add(t.root, "f", S_IFREG);

	ck_assert_int_eq(node_set_xattr(n, "user.a", NULL, 0), -ENODATA);
	ck_assert_int_eq(node_set_xattr(n, "user.", NULL, 0), -EINVAL);
	ck_assert_int_eq(node_set_xattr(n, "other.a", NULL, 0), -EOPNOTSUPP);
	ck_assert_ptr_eq(n->x, &node_no_extra);
	ck_assert_int_eq(node_set_xattr(n, "user.a", "1", 1), 0);
	ck_assert_int_eq(node_set_xattr(n, "user.b", NULL, 0), -ENODATA);
	ck_assert(xattrs_has(&n->x->xattrs, "user.a"));
	ck_assert_int_eq(node_set_xattr(n, "user.a", NULL, 0), 0);
	ck_assert_uint_eq(n->x->xattrs.len, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tree");
	TCase *tc = tcase_create("tree");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, root_has_the_first_identifier);
	tcase_add_test(tc, a_listing_survives_additions_and_removals);
	tcase_add_test(tc, a_node_lives_as_long_as_the_kernel_knows_it);
	tcase_add_test(tc, identifiers_are_never_given_twice);
	tcase_add_test(tc, inode_numbers_follow_from_the_name_and_stay_unique);
	tcase_add_test(tc, moving_a_directory_renames_what_is_below);
	tcase_add_test(tc, nodes_are_found_by_nuid_while_they_have_a_name);
	tcase_add_test(tc, long_components_are_kept_by_the_entry);
	tcase_add_test(tc, removing_an_attribute_of_none_costs_nothing);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
