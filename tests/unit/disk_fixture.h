/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_DISK_FIXTURE_H
#define NATSOBJ_TESTS_DISK_FIXTURE_H

/* A disk cache in a temporary directory, before a bucket in memory. Functions that return no error
 * fail the test. */

#include <check.h>

#include "fake_store.h"
#include "fs/content.h"
#include "fs/disk_internal.h"

#define CHUNK 1024
/* Of most contents. */
#define SIZE ((size_t)40 * CHUNK + 100)
#define LIMIT (UINT64_C(64) << 20)
#define PATH_LEN 400

extern struct fake *bucket;
extern struct store *store;
extern struct chunk_cache memory;
extern struct disk_cache *disk;
extern char cache_dir[]; /* the cache is in "content" below it */

/* For tcase_add_checked_fixture; disk_setup_dir makes the directory only. */
void disk_setup(void);
void disk_setup_dir(void);
void disk_teardown(void);

void start_cache(uint64_t limit);
/* What the disk is to have left. */
void start_cache_with_floor(uint64_t min_free);
void stop_cache(void);
/* As after a remount. */
void restart_cache(void);
struct disk_cache_stats cache_stats(void);

/* Stores size bytes that follow from seed, in chunks of that size. */
void put_object(const char *name, uint32_t seed, size_t size, size_t chunk);
struct content *open_content(const char *name);
/* Reads a part and compares. */
void must_read(struct content *c, uint32_t seed, size_t size, size_t off, size_t len);
/* Reads in order and compares; what is to be kept has been kept then. */
void scan_object(const char *name, uint32_t seed, size_t size);
/* Requests that the bucket has had for content. */
unsigned int n_asked(void);

/* Path of the one file whose name ends so, "" being the end of a whole file's; "" for none. */
void path_of(const char *end, char ret[PATH_LEN]);
bool has_file(const char *end);
uint64_t bytes_on_disk(void);

#endif
