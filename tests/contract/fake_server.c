/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64

static const char info[] = "INFO {\"server_id\":\"FAKE\",\"version\":\"2.9.10\",\"proto\":1,"
			   "\"host\":\"127.0.0.1\",\"port\":4222,\"headers\":true,"
			   "\"max_payload\":1048576,\"jetstream\":true}\r\n";

struct fake_server {
	char url[64];
	enum fake_act first, others;
	uint16_t port;
	int listen_fd, stop_fd;
	pthread_t thread;
	atomic_uint n_accepted;
	/* the thread's */
	struct {
		int fd;
		enum fake_act act;
	} conns[CONNECTIONS_MAX];
	unsigned int n_conns;
};

static void say(int fd, const char *text, size_t len)
{
	if (send(fd, text, len, MSG_NOSIGNAL) < 0)
		perror("# fake server: send");
}

static void greet(int fd, enum fake_act act)
{
	static const char garbage[] = "220 mail.example.org ESMTP\r\n";
	static const char bad_json[] = "INFO {\"version\":\r\n";
	static char blanks[70000];

	switch (act) {
	case FAKE_SILENT:
		return;
	case FAKE_CLOSE:
		shutdown(fd, SHUT_RDWR);
		return;
	case FAKE_INFO_SILENT:
	case FAKE_INFO_RESET:
	case FAKE_ANSWER:
		say(fd, info, sizeof(info) - 1);
		return;
	case FAKE_GARBAGE:
		say(fd, garbage, sizeof(garbage) - 1);
		return;
	case FAKE_LONG_LINE:
		memset(blanks, ' ', sizeof(blanks));
		memcpy(blanks, "INFO ", 5);
		say(fd, blanks, sizeof(blanks));
		return;
	case FAKE_BAD_JSON:
		say(fd, bad_json, sizeof(bad_json) - 1);
		return;
	}
}

static void do_accept(struct fake_server *f)
{
	unsigned int n = f->n_conns;
	int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (n == CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	f->conns[n].fd = fd;
	f->conns[n].act = n == 0 ? f->first : f->others;
	f->n_conns++;
	atomic_fetch_add(&f->n_accepted, 1);
	greet(fd, f->conns[n].act);
}

static void do_read(struct fake_server *f, unsigned int i)
{
	struct linger reset = {.l_onoff = 1};
	char buf[4096];
	ssize_t n = recv(f->conns[i].fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0 && f->conns[i].act == FAKE_ANSWER) {
		say(f->conns[i].fd, "PONG\r\n", 6);
		f->conns[i].act = FAKE_INFO_SILENT;
		return;
	}
	if (n > 0 && f->conns[i].act != FAKE_INFO_RESET)
		return;
	if (n > 0)
		setsockopt(f->conns[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(f->conns[i].fd);
	f->conns[i].fd = -1;
}

static void *fake_main(void *arg)
{
	struct fake_server *f = arg;

	for (;;) {
		struct pollfd fds[2 + CONNECTIONS_MAX] = {{.fd = f->stop_fd, .events = POLLIN},
							  {.fd = f->listen_fd, .events = POLLIN}};
		unsigned int n = f->n_conns;

		for (unsigned int i = 0; i < n; i++)
			fds[2 + i] = (struct pollfd){.fd = f->conns[i].fd, .events = POLLIN};
		if (poll(fds, 2 + n, -1) < 0)
			continue;
		if (fds[0].revents)
			return NULL;
		for (unsigned int i = 0; i < n; i++)
			if (fds[2 + i].revents)
				do_read(f, i);
		if (fds[1].revents)
			do_accept(f);
	}
}

struct fake_server *fake_server_start(enum fake_act first, enum fake_act others)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct fake_server *f = calloc(1, sizeof(*f));
	socklen_t len = sizeof(a);

	if (!f)
		exit(99);
	f->first = first;
	f->others = others;
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->stop_fd < 0 || f->listen_fd < 0 ||
	    bind(f->listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(f->listen_fd, 16) < 0 ||
	    getsockname(f->listen_fd, (struct sockaddr *)&a, &len) < 0 ||
	    pthread_create(&f->thread, NULL, fake_main, f) != 0) {
		perror("# fake server");
		exit(99);
	}
	f->port = ntohs(a.sin_port);
	snprintf(f->url, sizeof(f->url), "nats://127.0.0.1:%u", f->port);
	return f;
}

void fake_server_stop(struct fake_server *f)
{
	(void)eventfd_write(f->stop_fd, 1);
	pthread_join(f->thread, NULL);
	for (unsigned int i = 0; i < f->n_conns; i++)
		if (f->conns[i].fd >= 0)
			close(f->conns[i].fd);
	close(f->listen_fd);
	close(f->stop_fd);
	free(f);
}

const char *fake_server_url(const struct fake_server *f)
{
	return f->url;
}

uint16_t fake_server_port(const struct fake_server *f)
{
	return f->port;
}

unsigned int fake_server_accepted(const struct fake_server *f)
{
	return atomic_load(&f->n_accepted);
}
