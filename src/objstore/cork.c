/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/cork.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/parse.h"

/* Of this end of a TCP connection; 0 for anything else. */
static int local_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage storage;
	} own, peer;
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

	if (getsockname(fd, &own.sa, &own_len) < 0 || getpeername(fd, &peer.sa, &peer_len) < 0)
		return 0;
	switch (own.sa.sa_family) {
	case AF_INET:
		return ntohs(own.in.sin_port);
	case AF_INET6:
		return ntohs(own.in6.sin6_port);
	default:
		return 0;
	}
}

int cork_find(natsConnection *nc)
{
	const struct dirent *e;
	int port, found = -1;
	char *ip = NULL;
	DIR *dir;

	if (natsConnection_GetLocalIPAndPort(nc, &ip, &port) != NATS_OK)
		return -1;
	free(ip);
	dir = opendir("/proc/self/fd");
	if (!dir)
		return -1;
	while (found < 0 && (e = readdir(dir))) {
		uint64_t fd;

		if (parse_u64(e->d_name, 10, 0, INT32_MAX, &fd) == 0 && local_port((int)fd) == port)
			found = (int)fd;
	}
	(void)closedir(dir);
	return found;
}

void cork_set(int fd, bool is_on)
{
	int value = is_on;

	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}
