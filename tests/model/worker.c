/* SPDX-License-Identifier: Apache-2.0 */

/* The processes that do the steps. They take turns, so that both sides see one order. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

#define HANG_S 120

struct workers {
	int sockets[N_WORKERS];
	pid_t pids[N_WORKERS];
};

struct answer {
	bool is_same;
	char why[700];
};

static const struct {
	uid_t uid;
	mode_t umask;
} users[N_WORKERS] = {{0, 0}, {1000, 0}, {0, 027}};

static void compare(const struct op *op, struct side sides[2], struct answer *a)
{
	struct result r[2];
	char what[640];

	op_run(op, &sides[0], &r[0]);
	op_run(op, &sides[1], &r[1]);
	a->is_same = r[0].ret == r[1].ret && r[0].err == r[1].err && r[0].hash == r[1].hash;
	if (a->is_same && r[0].err)
		snprintf(a->why, sizeof(a->why), "%s", strerror(r[0].err));
	if (!a->is_same) {
		snprintf(a->why, sizeof(a->why), "returned %ld (%s), not %ld (%s)%s", r[0].ret,
			 strerror(r[0].err), r[1].ret, strerror(r[1].err),
			 r[0].hash != r[1].hash ? ", read something else" : "");
		return;
	}
	for (int i = 0; i < 2 && a->is_same; i++) {
		int slot = i ? op->slot2 : op->slot;

		a->is_same = check_open(sides[0].fds[slot], sides[1].fds[slot], what, sizeof(what));
		if (!a->is_same)
			snprintf(a->why, sizeof(a->why), "slot %d: %s", slot, what);
	}
}

static void become(int i)
{
	umask(users[i].umask);
	if (users[i].uid != 0 && geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(users[i].uid, users[i].uid, users[i].uid) < 0 ||
	     setresuid(users[i].uid, users[i].uid, users[i].uid) < 0)) {
		perror("model: set user");
		_exit(2);
	}
}

static void worker(int i, int socket, const int dirs[2])
{
	struct side sides[2] = {{.root = dirs[0]}, {.root = dirs[1], .is_reference = true}};
	struct op op;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(i);
	for (int s = 0; s < 2; s++)
		for (int k = 0; k < N_SLOTS; k++)
			sides[s].fds[k] = -1;
	while (recv(socket, &op, sizeof(op), 0) == sizeof(op)) {
		struct answer a = {0};

		compare(&op, sides, &a);
		if (send(socket, &a, sizeof(a), 0) < 0)
			break;
	}
	_exit(0);
}

struct workers *workers_start(const int dirs[2])
{
	struct workers *w = calloc(1, sizeof(*w));
	struct timeval limit = {.tv_sec = HANG_S};

	if (!w)
		abort();
	for (int i = 0; i < N_WORKERS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			abort();
		w->pids[i] = fork();
		if (w->pids[i] == 0) {
			close(pair[0]);
			worker(i, pair[1], dirs);
		}
		close(pair[1]);
		(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		w->sockets[i] = pair[0];
	}
	return w;
}

bool workers_run(struct workers *w, const struct op *op, char *why, size_t size)
{
	struct answer a;

	if (send(w->sockets[op->worker], op, sizeof(*op), 0) < 0 ||
	    recv(w->sockets[op->worker], &a, sizeof(a), 0) != sizeof(a)) {
		snprintf(why, size, "no answer from the process: %s", strerror(errno));
		return false;
	}
	snprintf(why, size, "%s", a.why);
	return a.is_same;
}

void workers_stop(struct workers *w)
{
	for (int i = 0; i < N_WORKERS; i++)
		close(w->sockets[i]);
	for (int i = 0; i < N_WORKERS; i++) {
		int status;

		/* Descriptors are closed before the next look at the directories. */
		waitpid(w->pids[i], &status, 0);
	}
	free(w);
}
