/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_SAVED_RECORD_H
#define NATSOBJ_FS_SAVED_RECORD_H

/* Numbers in the records of a saved tree, see saved_code.h. Both change with SAVED_FORMAT. */

enum saved_record { RECORD_LINKED = 1, RECORD_DIR, RECORD_FILE, RECORD_NAME, RECORD_UP };

enum saved_flag {
	FLAG_MALFORMED = 1 << 0,
	FLAG_BAD = 1 << 1,
	FLAG_TAIL_UNVERIFIED = 1 << 2,
	FLAG_DIGEST = 1 << 3,
	FLAG_MARKER = 1 << 4,
	FLAG_SHADOWED = 1 << 5,
	FLAG_EXTRA = 1 << 6, /* link target, extended attributes or device number */
	FLAG_HELD = 1 << 7,
	FLAG_MTIME_SET = 1 << 8,
};

#endif
