/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_MODEL_H
#define NATSOBJ_TESTS_MODEL_H

/*
 * Random operations on two directories, the mount under test and a plain one. A step is a pure
 * function of the seed and its number, so any subset of the steps of a run can be run again.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define N_WORKERS 3
#define N_SLOTS 6
#define DIR_SLOTS 4 /* from here on, slots hold directories */
#define AT_ROOT (-1)

/* Name, weight. */
#define KINDS(X)                                                                                   \
	X(open, 110)                                                                               \
	X(opendir, 20)                                                                             \
	X(close, 30)                                                                               \
	X(dup, 10)                                                                                 \
	X(write, 50)                                                                               \
	X(pwrite, 60)                                                                              \
	X(read, 30)                                                                                \
	X(pread, 40)                                                                               \
	X(lseek, 15)                                                                               \
	X(seek_hole, 10)                                                                           \
	X(truncate, 15)                                                                            \
	X(ftruncate, 20)                                                                           \
	X(mmap, 20)                                                                                \
	X(fallocate, 20)                                                                           \
	X(refused_fallocate, 3)                                                                    \
	X(copy_file_range, 15)                                                                     \
	X(fsync, 10)                                                                               \
	X(rename, 60)                                                                              \
	X(exchange, 12)                                                                            \
	X(link, 25)                                                                                \
	X(link_open, 4)                                                                            \
	X(symlink, 25)                                                                             \
	X(readlink, 8)                                                                             \
	X(unlink, 30)                                                                              \
	X(rmdir, 15)                                                                               \
	X(mkdir, 60)                                                                               \
	X(mknod, 15)                                                                               \
	X(chmod, 20)                                                                               \
	X(fchmod, 8)                                                                               \
	X(chown, 15)                                                                               \
	X(fchown, 6)                                                                               \
	X(utimens, 15)                                                                             \
	X(futimens, 6)                                                                             \
	X(access, 10)                                                                              \
	X(setxattr, 20)                                                                            \
	X(getxattr, 10)                                                                            \
	X(listxattr, 6)                                                                            \
	X(removexattr, 8)                                                                          \
	X(list, 10)                                                                                \
	X(flock, 6)                                                                                \
	X(lock, 8)                                                                                 \
	X(remove_tree, 2)                                                                          \
	X(close_all, 0)

enum kind {
#define X(name, weight) OP_##name,
	KINDS(X)
#undef X
		N_KINDS
};

struct op {
	unsigned step;
	enum kind kind;
	int worker;
	int slot, slot2;
	int base, base2; /* slots of directories that the paths are relative to, or AT_ROOT */
	char path[32], path2[32];
	char text[300]; /* target of a link, name of an attribute */
	int flags;
	mode_t mode;
	uint64_t off, off2;
	size_t len;
	uint64_t fill;
	uid_t uid;
	gid_t gid;
	struct timespec times[2];
};

/* What a program learns from an operation. */
struct result {
	long ret;
	int err;
	uint64_t hash; /* of what was read */
};

/* One of the two directories as one worker sees it. */
struct side {
	bool is_reference;
	int root;
	int fds[N_SLOTS];
};

struct config {
	const char *dirs[3]; /* mount, plain, the bucket mounted a second time or NULL */
	uint64_t seed;
	unsigned first, steps;
	unsigned chunk_size;
	unsigned content_every, second_every;
	unsigned shrink_s;
	bool is_off[N_KINDS];
	bool is_verbose;
};

/* --- gen.c --- */

uint64_t mix(uint64_t x);
void op_make(const struct config *cfg, unsigned step, struct op *ret);
void op_print(const struct op *op, char *out, size_t size);
/* The kind called name, N_KINDS when there is none. */
enum kind kind_named(const char *name, size_t len);

/* --- names.c, data.c --- */

/* Does op on one side. */
void op_run(const struct op *op, struct side *s, struct result *ret);
/* The same for operations on descriptors; false when op is of another kind. */
bool op_run_data(const struct op *op, struct side *s, struct result *ret);
/* Directory an op's path is relative to. */
int side_base(const struct side *s, int slot);
void side_close(struct side *s, int slot);
uint64_t hash_bytes(uint64_t hash, const void *data, size_t len);

/* --- worker.c --- */

struct workers;

/* Processes of several users, each with its own descriptors in both directories. */
struct workers *workers_start(const int dirs[2]);
/* Does a step in its worker; false with the difference, if the two sides differ. Else why is the
 * error it had on both, if any. */
bool workers_run(struct workers *w, const struct op *op, char *why, size_t size);
void workers_stop(struct workers *w);

/* --- shrink.c --- */

#define MODEL_WHY 800

/* Runs the steps that are wanted in fresh directories, or all of cfg if NULL: the number of the
 * step that failed, or -1. ret_why is the difference; when it is NULL, that is printed. */
long run_steps(const struct config *cfg, const bool *wanted, char *ret_why);
/* Leaves out steps as long as the rest still fails in the same way, for some time; prints what is
 * left. */
void shrink(const struct config *cfg, unsigned failed, const char *why);

/* --- check.c --- */

struct check {
	bool with_content;
	/* Of two mounts of one bucket: times of files are the same, to the nanosecond. */
	bool with_times;
	/* For others an entry comes into its directory when it is stored, which may be after the
	 * directory's time was set. */
	bool without_dir_times;
	/* What was seen last, for check_times. */
	struct seen *seen;
	size_t n_seen, cap_seen;
	char why[600]; /* the first difference */
};

/* Whether two directories hold the same. */
bool check_same(struct check *c, int dir_a, int dir_b);
/* Whether a step changed the times of the same files on both sides: before and after are of
 * check_same. */
bool check_times(struct check *after, const struct check *before);
void check_done(struct check *c);
/* Whether two open files hold the same, in what fstat and reading say. */
bool check_open(int fd_a, int fd_b, char *why, size_t size);

#endif
