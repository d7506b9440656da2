/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection request that is lost is repeated by the kernel after one second, then two, four and
 * so on. Whoever waits for a network to come back would notice seconds late, so another socket is
 * tried every now and then beside those that still wait; the first answer to any of them counts.
 */
#include "objstore/probe_connect.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "objstore/watchdog.h"
#include "util/clock.h"

#define SOCKETS_MAX 16
#define INTERVAL_NS (400 * NS_PER_MS)

struct race {
	const struct sockaddr *addr;
	socklen_t len;
	uint64_t deadline_ns, interval_ns, next_ns;
	/* The last is cancel_fd. */
	struct pollfd fds[SOCKETS_MAX + 1];
	nfds_t n;
};

int probe_network_errno(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return -ECONNREFUSED;
	case ETIMEDOUT:
		return -ETIMEDOUT;
	case ENOMEM:
	case ENOBUFS:
		return -ENOMEM;
	default:
		return -EHOSTUNREACH;
	}
}

static void drop(int fd)
{
	watchdog_release(fd);
	close(fd);
}

/* Another socket. 1 when it is connected already, as the last one. */
static int start_one(struct race *r)
{
	int fd = socket(r->addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? -EHOSTUNREACH : -errno;
	err = watchdog_exempt(fd);
	if (err < 0) {
		close(fd);
		return err;
	}
	if (connect(fd, r->addr, r->len) == 0)
		err = 1;
	else if (errno != EINPROGRESS)
		err = probe_network_errno(errno);
	if (err < 0) {
		drop(fd);
		return err;
	}
	r->fds[r->n + 1] = r->fds[r->n];
	r->fds[r->n++] = (struct pollfd){.fd = fd, .events = POLLOUT};
	r->next_ns = clock_now_ns() + r->interval_ns;
	return err;
}

/* Waits for an answer or the time for another socket. */
static int wait_ready(struct race *r)
{
	uint64_t now = clock_now_ns(), until = r->deadline_ns, left;
	struct timespec ts;

	if (now >= r->deadline_ns)
		return -ETIMEDOUT;
	if (r->n < SOCKETS_MAX && r->next_ns < until)
		until = r->next_ns;
	left = until > now ? until - now : 0;
	ts.tv_sec = (time_t)(left / (uint64_t)NS_PER_SEC);
	ts.tv_nsec = (long)(left % (uint64_t)NS_PER_SEC);
	if (ppoll(r->fds, r->n + 1, &ts, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	return r->fds[r->n].revents ? -ECANCELED : 0;
}

/* 1 when one is connected, which becomes the last; a refusal of one is an answer too. */
static int judge(struct race *r)
{
	for (nfds_t i = 0; i < r->n; i++) {
		struct pollfd winner = r->fds[i];
		socklen_t len = sizeof(int);
		int err = 0;

		if (!winner.revents)
			continue;
		if (getsockopt(winner.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
			return -errno;
		if (err)
			return probe_network_errno(err);
		r->fds[i] = r->fds[r->n - 1];
		r->fds[r->n - 1] = winner;
		return 1;
	}
	return 0;
}

int probe_connect(const struct sockaddr *addr, socklen_t len, uint64_t deadline_ns, int cancel_fd,
		  int *ret_fd)
{
	struct race r = {.addr = addr, .len = len, .deadline_ns = deadline_ns};
	uint64_t now = clock_now_ns();
	int err = 0;

	r.fds[0] = (struct pollfd){.fd = cancel_fd, .events = POLLIN};
	r.interval_ns = deadline_ns > now ? (deadline_ns - now) / SOCKETS_MAX : 0;
	if (r.interval_ns < (uint64_t)INTERVAL_NS)
		r.interval_ns = (uint64_t)INTERVAL_NS;
	while (err == 0) {
		if (r.n < SOCKETS_MAX && clock_now_ns() >= r.next_ns)
			err = start_one(&r);
		if (err == 0)
			err = wait_ready(&r);
		if (err == 0)
			err = judge(&r);
	}
	if (err > 0)
		*ret_fd = r.fds[--r.n].fd;
	while (r.n > 0)
		drop(r.fds[--r.n].fd);
	return err > 0 ? 0 : err;
}
