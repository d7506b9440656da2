/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast one client stores and reads with this server: one large object, and many small ones one
 * after the other. In a bucket of its own, which goes again, unless one is named; objects in that
 * go too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd_print.h"
#include "prog/cmd_signal.h"
#include "prog/cmd_target.h"
#include "prog/cmd_upload.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

#define BLOCK (1024 * 1024)
#define SMALL_SIZE 4096
#define OBJECTS_MAX 1000000

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"size", required_argument, NULL, 'S'},
	{"objects", required_argument, NULL, 'n'},
	{"storage", required_argument, NULL, 'T'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "bench [BUCKET] [--size SIZE] [--objects N] [--storage file|memory]",
	.help = "Measures how fast the server stores and reads one large object and many small\n"
		"ones (4 KiB, one after the other), in a bucket that is deleted in the end, or in\n"
		"the one that is named.\n\n"
		"  --size SIZE               of the large object, default 256M\n"
		"  --objects N               small objects, default 500\n"
		"  --storage file|memory     of the bucket that is made for it, default file\n",
	.examples = "  natsobj bench\n"
		    "  natsobj bench photos --size 1G --objects 0 --json\n",
	.short_options = "",
	.options = options,
};

struct bench {
	struct cmd *cmd;
	struct store *store;
	uint64_t size, n_small;
	uint8_t *block;
	/* results */
	double put_s, get_s, small_put_s, small_get_s;
};

static double seconds_since(uint64_t start_ns)
{
	return (double)(clock_now_ns() - start_ns) / (double)NS_PER_SEC;
}

/* What compression cannot make smaller; the same in each run. */
static void fill(uint8_t *block, size_t len)
{
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		block[i] = (uint8_t)x;
	}
}

static int describe(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	return upload_keep(old, arg, ret);
}

static int put_one(struct bench *b, const char *name, uint64_t size, struct progress *progress)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_upload_ struct upload u = {0};
	int err = upload_open(&u, b->store);

	for (uint64_t done = 0; !err && done < size;) {
		size_t n = size - done < BLOCK ? (size_t)(size - done) : BLOCK;

		err = signal_pending() ? -EINTR : upload_write(&u, b->block, n);
		progress_add(progress, n);
		done += n;
	}
	if (!err)
		err = upload_publish(&u, name, false, describe, (void *)(uintptr_t)name, &info);
	return err;
}

static int discard(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return signal_pending() ? -EINTR : 0;
}

static int get_one(struct bench *b, const char *name, struct progress *progress)
{
	_cleanup_target_ struct target t = {.cmd = b->cmd, .store = b->store};
	struct receiver r = {.take = discard, .progress = progress};
	int err = cmd_find(b->store, name, &t.info);

	return err ? err : target_read(&t, NULL, &r);
}

static void remove_one(struct bench *b, const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = cmd_find(b->store, name, &info);

	if (!err)
		err = store_remove_info(b->store, info);
	if (!err)
		err = store_purge_chunks(b->store, info->nuid);
	if (err && err != -ENOENT)
		log_warn("%s stays in bucket %s: %s", name, b->store->bucket, cmd_strerror(err));
}

static int run_large(struct bench *b, const char *name)
{
	_cleanup_progress_ struct progress *progress =
		progress_new("put", b->size, b->cmd->is_quiet);
	uint64_t start_ns = clock_now_ns();
	int err = put_one(b, name, b->size, progress);

	b->put_s = seconds_since(start_ns);
	progress_reset(progress);
	progress_set_label(progress, "get");
	start_ns = clock_now_ns();
	if (!err)
		err = get_one(b, name, progress);
	b->get_s = seconds_since(start_ns);
	return err;
}

static int run_small(struct bench *b, const char *base)
{
	uint64_t start_ns = clock_now_ns();
	char name[128];
	int err = 0;

	for (uint64_t i = 0; !err && i < b->n_small; i++) {
		(void)snprintf(name, sizeof(name), "%s-%llu", base, (unsigned long long)i);
		err = put_one(b, name, SMALL_SIZE, NULL);
	}
	b->small_put_s = seconds_since(start_ns);
	start_ns = clock_now_ns();
	for (uint64_t i = 0; !err && i < b->n_small; i++) {
		(void)snprintf(name, sizeof(name), "%s-%llu", base, (unsigned long long)i);
		err = get_one(b, name, NULL);
	}
	b->small_get_s = seconds_since(start_ns);
	return err;
}

static void remove_all(struct bench *b, const char *base)
{
	char name[128];

	remove_one(b, base);
	for (uint64_t i = 0; i < b->n_small; i++) {
		(void)snprintf(name, sizeof(name), "%s-%llu", base, (unsigned long long)i);
		remove_one(b, name);
	}
}

static uint64_t per_second(double n, double seconds)
{
	return seconds > 0 ? (uint64_t)(n / seconds) : 0;
}

static void print_rate(const char *title, uint64_t bytes, double seconds)
{
	char size[CMD_SIZE_LEN], rate[CMD_SIZE_LEN];

	cmd_format_size(bytes, size);
	cmd_format_size(per_second((double)bytes, seconds), rate);
	(void)printf("%12s: %s in %.2f s, %s/s\n", title, size, seconds, rate);
}

static void print_small(const char *title, uint64_t n, double seconds)
{
	(void)printf("%12s: %llu objects of 4 KiB in %.2f s, %llu/s, %.2f ms each\n", title,
		     (unsigned long long)n, seconds,
		     (unsigned long long)per_second((double)n, seconds),
		     n > 0 ? seconds * 1000 / (double)n : 0);
}

static int print_result(const struct bench *b)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	if (!b->cmd->is_json) {
		print_rate("put", b->size, b->put_s);
		print_rate("get", b->size, b->get_s);
		if (b->n_small > 0) {
			print_small("small put", b->n_small, b->small_put_s);
			print_small("small get", b->n_small, b->small_get_s);
		}
		return cmd_flush();
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	json_u64(&w, "size", b->size);
	json_u64(&w, "put_bytes_per_second", per_second((double)b->size, b->put_s));
	json_u64(&w, "get_bytes_per_second", per_second((double)b->size, b->get_s));
	json_u64(&w, "small_objects", b->n_small);
	json_u64(&w, "small_puts_per_second", per_second((double)b->n_small, b->small_put_s));
	json_u64(&w, "small_gets_per_second", per_second((double)b->n_small, b->small_get_s));
	json_end_object(&w);
	return cmd_print_buf(&out);
}

static int measure(struct bench *b)
{
	char name[64] = "bench-", *nuid = name + strlen(name);
	int err;

	obj_nuid_new(nuid);
	err = run_large(b, name);
	if (!err)
		err = run_small(b, name);
	if (err == -EINTR)
		(void)cmd_fail("interrupted");
	else if (err)
		(void)cmd_fail("cannot measure in bucket %s: %s", b->store->bucket,
			       cmd_strerror(err));
	remove_all(b, name);
	return err ? CMD_FAILURE : print_result(b);
}

static int run(struct bench *b, const char *bucket, bool in_memory)
{
	const struct bucket_options opts = {.want_create = !bucket, .memory_storage = in_memory};
	_cleanup_free_ char *why = NULL;
	char own[64] = "natsobj-bench-";
	int err, r;

	obj_nuid_new(own + strlen(own));
	b->block = malloc(BLOCK);
	if (!b->block)
		return cmd_fail("out of memory");
	fill(b->block, BLOCK);
	signal_defer();
	r = cmd_open(b->cmd, bucket ? bucket : own, &opts, &b->store);
	if (!r)
		r = measure(b);
	store_close(b->store);
	free(b->block);
	if (bucket || !b->store)
		return r;
	err = bucket_delete(&b->cmd->connect.config, own, &why);
	return err ? cmd_report(err, why) : r;
}

int cmd_bench(struct cmd *c, int argc, char **argv)
{
	struct bench b = {.cmd = c, .size = UINT64_C(256) << 20, .n_small = 500};
	bool in_memory = false;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt == 'S' && parse_size(optarg, 1, UINT64_C(1) << 50, &b.size) < 0)
			return cmd_usage("--size %s is not a size such as 256M", optarg);
		if (opt == 'n' && parse_u64(optarg, 10, 0, OBJECTS_MAX, &b.n_small) < 0)
			return cmd_usage("--objects %s is not a number up to %d", optarg,
					 OBJECTS_MAX);
		if (opt == 'T')
			in_memory = strcmp(optarg, "memory") == 0;
		if (opt == 'T' && !in_memory && strcmp(optarg, "file") != 0)
			return cmd_usage("--storage %s is neither \"file\" nor \"memory\"", optarg);
		if (opt != 'S' && opt != 'n' && opt != 'T')
			return c->status;
	}
	r = cmd_check_args(argc - optind, 0, 1, &spec);
	if (!r)
		r = run(&b, argc > optind ? argv[optind] : NULL, in_memory);
	if (r)
		signal_finish();
	return r;
}
