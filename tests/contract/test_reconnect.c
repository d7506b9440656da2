/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever was cut off is back soon after the server can be reached again. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conn_fixture.h"
#include "objstore/probe_connect.h"
#include "objstore/watchdog.h"
#include "server.h"
#include "suite.h"
#include "util/clock.h"

#define CONNECTIONS 4
#define QUEUED 8

static void sleep_ms(long ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * NS_PER_MS};

	nanosleep(&ts, NULL);
}

/* However long the server was away: all connections of a bucket. */
START_TEST(all_are_back_within_a_second)
{
	struct server *s = server_start(NULL);
	struct rpc *r[CONNECTIONS];
	uint64_t took_ms = 1000;

	for (int i = 0; i < CONNECTIONS; i++)
		r[i] = open_rpc(server_url(s), (enum conn_kind)i);
	/* A busy machine has three chances. */
	for (int round = 0; round < 3 && took_ms >= 1000; round++) {
		uint64_t start;

		server_kill(s);
		sleep_ms(4000);
		server_restart(s);
		start = clock_now_ns();
		for (int i = 0; i < CONNECTIONS; i++)
			ck_assert_int_eq(rpc_wait_up(r[i], clock_deadline_ms(10000)), 0);
		took_ms = (clock_now_ns() - start) / NS_PER_MS;
	}
	ck_assert_msg(took_ms < 1000, "took %lu ms", (unsigned long)took_ms);
	for (int i = 0; i < CONNECTIONS; i++)
		rpc_close(r[i]);
	server_free(s);
}
END_TEST

/* A host whose packets are lost until flows is called: its queue of connections is full. */
struct deaf {
	int listener;
	struct sockaddr_in address;
	int queued[QUEUED];
	pthread_t thread;
};

static void deaf_start(struct deaf *d)
{
	socklen_t len = sizeof(d->address);

	d->address = (struct sockaddr_in){.sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(d->listener, 0);
	ck_assert_int_eq(bind(d->listener, (struct sockaddr *)&d->address, len), 0);
	ck_assert_int_eq(listen(d->listener, 1), 0);
	ck_assert_int_eq(getsockname(d->listener, (struct sockaddr *)&d->address, &len), 0);
	for (int i = 0; i < QUEUED; i++) {
		d->queued[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(d->queued[i], (struct sockaddr *)&d->address, len);
	}
	sleep_ms(100);
}

static void *listen_again(void *arg)
{
	struct deaf *d = arg;

	sleep_ms(1200);
	for (int i = 0; i < QUEUED; i++)
		close(d->queued[i]);
	/* Takes whatever comes until the listener is shut down. */
	for (int fd; (fd = accept(d->listener, NULL, NULL)) >= 0 || errno == ECONNABORTED;)
		if (fd >= 0)
			close(fd);
	return NULL;
}

static void deaf_stop(struct deaf *d, bool has_thread)
{
	shutdown(d->listener, SHUT_RDWR);
	if (has_thread)
		pthread_join(d->thread, NULL);
	close(d->listener);
}

static int connect_to(const struct deaf *d, int64_t timeout_ms, int cancel_fd)
{
	int fd, err;

	err = probe_connect((const struct sockaddr *)&d->address, sizeof(d->address),
			    clock_deadline_ms(timeout_ms), cancel_fd, &fd);
	if (err == 0) {
		watchdog_release(fd);
		close(fd);
	}
	return err;
}

/* The kernel's own repetitions come one and three seconds after the first. */
START_TEST(lost_request_does_not_delay_the_next)
{
	struct deaf d;

	deaf_start(&d);
	ck_assert_int_eq(pthread_create(&d.thread, NULL, listen_again, &d), 0);
	ck_assert_int_eq(connect_to(&d, 2800, -1), 0);
	deaf_stop(&d, true);
}
END_TEST

START_TEST(waiting_to_connect_has_an_end)
{
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	uint64_t start = clock_now_ns();
	struct deaf d;

	deaf_start(&d);
	ck_assert_int_eq(connect_to(&d, 700, cancel_fd), -ETIMEDOUT);
	ck_assert_uint_ge(clock_now_ns() - start, 700 * (uint64_t)NS_PER_MS);
	ck_assert_int_eq(eventfd_write(cancel_fd, 1), 0);
	ck_assert_int_eq(connect_to(&d, 60000, cancel_fd), -ECANCELED);
	for (int i = 0; i < QUEUED; i++)
		close(d.queued[i]);
	deaf_stop(&d, false);
	/* Nobody listens there any more. */
	ck_assert_int_eq(connect_to(&d, 60000, -1), -ECONNREFUSED);
	close(cancel_fd);
}
END_TEST

START_TEST(time_left_never_wraps)
{
	ck_assert_uint_eq(clock_left_ms(0), 0);
	ck_assert_uint_eq(clock_left_ms(clock_now_ns() - 1), 0);
	ck_assert_uint_le(clock_left_ms(clock_deadline_ms(1000)), 1000);
	ck_assert_uint_gt(clock_left_ms(clock_deadline_ms(100000)), 1000);
	ck_assert_uint_gt(clock_left_ms(UINT64_MAX), 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reconnect");
	TCase *tc = make_case("reconnect");

	tcase_add_test(tc, all_are_back_within_a_second);
	tcase_add_test(tc, lost_request_does_not_delay_the_next);
	tcase_add_test(tc, waiting_to_connect_has_an_end);
	tcase_add_test(tc, time_left_never_wraps);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
