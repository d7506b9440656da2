/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DISK_NAME_H
#define NATSOBJ_FS_DISK_NAME_H

/* How files of the disk cache are named, and their removal. What they hold: see disk_file.h. */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/cleanup.h"

#define DISK_NAME_MAX 80

enum disk_name {
	DISK_NAME_OTHER, /* not one of the cache's */
	DISK_NAME_BLOCKS,
	DISK_NAME_RECORD, /* that lies beside its blocks */
};

/* Of blocks whose content is known to have the digest. */
void disk_name_whole(const uint8_t digest[OBJ_DIGEST_LEN], char ret[DISK_NAME_MAX]);
/* Of blocks of that size that only the upload which info describes vouches for. -ENOMEM. */
int disk_name_part(const char *bucket, const struct obj_info *info, uint32_t block_size,
		   char ret[DISK_NAME_MAX]) MUST_CHECK;
/* Of the record beside the blocks name. */
void disk_name_record(const char *name, char ret[DISK_NAME_MAX]);

enum disk_name disk_name_kind(const char *name);
/* Whether a record has no blocks. */
bool disk_name_is_orphan(int dir_fd, const char *record);
/* Removes blocks and the record beside them, if there is one, or an orphan. Returns the bytes of
 * the record; -errno when name could not be removed, perhaps because somebody else was faster. */
int64_t disk_name_remove(int dir_fd, const char *name);
/* Removes name if it is that of the open file: somebody may have put a better one in its place. */
void disk_name_remove_own(int dir_fd, const char *name, int fd);

#endif
