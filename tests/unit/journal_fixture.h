/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_JOURNAL_FIXTURE_H
#define NATSOBJ_TESTS_JOURNAL_FIXTURE_H

/* A large file, f, of which fsync stores what changed. All functions fail the test on an error that
 * they do not return. */

#include "fs_fixture.h"

#define SIZE ((size_t)1536 * 1024)
#define HOUR_MS (UINT64_C(3600) * 1000)

extern char *data; /* what f should have: SIZE bytes, with room for as many more */

void journal_setup(void);
void journal_teardown(void);

struct fs_handle *must_open(int flags);
void put_text(char *at, const char *text);
/* A change of the file, here and in what it should be. */
void change(struct fs_handle *h, size_t off, const char *text);
int sync_file(struct fs_handle *h);
/* Others know of it, too. */
void must_sync(struct fs_handle *h);
/* f, of which an fsync has stored a change. */
struct fs_handle *open_journaled(void);

bool is_there(const char *prefix);
bool has_journal(void);
/* Until there is no journal. */
void wait_stored(void);
/* The caller frees. */
struct obj_info *journal(void);

void set_attr(struct fs_handle *h, const struct stat *attr, unsigned set);
void cut(struct fs_handle *h, uint64_t size);

struct mount second(void);
/* As another mount does whose patience is over, while this one knows nothing of it. */
int finish(struct mount *other);
/* Another mount stores what this one has promised. */
void recover(void);

#endif
