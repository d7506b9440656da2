/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rate is that of the last few seconds: an average over the whole transfer would go on showing
 * speed long after the server went away.
 */
#include "prog/cmd_progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "objstore/subject.h"
#include "prog/cmd_print.h"
#include "util/clock.h"
#include "util/lock.h"
#include "util/log.h"

#define TICK_MS 200
/* Nothing is shown of what is over in less. */
#define SILENT_MS 300
/* The rate is that of so many ticks: 4 s. */
#define HISTORY 20
#define LABEL_MAX 256
#define LINE_MAX_BYTES 1024
#define COLUMNS_DEFAULT 80
#define BAR_MIN 10
#define BAR_MAX 40

/* Whether the cursor is behind a line of ours. */
static atomic_bool is_drawn;

struct progress {
	/* set before sharing */
	uint64_t total, start_ns;
	pthread_t thread;
	atomic_uint_fast64_t done;
	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	char label[LABEL_MAX];
	bool is_ending;
	/* the thread's own */
	uint64_t past[HISTORY], past_ns[HISTORY];
	size_t n_past;
};

/* Whole characters of at most so many bytes that do no harm on a terminal. */
static void copy_label(char ret[LABEL_MAX], const char *label)
{
	size_t len = strnlen(label, LABEL_MAX - 1);

	while (len > 0 && !obj_utf8_is_valid(label, len))
		len--;
	for (size_t i = 0; i < len; i++)
		ret[i] = (unsigned char)label[i] < 0x20 || label[i] == 0x7f ? '?' : label[i];
	ret[len] = '\0';
}

/* Characters, taking each for one column. */
static size_t text_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* The end of a label is what tells files of one directory apart. */
static const char *last_columns(const char *s, size_t columns)
{
	size_t skip = text_columns(s);

	skip = skip > columns ? skip - columns : 0;
	for (; skip > 0; skip--)
		do
			s++;
		while (((unsigned char)*s & 0xc0) == 0x80);
	return s;
}

static void format_bar(const struct progress_view *v, size_t width, char *ret)
{
	size_t full = v->done >= v->total
			      ? width
			      : (size_t)((double)v->done / (double)v->total * (double)width);

	*ret++ = '[';
	for (size_t i = 0; i < width; i++)
		*ret++ = i < full ? '=' : i == full ? '>' : ' ';
	*ret++ = ']';
	*ret = '\0';
}

static void format_left(const struct progress_view *v, char ret[64])
{
	char text[CMD_SIZE_LEN];

	if (v->total == PROGRESS_UNKNOWN) {
		cmd_format_seconds(v->elapsed_s, text);
		(void)snprintf(ret, 64, "%s", text);
	} else if (v->rate < 1) {
		(void)snprintf(ret, 64, "-:-- left");
	} else {
		uint64_t left = v->total > v->done ? v->total - v->done : 0;

		cmd_format_seconds((uint64_t)((double)left / v->rate + 0.5), text);
		(void)snprintf(ret, 64, "%s left", text);
	}
}

void progress_format(const struct progress_view *v, size_t columns, char *ret, size_t size)
{
	char done[CMD_SIZE_LEN], total[CMD_SIZE_LEN] = "", rate[CMD_SIZE_LEN], left[64], tail[192],
				 bar[BAR_MAX + 3] = "";
	bool is_known = v->total != PROGRESS_UNKNOWN && v->total > 0;
	size_t room, bar_width;

	cmd_format_size(v->done, done);
	cmd_format_size((uint64_t)v->rate, rate);
	format_left(v, left);
	if (is_known) {
		cmd_format_size(v->total, total);
		(void)snprintf(tail, sizeof(tail), " %3u%% %s / %s  %s/s  %s",
			       v->done >= v->total
				       ? 100
				       : (unsigned int)((double)v->done / (double)v->total * 100),
			       done, total, rate, left);
	} else {
		(void)snprintf(tail, sizeof(tail), " %s  %s/s  %s", done, rate, left);
	}
	if (strlen(tail) >= columns) {
		(void)snprintf(ret, size, "%.*s", (int)columns, tail + 1);
		return;
	}
	room = columns - strlen(tail);
	bar_width = is_known && room > BAR_MIN * 3 ? room / 2 : 0;
	bar_width = bar_width > BAR_MAX ? BAR_MAX : bar_width;
	if (bar_width > 3)
		format_bar(v, bar_width - 3, bar);
	room -= bar_width;
	(void)snprintf(ret, size, "%s%s%s%s", last_columns(v->label, room),
		       bar_width > 3 ? " " : "", bar, tail);
}

static size_t terminal_columns(void)
{
	struct winsize ws;

	/* The last column stays free, where some terminals would begin a new line. */
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 1)
		return ws.ws_col - 1u;
	return COLUMNS_DEFAULT - 1;
}

static double recent_rate(struct progress *p, uint64_t done, uint64_t now_ns)
{
	size_t slot = p->n_past % HISTORY, oldest = p->n_past < HISTORY ? 0 : slot;
	double rate = 0;

	if (p->n_past > 0 && now_ns > p->past_ns[oldest] && done >= p->past[oldest])
		rate = (double)(done - p->past[oldest]) * (double)NS_PER_SEC /
		       (double)(now_ns - p->past_ns[oldest]);
	p->past[slot] = done;
	p->past_ns[slot] = now_ns;
	p->n_past++;
	return rate;
}

static void draw(struct progress *p, const char *label)
{
	uint64_t now_ns = clock_now_ns(), done = atomic_load(&p->done);
	struct progress_view v = {
		.label = label,
		.done = done,
		.total = p->total,
		.rate = recent_rate(p, done, now_ns),
		.elapsed_s = (now_ns - p->start_ns) / (uint64_t)NS_PER_SEC,
	};
	char line[LINE_MAX_BYTES];

	if (now_ns - p->start_ns < (uint64_t)SILENT_MS * (uint64_t)NS_PER_MS)
		return;
	progress_format(&v, terminal_columns(), line, sizeof(line));
	(void)fprintf(stderr, "\r\033[K%s", line);
	(void)fflush(stderr);
	atomic_store(&is_drawn, true);
}

static void *run(void *arg)
{
	struct progress *p = arg;
	char label[LABEL_MAX];

	mutex_lock(&p->lock);
	while (!p->is_ending) {
		memcpy(label, p->label, sizeof(label));
		mutex_unlock(&p->lock);
		draw(p, label);
		mutex_lock(&p->lock);
		if (!p->is_ending)
			(void)cond_wait_until(&p->changed, &p->lock, clock_deadline_ms(TICK_MS));
	}
	mutex_unlock(&p->lock);
	progress_clear_line();
	return NULL;
}

void progress_clear_line(void)
{
	if (!atomic_exchange(&is_drawn, false))
		return;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
}

static bool is_shown(bool is_quiet)
{
	const char *term = getenv("TERM");

	return !is_quiet && isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* Signals are for the main thread. */
static int start(struct progress *p)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

struct progress *progress_new(const char *label, uint64_t total, bool is_quiet)
{
	struct progress *p = is_shown(is_quiet) ? calloc(1, sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	mutex_init(&p->lock, LOCK_RANK_LEAF);
	cond_init(&p->changed);
	copy_label(p->label, label);
	p->total = total;
	p->start_ns = clock_now_ns();
	atomic_init(&p->done, 0);
	log_set_hook(progress_clear_line);
	if (start(p) == 0)
		return p;
	cond_done(&p->changed);
	mutex_done(&p->lock);
	free(p);
	return NULL;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	mutex_lock(&p->lock);
	p->is_ending = true;
	cond_broadcast(&p->changed);
	mutex_unlock(&p->lock);
	(void)pthread_join(p->thread, NULL);
	cond_done(&p->changed);
	mutex_done(&p->lock);
	free(p);
}

void progress_add(struct progress *p, uint64_t bytes)
{
	if (p)
		atomic_fetch_add(&p->done, bytes);
}

void progress_reset(struct progress *p)
{
	if (p)
		atomic_store(&p->done, 0);
}

void progress_set_label(struct progress *p, const char *label)
{
	if (!p)
		return;
	LOCK_SCOPE(&p->lock);
	copy_label(p->label, label);
}
