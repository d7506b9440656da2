/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port is chosen by the server (port -1) at the first start and read from the file it writes
 * into the directory given by --ports_file_dir. Later starts ask for that port.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_MS 15000
#define POLL_MS 5

struct server {
	char dir[128];
	char url[64];
	char *config; /* path, or NULL */
	uint16_t port;
	pid_t pid; /* 0: not running */
};

static void print_log(const struct server *s)
{
	char path[192], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", s->dir);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		fprintf(stderr, "# server: %s", line);
	fclose(f);
}

static void __attribute__((noreturn, format(printf, 2, 3)))
give_up(const struct server *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "# test server: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	if (s)
		print_log(s);
	exit(99);
}

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

static void __attribute__((noreturn)) exec_server(const struct server *s, pid_t parent)
{
	const char *program = getenv("NATS_SERVER");
	char port[16], log[192], store[192];
	const char *argv[20];
	sigset_t none;
	int n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(99);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(log, sizeof(log), "%s/log", s->dir);
	snprintf(store, sizeof(store), "%s/store", s->dir);
	snprintf(port, sizeof(port), "%d", s->port ? s->port : -1);
	argv[n++] = program && *program ? program : "nats-server";
	argv[n++] = "-js";
	argv[n++] = "-a";
	argv[n++] = "127.0.0.1";
	argv[n++] = "-p";
	argv[n++] = port;
	argv[n++] = "-sd";
	argv[n++] = store;
	argv[n++] = "-l";
	argv[n++] = log;
	argv[n++] = "--ports_file_dir";
	argv[n++] = s->dir;
	if (s->config) {
		argv[n++] = "-c";
		argv[n++] = s->config;
	}
	argv[n] = NULL;
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(errno == ENOENT ? 77 : 99);
}

/* The first client port in the ports file, or 0 while there is none. */
static uint16_t read_ports_file(const struct server *s)
{
	/* The scheme before it is tls where the configuration says so. */
	static const char mark[] = "://127.0.0.1:";
	char path[192], text[2048];
	unsigned long port;
	size_t n;
	char *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/nats-server_%d.ports", s->dir, (int)s->pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	p = strstr(text, mark);
	if (!p)
		return 0;
	port = strtoul(p + sizeof(mark) - 1, &p, 10);
	return *p == '"' && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* True when the port is answered with the server's INFO line. */
static bool answers(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct timeval tv = {.tv_sec = 1};
	char info[5] = "";
	bool ok;
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	     recv(fd, info, sizeof(info), MSG_WAITALL) == (ssize_t)sizeof(info) &&
	     memcmp(info, "INFO ", sizeof(info)) == 0;
	close(fd);
	return ok;
}

static void check_alive(struct server *s)
{
	int status;

	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return;
	s->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		fprintf(stderr, "# skipped: no nats-server in PATH\n");
		exit(77);
	}
	give_up(s, "nats-server ended with status 0x%x", (unsigned int)status);
}

static void launch(struct server *s)
{
	pid_t parent = getpid();

	s->pid = fork();
	if (s->pid < 0)
		give_up(s, "fork: %m");
	if (s->pid == 0)
		exec_server(s, parent);
	for (int ms = 0; ms < START_TIMEOUT_MS; ms += POLL_MS) {
		uint16_t port = s->port ? s->port : read_ports_file(s);

		check_alive(s);
		if (port && answers(port)) {
			s->port = port;
			return;
		}
		sleep_ms(POLL_MS);
	}
	give_up(s, "nats-server does not answer after %d ms", START_TIMEOUT_MS);
}

static void write_config(struct server *s, const char *config)
{
	FILE *f;

	if (asprintf(&s->config, "%s/server.conf", s->dir) < 0)
		give_up(s, "out of memory");
	f = fopen(s->config, "we");
	if (!f || fputs(config, f) < 0 || fclose(f) != 0)
		give_up(s, "%s: %m", s->config);
}

struct server *server_start(const char *config)
{
	const char *tmp = getenv("TMPDIR");
	struct server *s;

	s = calloc(1, sizeof(*s));
	if (!s)
		give_up(NULL, "out of memory");
	snprintf(s->dir, sizeof(s->dir), "%s/natsobj-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(s->dir))
		give_up(NULL, "mkdtemp %s: %m", s->dir);
	if (config)
		write_config(s, config);
	launch(s);
	snprintf(s->url, sizeof(s->url), "nats://127.0.0.1:%u", s->port);
	return s;
}

static void end_with(struct server *s, int sig)
{
	if (!s->pid)
		return;
	kill(s->pid, sig);
	kill(s->pid, SIGCONT);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}

void server_stop(struct server *s)
{
	end_with(s, SIGTERM);
}

void server_kill(struct server *s)
{
	end_with(s, SIGKILL);
}

void server_restart(struct server *s)
{
	server_stop(s);
	launch(s);
}

void server_pause(struct server *s)
{
	int status;

	if (kill(s->pid, SIGSTOP) < 0 || waitpid(s->pid, &status, WUNTRACED) != s->pid)
		give_up(s, "cannot pause: %m");
}

void server_resume(struct server *s)
{
	if (kill(s->pid, SIGCONT) < 0)
		give_up(s, "cannot resume: %m");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	server_kill(s);
	nftw(s->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(s->config);
	free(s);
}

const char *server_url(const struct server *s)
{
	return s->url;
}

uint16_t server_port(const struct server *s)
{
	return s->port;
}

const char *server_dir(const struct server *s)
{
	return s->dir;
}
