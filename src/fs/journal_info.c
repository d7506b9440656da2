/* SPDX-License-Identifier: Apache-2.0 */

/* The description of a journal. */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/journal_internal.h"
#include "objstore/digest.h"
#include "util/parse.h"

#define ATTR_OF "posix.of"
#define ATTR_BASE "posix.base"
#define ATTR_SEGMENTS "posix.segments"
#define ATTR_HOST "posix.host"
#define HOST_MAX 160
#define N_FIELDS 5

/* ---- contents as text: "<nuid> <size> <chunks> <chunk size> <digest>" ---- */

static void put_content(struct buf *out, const struct put_result *r)
{
	char digest[OBJ_DIGEST_TEXT_LEN + 1];

	digest_format(r->digest, digest);
	buf_printf(out, "%s%s %" PRIu64 " %" PRIu32 " %" PRIu32 " %s", out->len ? ";" : "", r->nuid,
		   r->size, r->chunks, r->max_chunk_size, digest);
}

static bool is_nuid(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len <= OBJ_NUID_LEN && strcspn(s, ".*> \t\r\n") == len;
}

/* Changes text. */
static int read_content(char *text, struct put_result *ret)
{
	char *fields[N_FIELDS], *rest = text;
	uint64_t chunks, max;

	for (int i = 0; i < N_FIELDS; i++)
		fields[i] = strsep(&rest, " ");
	if (rest || !fields[N_FIELDS - 1] || !is_nuid(fields[0]) ||
	    parse_u64(fields[1], 10, 1, INT64_MAX, &ret->size) < 0 ||
	    parse_u64(fields[2], 10, 1, UINT32_MAX, &chunks) < 0 ||
	    parse_u64(fields[3], 10, 0, UINT32_MAX, &max) < 0 ||
	    digest_parse(fields[4], ret->digest) < 0)
		return -EINVAL;
	strcpy(ret->nuid, fields[0]);
	ret->chunks = (uint32_t)chunks;
	ret->max_chunk_size = (uint32_t)max;
	return 0;
}

/* ---- the process ---- */

/* One line of a file, without its end. */
static bool read_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	bool is_read = file && fgets(buf, (int)size, file);

	if (file)
		(void)fclose(file);
	if (is_read)
		buf[strcspn(buf, "\n")] = '\0';
	return is_read;
}

/* State of a process, and when it began, in the machine's ticks: fields 3 and 22 of proc(5). The
 * name before may have anything in it. */
static bool read_stat(const char *pid, char *ret_state, char ret_start[32])
{
	char path[64], line[1024];
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if (!read_line(path, line, sizeof(line)))
		return false;
	p = strrchr(line, ')');
	if (!p || sscanf(p, ") %c", ret_state) != 1)
		return false;
	for (int field = 3; p && field <= 22; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, " %31s", ret_start) == 1;
}

/* What tells this machine since its start, and the process numbers seen here. */
static bool place(char *ret, size_t size)
{
	char boot[64];
	struct stat st;

	if (!read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) ||
	    stat("/proc/self/ns/pid", &st) < 0)
		return false;
	(void)snprintf(ret, size, "%s/%ju", boot, (uintmax_t)st.st_ino);
	return true;
}

/* "" when /proc does not tell. */
static void this_process(char ret[HOST_MAX])
{
	char where[96], pid[16], start[32], state;

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	ret[0] = '\0';
	if (place(where, sizeof(where)) && read_stat(pid, &state, start))
		(void)snprintf(ret, HOST_MAX, "%s %s %s", where, pid, start);
}

int journal_set_host(struct obj_info *info)
{
	char host[HOST_MAX];

	this_process(host);
	return obj_info_set_meta(info, ATTR_HOST, host[0] ? host : NULL);
}

bool journal_is_orphan(const struct obj_info *info)
{
	const char *host = obj_info_meta(info, ATTR_HOST);
	char here[96], where[96], pid[16], was[32], is[32], state;
	uint64_t number;

	if (!host || !place(here, sizeof(here)) ||
	    sscanf(host, "%95s %15s %31s", where, pid, was) != 3 || strcmp(where, here) != 0 ||
	    parse_u64(pid, 10, 1, INT32_MAX, &number) < 0)
		return false;
	if (kill((pid_t)number, 0) < 0 && errno == ESRCH)
		return true;
	/* One that cannot be looked at is somebody else's, and lives. */
	return read_stat(pid, &state, is) && (state == 'Z' || state == 'X' || strcmp(was, is) != 0);
}

/* ---- all of it ---- */

const char *journal_of(const struct obj_info *info)
{
	return obj_info_meta(info, ATTR_OF);
}

void journal_base_nuid(const struct obj_info *info, char ret[OBJ_NUID_LEN + 1])
{
	const char *base = obj_info_meta(info, ATTR_BASE);
	size_t len = base ? strcspn(base, " ") : 0;

	if (len > OBJ_NUID_LEN)
		len = 0;
	memcpy(ret, base ? base : "", len);
	ret[len] = '\0';
}

static int set_segments(struct obj_info *info, const struct put_result *segments, size_t n)
{
	struct buf text CLEANUP(buf_done) = {0};
	int err;

	buf_init(&text, OBJ_META_MAX);
	for (size_t i = 0; i < n; i++)
		put_content(&text, &segments[i]);
	err = buf_error(&text);
	return err ? err : obj_info_set_meta(info, ATTR_SEGMENTS, text.data);
}

static int set_base(struct obj_info *info, const struct put_result *base)
{
	struct buf text CLEANUP(buf_done) = {0};
	int err;

	buf_init(&text, OBJ_META_MAX);
	put_content(&text, base);
	err = buf_error(&text);
	return err ? err : obj_info_set_meta(info, ATTR_BASE, text.data);
}

int journal_describe(struct journal *j, const struct node *n, const char *of,
		     const struct put_result *segments, size_t n_segments, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = intent_new(j->fs, INTENT_JOURNAL, &info);

	if (err)
		return err;
	/* The name stays, and so does the identifier while it counts. */
	if (j->info)
		err = obj_info_rename(info, j->info->name, j->info->name_len);
	if (!err && j->is_active)
		strcpy(info->nuid, j->info->nuid);
	info->seq = j->is_active ? j->info->seq : j->next_seq;
	if (!err)
		err = journal_set_host(info);
	if (!err)
		err = obj_info_set_meta(info, ATTR_OF, of);
	if (!err)
		err = set_base(info, &j->base);
	if (!err)
		err = set_segments(info, segments, n_segments);
	if (!err) {
		LOCK_SCOPE(&j->fs->tree.lock);
		err = attr_to_info(n, info);
	}
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

int journal_read(struct journal *j, const struct obj_info *info)
{
	const char *base = obj_info_meta(info, ATTR_BASE);
	const char *segments = obj_info_meta(info, ATTR_SEGMENTS);
	_cleanup_free_ char *base_text = strdup(base ? base : "");
	_cleanup_free_ char *text = strdup(segments ? segments : "");
	char *rest = text, *part;
	int err = base_text && text ? 0 : -ENOMEM;

	if (!err && (!base || !segments || !obj_info_meta(info, ATTR_OF)))
		err = -EINVAL;
	if (!err)
		err = read_content(base_text, &j->base);
	while (!err && (part = strsep(&rest, ";"))) {
		if (j->n_segments == JOURNAL_SEGMENTS)
			return -EINVAL;
		err = read_content(part, &j->segments[j->n_segments]);
		if (!err)
			j->n_segments++;
	}
	return err;
}
