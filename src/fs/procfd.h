/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PROCFD_H
#define NATSOBJ_FS_PROCFD_H

/* What /proc tells of the process that asks. Nothing here waits for more than /proc. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Thread group of a thread, 0 when unknown. */
pid_t procfd_tgid(pid_t tid);
/* Whether a process has a descriptor open for writing on an inode of the mount whose device number
 * is dev. false when /proc cannot tell.
 */
bool procfd_has_writer(pid_t tgid, dev_t dev, uint64_t ino);
/* Whether any process has. Walks all of /proc. */
bool procfd_is_written_by_any(dev_t dev, uint64_t ino);
/* What a thread may do about set-group-ID bits of group gid; nothing when /proc cannot tell. */
struct procfd_rights {
	bool is_in_group;
	bool has_fsetid; /* CAP_FSETID */
};
struct procfd_rights procfd_rights(pid_t tid, gid_t gid);

#endif
