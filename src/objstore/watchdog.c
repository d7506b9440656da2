/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nats.c before 3.8 loops for ever when, during the handshake, the server sends INFO and then falls
 * silent or resets (nats.c #706); before 3.11 a TLS handshake has no time limit at all. Both end at
 * an orderly end of file, and shutdown(2) makes one. The library does not tell which socket it
 * uses, so it is found by exclusion: a TCP socket of this process, connected to the server's port,
 * that was not there when the watchdog was armed and that nobody exempted. Sockets are told apart
 * by their inode number, which is not reused as file descriptors are.
 *
 * The address is not compared on purpose: the library resolves names by itself and may get another
 * address of the same server.
 */
#include "objstore/watchdog.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "util/clock.h"
#include "util/lock.h"
#include "util/log.h"
#include "util/parse.h"

#define RESCAN_MS 50

struct inode_set {
	uint64_t *ino;
	size_t n, cap;
};

struct watchdog {
	/* set before the thread starts */
	uint16_t port;
	uint64_t deadline_ns;
	int cancel_fd;
	int stop_fd;
	pthread_t thread;
	struct inode_set known;
	/* the thread's until it is joined */
	bool fired;
};

/* Exempted sockets, few at a time. */
static struct mutex exempt_lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF);
static struct inode_set exempt;

static int set_add(struct inode_set *s, uint64_t ino)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		uint64_t *p = reallocarray(s->ino, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->ino = p;
		s->cap = cap;
	}
	s->ino[s->n++] = ino;
	return 0;
}

static bool set_has(const struct inode_set *s, uint64_t ino)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ino[i] == ino)
			return true;
	return false;
}

int watchdog_exempt(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	LOCK_SCOPE(&exempt_lock);
	return set_add(&exempt, st.st_ino);
}

void watchdog_release(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	LOCK_SCOPE(&exempt_lock);
	for (size_t i = 0; i < exempt.n; i++)
		if (exempt.ino[i] == st.st_ino) {
			exempt.ino[i] = exempt.ino[--exempt.n];
			break;
		}
	if (exempt.n == 0) {
		free(exempt.ino);
		exempt = (struct inode_set){0};
	}
}

static bool is_exempt(uint64_t ino)
{
	LOCK_SCOPE(&exempt_lock);
	return set_has(&exempt, ino);
}

/* The TCP port fd is connected to, 0 when it is something else. */
static uint16_t peer_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage storage;
	} peer;
	socklen_t len = sizeof(peer);
	socklen_t type_len = sizeof(int);
	int type = 0;

	if (getpeername(fd, &peer.sa, &len) < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 || type != SOCK_STREAM)
		return 0;
	if (peer.sa.sa_family == AF_INET)
		return ntohs(peer.in.sin_port);
	if (peer.sa.sa_family == AF_INET6)
		return ntohs(peer.in6.sin6_port);
	return 0;
}

/* Calls fn for every socket of the process. */
static int scan(struct watchdog *w, int (*fn)(struct watchdog *w, int fd, uint64_t ino))
{
	static const char prefix[] = "socket:[";
	struct dirent *e;
	int r = 0;
	DIR *d;

	d = opendir("/proc/self/fd");
	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d))) {
		char link[64];
		uint64_t fd, ino;
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		if (n <= (ssize_t)sizeof(prefix) || memcmp(link, prefix, sizeof(prefix) - 1) != 0)
			continue;
		link[n - 1] = '\0'; /* the closing bracket */
		if (parse_u64(link + sizeof(prefix) - 1, 10, 0, UINT64_MAX, &ino) == 0 &&
		    parse_u64(e->d_name, 10, 0, INT32_MAX, &fd) == 0)
			r = fn(w, (int)fd, ino);
	}
	closedir(d);
	return r;
}

static int remember(struct watchdog *w, int fd, uint64_t ino)
{
	(void)fd;
	return set_add(&w->known, ino);
}

/* Shuts fd down if it is what the guarded call has opened. */
static int cut(struct watchdog *w, int fd, uint64_t ino)
{
	_cleanup_close_ int own = -1;
	struct stat st;

	if (set_has(&w->known, ino) || is_exempt(ino))
		return 0;
	/* The number may get another meaning any moment; a duplicate cannot. */
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own >= 0 && fstat(own, &st) == 0 && st.st_ino == ino && peer_port(own) == w->port)
		(void)shutdown(own, SHUT_RDWR);
	return 0;
}

/* Waits until the deadline (false) or a stop (true). */
static bool wait_for_stop(struct watchdog *w)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = w->stop_fd, .events = POLLIN},
				       {.fd = w->cancel_fd, .events = POLLIN}};
		uint64_t now = clock_now_ns();
		struct timespec ts;

		if (now >= w->deadline_ns)
			return false;
		ts.tv_sec = (time_t)((w->deadline_ns - now) / NS_PER_SEC);
		ts.tv_nsec = (long)((w->deadline_ns - now) % NS_PER_SEC);
		if (ppoll(fds, ARRAY_LEN(fds), &ts, NULL) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			return true;
		if (fds[1].revents)
			return false;
	}
}

static void *watchdog_main(void *arg)
{
	struct watchdog *w = arg;
	struct pollfd stop = {.fd = w->stop_fd, .events = POLLIN};

	if (wait_for_stop(w))
		return NULL;
	w->fired = true;
	/* The call may open further sockets, for other addresses of the same name. */
	do {
		int r = scan(w, cut);

		if (r < 0)
			log_warn("cannot look for a hung connection: %s", strerrordesc_np(-r));
	} while (poll(&stop, 1, RESCAN_MS) <= 0);
	return NULL;
}

static void watchdog_free(struct watchdog *w)
{
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	free(w->known.ino);
	free(w);
}

int watchdog_start(uint16_t port, uint64_t deadline_ns, int cancel_fd, struct watchdog **ret)
{
	struct watchdog *w;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->port = port;
	w->deadline_ns = deadline_ns;
	w->cancel_fd = cancel_fd;
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (w->stop_fd < 0) {
		r = -errno;
		goto fail;
	}
	r = scan(w, remember);
	if (r < 0)
		goto fail;
	r = thread_start(&w->thread, "nats-watchdog", watchdog_main, w);
	if (r < 0)
		goto fail;
	*ret = w;
	return 0;
fail:
	watchdog_free(w);
	return r;
}

bool watchdog_stop(struct watchdog *w)
{
	bool fired;

	(void)eventfd_write(w->stop_fd, 1);
	pthread_join(w->thread, NULL);
	fired = w->fired;
	watchdog_free(w);
	return fired;
}
