/* SPDX-License-Identifier: Apache-2.0 */

/*
 * model: does random operations in a mount and in a plain directory, and compares what programs see
 * of both after each. See usage().
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model.h"

#define TIMES_EVERY 10
/* Longer than the tick of clocks that file systems use. */
#define TICK_US 12000
#define N_SHOWN 25
#define SECOND_S 20
#define SECOND_SHRINK_S 2

static void usage(void)
{
	fputs("usage: model [OPTION…] MOUNT PLAIN [SECOND]\n"
	      "  --seed N, --first N, --steps N   which steps (1, 0, 2000)\n"
	      "  --only N,N-N,…                   only these of them\n"
	      "  --without KIND,…                 do something harmless instead of these kinds\n"
	      "  --chunk BYTES                    around which offsets are chosen (131072)\n"
	      "  --content N                      all files are read after each Nth step (10)\n"
	      "  --second N                       SECOND, another mount, is compared (500)\n"
	      "  --shrink SECONDS                 after a failure, look for the steps it needs "
	      "(0)\n"
	      "  --compare                        no steps, only compare all that is there\n"
	      "  --verbose                        print every step\n",
	      stderr);
	exit(2);
}

static char last_why[MODEL_WHY]; /* the difference that was printed last */

/* --- one run --- */

struct run {
	const struct config *cfg;
	int tops[3]; /* what is compared */
	int dirs[2]; /* where the steps work: below, so that "../x" stays inside */
	struct workers *workers;
	unsigned n_done; /* steps that were no error */
	char why[MODEL_WHY];
};

static int open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

static void run_open(struct run *r, const struct config *cfg, const char *name)
{
	*r = (struct run){.cfg = cfg, .tops = {-1, -1, -1}};
	for (int i = 0; i < 2; i++) {
		int dir = open_dir(AT_FDCWD, cfg->dirs[i]);

		umask(0);
		if (mkdirat(dir, name, 0777) < 0 && errno != EEXIST)
			err(2, "%s/%s", cfg->dirs[i], name);
		r->tops[i] = open_dir(dir, name);
		if (mkdirat(r->tops[i], "top", 0777) < 0 && errno != EEXIST)
			err(2, "%s/%s/top", cfg->dirs[i], name);
		r->dirs[i] = open_dir(r->tops[i], "top");
		close(dir);
	}
	r->workers = workers_start(r->dirs);
}

static void run_done(struct run *r)
{
	for (int i = 0; i < 2; i++) {
		close(r->tops[i]);
		close(r->dirs[i]);
	}
}

static bool is_timed(const struct op *op)
{
	/* When stores through a mapping count as a change is the kernel's affair; whether room that
	 * was there already does, the file system's. */
	return op->step % TIMES_EVERY == 0 && op->kind != OP_mmap && op->kind != OP_fallocate;
}

/* One step and the look at everything afterwards. */
static bool run_step(struct run *r, const struct op *op)
{
	struct check before = {0}, after = {0};
	bool ok = true;

	if (is_timed(op)) {
		ok = check_same(&before, r->tops[0], r->tops[1]);
		snprintf(r->why, sizeof(r->why), "before it: %s", before.why);
		usleep(TICK_US);
	}
	ok = ok && workers_run(r->workers, op, r->why, sizeof(r->why));
	if (ok) {
		r->n_done += !r->why[0];
		after.with_content = (op->step + 1) % r->cfg->content_every == 0;
		ok = check_same(&after, r->tops[0], r->tops[1]);
		ok = ok && (!is_timed(op) || check_times(&after, &before));
		snprintf(r->why, sizeof(r->why), "%s", after.why);
	}
	check_done(&before);
	check_done(&after);
	return ok;
}

/* Everything, as others see it. */
static bool is_same(int a, int b, bool with_times, char *why, size_t size)
{
	struct check c = {
		.with_content = true, .with_times = with_times, .without_dir_times = true};
	bool ok = check_same(&c, a, b);

	snprintf(why, size, "%s", c.why);
	check_done(&c);
	return ok;
}

/* When all is closed, the other mount shows the same, soon. */
static bool check_second(struct run *r, const char *name, unsigned wait_s)
{
	struct op op = {.kind = OP_close_all};
	time_t end = time(NULL) + wait_s;
	char why[700], path[4096];
	bool ok = false;

	for (op.worker = 0; op.worker < N_WORKERS; op.worker++)
		if (!workers_run(r->workers, &op, r->why, sizeof(r->why)))
			return false;
	snprintf(path, sizeof(path), "%s/%s", r->cfg->dirs[2], name);
	while (!ok && time(NULL) < end) {
		int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		ok = dir >= 0 && is_same(dir, r->tops[1], false, why, sizeof(why)) &&
		     is_same(dir, r->tops[0], true, why, sizeof(why));
		if (!ok)
			usleep(50000);
		if (dir >= 0)
			close(dir);
	}
	if (!ok)
		snprintf(r->why, sizeof(r->why), "second mount: %s", why);
	return ok;
}

static void show_last(const struct config *cfg, const bool *wanted, unsigned step)
{
	unsigned from = step > cfg->first + N_SHOWN ? step - N_SHOWN : cfg->first;

	for (; from <= step; from++) {
		struct op op;
		char text[600];

		if (wanted && !wanted[from - cfg->first])
			continue;
		op_make(cfg, from, &op);
		op_print(&op, text, sizeof(text));
		printf("  %s\n", text);
	}
}

long run_steps(const struct config *cfg, const bool *wanted, char *ret_why)
{
	struct run r;
	char name[64];
	long failed = -1;

	/* A part of a run may go on in the directories of the part before it. */
	snprintf(name, sizeof(name), wanted ? "run-%llu-%d" : "run-%llu",
		 (unsigned long long)cfg->seed, getpid());
	run_open(&r, cfg, name);
	for (unsigned i = 0; failed < 0 && i < cfg->steps; i++) {
		struct op op;

		if (wanted && !wanted[i])
			continue;
		op_make(cfg, cfg->first + i, &op);
		if (cfg->is_verbose)
			show_last(cfg, NULL, op.step);
		if (!run_step(&r, &op) || (cfg->dirs[2] && (op.step + 1) % cfg->second_every == 0 &&
					   !check_second(&r, name, SECOND_S)))
			failed = op.step;
	}
	if (failed < 0 && cfg->dirs[2] &&
	    !check_second(&r, name, wanted ? SECOND_SHRINK_S : SECOND_S))
		failed = cfg->first + cfg->steps - 1;
	workers_stop(r.workers);
	if (failed < 0 && !is_same(r.tops[0], r.tops[1], false, r.why, sizeof(r.why)))
		failed = cfg->first + cfg->steps - 1;
	run_done(&r);
	if (failed >= 0 && ret_why) {
		strcpy(ret_why, r.why);
	} else if (failed >= 0) {
		show_last(cfg, wanted, (unsigned)failed);
		strcpy(last_why, r.why);
		printf("seed %llu, step %ld: %s\n", (unsigned long long)cfg->seed, failed, r.why);
	} else if (!ret_why) {
		printf("seed %llu: %u steps, %u of them did something\n",
		       (unsigned long long)cfg->seed, cfg->steps, r.n_done);
	}
	return failed;
}

/* --- the program --- */

static bool *parse_steps(const struct config *cfg, const char *list)
{
	bool *wanted = calloc(cfg->steps, 1);

	while (wanted && *list) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to; from++)
			if (from >= cfg->first && from - cfg->first < cfg->steps)
				wanted[from - cfg->first] = true;
		if (*end && *end != ',')
			usage();
		list = *end ? end + 1 : end;
	}
	return wanted;
}

static void parse_kinds(struct config *cfg, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		enum kind kind = kind_named(list, len);

		if (kind == N_KINDS)
			errx(2, "no such kind: %s", list);
		cfg->is_off[kind] = true;
		list += len + (list[len] == ',');
	}
}

static int compare(const struct config *cfg)
{
	char why[800];

	if (is_same(open_dir(AT_FDCWD, cfg->dirs[0]), open_dir(AT_FDCWD, cfg->dirs[1]), false, why,
		    sizeof(why)))
		return 0;
	printf("%s\n", why);
	return 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 's'},	   {"first", 1, NULL, 'f'},   {"steps", 1, NULL, 'n'},
		{"only", 1, NULL, 'o'},	   {"without", 1, NULL, 'w'}, {"chunk", 1, NULL, 'c'},
		{"content", 1, NULL, 'r'}, {"second", 1, NULL, '2'},  {"shrink", 1, NULL, 'k'},
		{"compare", 0, NULL, '='}, {"verbose", 0, NULL, 'v'}, {0},
	};
	struct config cfg = {.seed = 1,
			     .steps = 2000,
			     .chunk_size = 131072,
			     .content_every = 10,
			     .second_every = 500};
	const char *only = NULL;
	bool only_compares = false;
	long failed;
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

		switch (c) {
		case 's':
			cfg.seed = number;
			break;
		case 'f':
			cfg.first = (unsigned)number;
			break;
		case 'n':
			cfg.steps = (unsigned)number;
			break;
		case 'o':
			only = optarg;
			break;
		case 'w':
			parse_kinds(&cfg, optarg);
			break;
		case 'c':
			cfg.chunk_size = (unsigned)number;
			break;
		case 'r':
			cfg.content_every = (unsigned)number;
			break;
		case '2':
			cfg.second_every = (unsigned)number;
			break;
		case 'k':
			cfg.shrink_s = (unsigned)number;
			break;
		case '=':
			only_compares = true;
			break;
		case 'v':
			cfg.is_verbose = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind < 2 || argc - optind > 3)
		usage();
	for (int i = 0; i < argc - optind; i++)
		cfg.dirs[i] = argv[optind + i];
	if (only_compares)
		return compare(&cfg);
	failed = run_steps(&cfg, only ? parse_steps(&cfg, only) : NULL, NULL);
	if (failed >= 0 && cfg.shrink_s && !only)
		shrink(&cfg, (unsigned)failed, last_why);
	return failed >= 0;
}
