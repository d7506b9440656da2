/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/farewell.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/clock.h"

/* Another daemon that was unmounted just now has not noticed it yet. */
#define TAKEN_MAX_MS 2000
#define TAKEN_POLL_US 10000

/* An abstract name: no file that would stay behind. */
static socklen_t make_address(dev_t dev, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "natsobj/%u:%u", major(dev),
		     minor(dev));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int listen_at(dev_t dev, int *ret_fd)
{
	struct sockaddr_un address;
	socklen_t len = make_address(dev, &address);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    listen(fd, FAREWELL_GUESTS) < 0)
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int farewell_listen(struct farewell_host *h, dev_t dev)
{
	uint64_t deadline_ns = clock_deadline_ms(TAKEN_MAX_MS);
	int err;

	*h = FAREWELL_NONE;
	do {
		err = listen_at(dev, &h->fd);
	} while (err == -EADDRINUSE && clock_now_ns() < deadline_ns && usleep(TAKEN_POLL_US) == 0);
	return err;
}

void farewell_gather(struct farewell_host *h)
{
	int peer;

	if (h->fd < 0)
		return;
	while ((peer = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (h->n < FAREWELL_GUESTS)
			h->guests[h->n++] = peer;
		else
			(void)close(peer);
	}
	(void)close(steal_fd(&h->fd));
}

void farewell_say(struct farewell_host *h, int status, const char *text)
{
	struct farewell words = {.status = status};

	farewell_gather(h);
	(void)snprintf(words.text, sizeof(words.text), "%s", text);
	while (h->n > 0) {
		int peer = h->guests[--h->n];

		(void)send(peer, &words, sizeof(words), MSG_NOSIGNAL);
		(void)close(peer);
	}
}

static bool is_trusted(int fd, uid_t owner)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid() || peer.uid == owner);
}

int farewell_connect(dev_t dev, uid_t owner, int *ret_fd)
{
	struct sockaddr_un address;
	socklen_t len = make_address(dev, &address);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, len) < 0)
		err = -errno;
	else if (!is_trusted(fd, owner))
		err = -ECONNREFUSED;
	if (err) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* The words of another user's daemon end up on a terminal. */
static void make_printable(struct farewell *words)
{
	words->text[sizeof(words->text) - 1] = '\0';
	for (char *p = words->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

int farewell_hear(int fd, struct farewell *ret)
{
	ssize_t n;
	int err = 0;

	do
		n = recv(fd, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err = errno == ECONNRESET ? -EPIPE : -errno;
	else if (n != (ssize_t)sizeof(*ret))
		err = -EPIPE;
	else
		make_printable(ret);
	(void)close(fd);
	return err;
}
