/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to servers that go, come back, or misbehave. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "conn_fixture.h"
#include "fake_server.h"
#include "server.h"
#include "suite.h"
#include "tally.h"
#include "util/clock.h"
#include "util/lock.h"

START_TEST(lost_server_ends_requests_and_comes_back)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	struct tally t;

	tally_init(&t);
	server_pause(s);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 60000), 0);
	/* Let the sender put them on the wire: the frozen server's socket takes them all. */
	for (int ms = 0; ms < 5000 && rpc_publish(r, "fence", NULL, 0) == 0; ms += 100) {
		struct timespec ts = {.tv_nsec = 100 * NS_PER_MS};

		nanosleep(&ts, NULL);
		if (ms >= 300)
			break;
	}
	server_kill(s);
	tally_wait(&t, 1000, 10000);
	ck_assert_uint_eq(t.n_notconn, 1000);
	ck_assert_uint_eq(t.n_sent, 1000);
	/* Down: at once, and known to be unsent. */
	ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 60000), 0);
	tally_wait(&t, 1001, 5000);
	ck_assert_uint_eq(t.n_notconn, 1001);
	ck_assert_uint_eq(t.n_sent, 1000);
	ck_assert_int_eq(rpc_wait_up(r, clock_deadline_ms(300)), -ETIMEDOUT);
	server_restart(s);
	ck_assert_int_eq(rpc_wait_up(r, clock_deadline_ms(10000)), 0);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(survives_many_restarts)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_READ);
	struct tally t;
	unsigned int n = 0;

	tally_init(&t);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 500; i++, n++)
			ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 20000), 0);
		server_kill(s);
		for (int i = 0; i < 100; i++, n++)
			ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 20000), 0);
		server_restart(s);
		/* Until the new connection works; the old one may still seem to be up. */
		for (int err = -1, tries = 0; err != 0; tries++) {
			natsMsg *msg;

			ck_assert_int_lt(tries, 1000);
			ck_assert_int_eq(rpc_wait_up(r, clock_deadline_ms(10000)), 0);
			err = call(r, "$JS.API.INFO", NULL, 1000, &msg);
			natsMsg_Destroy(msg);
		}
	}
	tally_wait(&t, n, 30000);
	ck_assert_uint_eq(t.n_ok + t.n_notconn, n);
	rpc_close(r);
	server_free(s);
}
END_TEST

/* Events come in turn and both before and after a loss. */
struct event_log {
	struct mutex lock;
	struct cond cond;
	unsigned int n_up, n_down;
	bool in_turn;
};

static void note_up(void *arg, natsConnection *nc)
{
	struct event_log *l = arg;

	(void)nc;
	LOCK_SCOPE(&l->lock);
	l->in_turn = l->in_turn && l->n_up == l->n_down;
	l->n_up++;
	cond_broadcast(&l->cond);
}

static void note_down(void *arg)
{
	struct event_log *l = arg;

	LOCK_SCOPE(&l->lock);
	l->in_turn = l->in_turn && l->n_up == l->n_down + 1;
	l->n_down++;
	cond_broadcast(&l->cond);
}

START_TEST(events_come_in_turn)
{
	struct server *s = server_start(NULL);
	struct event_log l = {.in_turn = true};
	const struct rpc_events events = {.arg = &l, .on_up = note_up, .on_down = note_down};
	struct conn_config cfg = config(server_url(s));
	_cleanup_free_ char *why = NULL;
	struct rpc *r;

	mutex_init(&l.lock, LOCK_RANK_LEAF);
	cond_init(&l.cond);
	ck_assert_int_eq(rpc_open(&cfg, CONN_JANITOR, &events, &r, &why), 0);
	ck_assert_uint_eq(l.n_up, 1);
	server_restart(s);
	mutex_lock(&l.lock);
	while (l.n_up < 2)
		ck_assert_int_eq(cond_wait_until(&l.cond, &l.lock, clock_deadline_ms(10000)), 0);
	mutex_unlock(&l.lock);
	rpc_close(r);
	ck_assert_uint_eq(l.n_up, 2);
	ck_assert_uint_eq(l.n_down, 2);
	ck_assert(l.in_turn);
	server_free(s);
}
END_TEST

static const struct {
	enum fake_act first, others;
	int expected;
} bad_servers[] = {
	{FAKE_SILENT, FAKE_SILENT, -ETIMEDOUT},
	{FAKE_CLOSE, FAKE_CLOSE, -ECONNREFUSED},
	{FAKE_GARBAGE, FAKE_GARBAGE, -EPROTO},
	{FAKE_LONG_LINE, FAKE_LONG_LINE, -EPROTO},
	{FAKE_BAD_JSON, FAKE_BAD_JSON, -EPROTO},
	{FAKE_INFO_SILENT, FAKE_INFO_SILENT, -ETIMEDOUT},
	{FAKE_INFO_RESET, FAKE_INFO_RESET, -ECONNREFUSED},
	/* These pass the probe and turn bad on the library's connection. */
	{FAKE_ANSWER, FAKE_SILENT, -ETIMEDOUT},
	{FAKE_ANSWER, FAKE_INFO_SILENT, -ETIMEDOUT},
	/* How the library takes a reset depends on the moment. */
	{FAKE_ANSWER, FAKE_INFO_RESET, ANY_ERROR},
	{FAKE_ANSWER, FAKE_CLOSE, -ECONNREFUSED},
};

START_TEST(bad_server_is_given_up)
{
	struct fake_server *f = fake_server_start(bad_servers[_i].first, bad_servers[_i].others);
	struct conn_config cfg = config(fake_server_url(f));

	cfg.connect_timeout_ms = TIMEOUT_MS;
	assert_open_fails(&cfg, bad_servers[_i].expected, TIMEOUT_MS + 15000);
	ck_assert_uint_eq(fake_server_accepted(f), bad_servers[_i].first == FAKE_ANSWER ? 2 : 1);
	fake_server_stop(f);
}
END_TEST

/* The watchdog of one connection leaves the others alone. */
START_TEST(watchdog_spares_healthy_connections)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	struct fake_server *f = fake_server_start(FAKE_ANSWER, FAKE_INFO_SILENT);
	struct conn_config cfg = config(fake_server_url(f));

	cfg.connect_timeout_ms = TIMEOUT_MS;
	assert_open_fails(&cfg, -ETIMEDOUT, TIMEOUT_MS + 15000);
	ck_assert(rpc_is_up(r));
	assert_info_works(r);
	rpc_close(r);
	fake_server_stop(f);
	server_free(s);
}
END_TEST

START_TEST(second_server_is_used)
{
	struct fake_server *f = fake_server_start(FAKE_CLOSE, FAKE_CLOSE);
	struct server *s = server_start(NULL);
	char list[160];
	struct rpc *r;

	snprintf(list, sizeof(list), "%s, 127.0.0.1:%u", fake_server_url(f), server_port(s));
	r = open_rpc(list, CONN_CONTROL);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
	fake_server_stop(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn");
	TCase *tc;

	tc = make_case("loss");
	tcase_add_test(tc, lost_server_ends_requests_and_comes_back);
	tcase_add_test(tc, survives_many_restarts);
	tcase_add_test(tc, events_come_in_turn);
	suite_add_tcase(s, tc);

	tc = make_case("servers");
	tcase_add_loop_test(tc, bad_server_is_given_up, 0, (int)ARRAY_LEN(bad_servers));
	tcase_add_test(tc, watchdog_spares_healthy_connections);
	tcase_add_test(tc, second_server_is_used);
	suite_add_tcase(s, tc);

	return run_suite(s);
}
