/* SPDX-License-Identifier: Apache-2.0 */

/* Steps: made from the seed and their number, and written out. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "model.h"

static const struct {
	const char *name;
	unsigned weight;
} kinds[] = {
#define X(name, weight) {#name, weight},
	KINDS(X)
#undef X
};

uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

struct rnd {
	uint64_t state;
};

static unsigned below(struct rnd *r, unsigned n)
{
	r->state = mix(r->state);
	return (unsigned)((r->state >> 16) % n);
}

static bool one_in(struct rnd *r, unsigned n)
{
	return below(r, n) == 0;
}

#define PICK(r, type, ...)                                                                         \
	({                                                                                         \
		type choices[] = {__VA_ARGS__};                                                    \
		choices[below(r, sizeof(choices) / sizeof(*choices))];                             \
	})

enum kind kind_named(const char *name, size_t len)
{
	int k = 0;

	while (k < N_KINDS && (strlen(kinds[k].name) != len || strncmp(kinds[k].name, name, len)))
		k++;
	return (enum kind)k;
}

static enum kind make_kind(const struct config *cfg, struct rnd *r)
{
	unsigned total = 0, at, k = 0;

	for (unsigned i = 0; i < N_KINDS; i++)
		total += kinds[i].weight;
	/* A kind that is switched off leaves all other steps as they are. */
	for (at = below(r, total); at >= kinds[k].weight; k++)
		at -= kinds[k].weight;
	return cfg->is_off[k] ? OP_access : (enum kind)k;
}

/* Few names, so that they meet often. */
static void make_path(struct rnd *r, char out[32], int *base)
{
	static const char *const names[] = {"a", "b", "\xc3\xa9", "c", "x.tmp"};
	unsigned depth = 1 + (below(r, 10) > 4) + (below(r, 10) > 8);
	size_t len = 0;

	out[0] = '\0';
	*base = one_in(r, 6) ? DIR_SLOTS + (int)below(r, N_SLOTS - DIR_SLOTS) : AT_ROOT;
	if (*base != AT_ROOT)
		depth = 1;
	for (unsigned i = 0; i < depth; i++)
		len += (size_t)snprintf(out + len, 32 - len, "%s%s", i ? "/" : "",
					names[below(r, i ? 3 : 5)]);
	if (one_in(r, 40))
		strcpy(out + len, one_in(r, 2) ? "/" : "/.");
}

static uint64_t make_offset(const struct config *cfg, struct rnd *r)
{
	uint64_t chunk = cfg->chunk_size;

	switch (below(r, 6)) {
	case 0:
		return below(r, 64);
	case 1:
		return below(r, 8192);
	case 2:
	case 3:
		/* Boundaries of chunks are where mistakes are. */
		return chunk * (1 + below(r, 4)) + below(r, 7) - 3;
	case 4:
		return below(r, (unsigned)(6 * chunk));
	default:
		return 0;
	}
}

static size_t make_length(const struct config *cfg, struct rnd *r)
{
	unsigned chunk = cfg->chunk_size;

	return PICK(r, const size_t, 0, 1, 10, 100, 1000, 4096, chunk, 1 + below(r, 2 * chunk));
}

static int make_open_flags(struct rnd *r)
{
	int flags = PICK(r, const int, O_RDONLY, O_RDWR, O_RDWR, O_RDWR, O_WRONLY);

	flags |= one_in(r, 3) ? 0 : O_CREAT;
	flags |= one_in(r, 4) ? O_EXCL & (flags & O_CREAT ? ~0 : 0) : 0;
	flags |= one_in(r, 4) ? O_TRUNC : 0;
	flags |= one_in(r, 5) ? O_APPEND : 0;
	flags |= one_in(r, 12) ? O_NOFOLLOW : 0;
	flags |= one_in(r, 20) ? O_SYNC : 0;
	flags |= one_in(r, 20) ? O_DIRECT : 0;
	flags |= one_in(r, 30) ? O_PATH : 0;
	return flags;
}

static void make_text(struct rnd *r, struct op *op)
{
	char path[32];
	int base;

	if (op->kind != OP_symlink) {
		strcpy(op->text, PICK(r, const char *const, "user.a", "user.b", "user.mime_type",
				      "trusted.t"));
		return;
	}
	make_path(r, path, &base);
	switch (below(r, 6)) {
	case 0:
		snprintf(op->text, sizeof(op->text), "/nonexistent/%s", path);
		break;
	case 1:
		snprintf(op->text, sizeof(op->text), "../%s", path);
		break;
	case 2:
		memset(op->text, 'n', 250);
		break;
	default:
		strcpy(op->text, path);
	}
}

static struct timespec make_time(struct rnd *r)
{
	struct timespec ts = {.tv_sec = 1000000000 + below(r, 100000000),
			      .tv_nsec = below(r, 1000000000)};

	switch (below(r, 5)) {
	case 0:
		ts.tv_nsec = UTIME_OMIT;
		break;
	case 1:
		ts.tv_nsec = UTIME_NOW;
		break;
	default:
		break;
	}
	return ts;
}

static int make_fallocate_mode(struct rnd *r)
{
	return PICK(r, const int, 0, FALLOC_FL_KEEP_SIZE,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		    FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}

static int make_flags(struct rnd *r, enum kind kind)
{
	switch (kind) {
	case OP_open:
		return make_open_flags(r);
	case OP_lseek:
		return PICK(r, const int, SEEK_SET, SEEK_CUR, SEEK_END);
	case OP_seek_hole:
		return PICK(r, const int, SEEK_DATA, SEEK_HOLE);
	case OP_fallocate:
		return make_fallocate_mode(r);
	case OP_refused_fallocate:
		return PICK(r, const int, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE,
			    FALLOC_FL_PUNCH_HOLE);
	case OP_rename:
		return one_in(r, 6) ? RENAME_NOREPLACE : 0;
	case OP_link:
		return one_in(r, 4) ? AT_SYMLINK_FOLLOW : 0;
	case OP_setxattr:
		return PICK(r, const int, 0, 0, XATTR_CREATE, XATTR_REPLACE);
	default:
		return (int)below(r, 4);
	}
}

void op_make(const struct config *cfg, unsigned step, struct op *op)
{
	struct rnd r = {mix(cfg->seed * 1000003 + step)};

	memset(op, 0, sizeof(*op));
	op->step = step;
	op->kind = make_kind(cfg, &r);
	op->worker = (int)below(&r, N_WORKERS);
	op->slot = op->kind == OP_opendir || op->kind == OP_list
			   ? DIR_SLOTS + (int)below(&r, N_SLOTS - DIR_SLOTS)
			   : (int)below(&r, DIR_SLOTS);
	op->slot2 = (int)below(&r, DIR_SLOTS);
	make_path(&r, op->path, &op->base);
	make_path(&r, op->path2, &op->base2);
	make_text(&r, op);
	op->flags = make_flags(&r, op->kind);
	op->mode = PICK(&r, const mode_t, 0644, 0600, 0755, 0777, 04755, 02755, 01777, 0, 0444,
			02775, 0660);
	if (op->kind == OP_mkdir || op->kind == OP_chmod)
		op->mode |= one_in(&r, 3) ? 0 : 0777;
	if (op->kind == OP_mknod)
		op->mode |= PICK(&r, const mode_t, S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, 0);
	op->off = make_offset(cfg, &r);
	op->off2 = make_offset(cfg, &r);
	op->len = make_length(cfg, &r);
	op->fill = one_in(&r, 8) ? 0 : mix(r.state) | 1;
	op->uid = PICK(&r, const uid_t, (uid_t)-1, 0, 1000, 1001);
	op->gid = PICK(&r, const gid_t, (gid_t)-1, 0, 1000, 1001);
	op->times[0] = make_time(&r);
	op->times[1] = make_time(&r);
}

void op_print(const struct op *op, char *out, size_t size)
{
	snprintf(
		out, size,
		"%u [%d] %s slot %d/%d path %d:%s path2 %d:%s flags %#x mode %#o off %llu/%llu len "
		"%zu text %.30s",
		op->step, op->worker, kinds[op->kind].name, op->slot, op->slot2, op->base, op->path,
		op->base2, op->path2, (unsigned)op->flags, op->mode, (unsigned long long)op->off,
		(unsigned long long)op->off2, op->len, op->text);
}
