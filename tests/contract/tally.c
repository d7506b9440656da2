/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <check.h>
#include <errno.h>

#include "util/clock.h"

void tally_init(struct tally *t)
{
	*t = (struct tally){0};
	mutex_init(&t->lock, LOCK_RANK_LEAF);
	cond_init(&t->cond);
}

static unsigned int tally_sum(const struct tally *t)
{
	return t->n_ok + t->n_timeout + t->n_notconn + t->n_denied + t->n_shutdown + t->n_other;
}

static void count_end(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct tally *t = arg;

	natsMsg_Destroy(msg);
	LOCK_SCOPE(&t->lock);
	switch (err) {
	case 0:
		t->n_ok++;
		break;
	case -ETIMEDOUT:
		t->n_timeout++;
		break;
	case -ENOTCONN:
		t->n_notconn++;
		break;
	case -EACCES:
		t->n_denied++;
		break;
	case -ESHUTDOWN:
		t->n_shutdown++;
		break;
	default:
		t->n_other++;
	}
	t->n_sent += was_sent;
	cond_broadcast(&t->cond);
}

void tally_wait(struct tally *t, unsigned int n, int64_t timeout_ms)
{
	uint64_t deadline_ns = clock_deadline_ms(timeout_ms);

	LOCK_SCOPE(&t->lock);
	while (tally_sum(t) < n && cond_wait_until(&t->cond, &t->lock, deadline_ns) != -ETIMEDOUT)
		;
	ck_assert_uint_eq(tally_sum(t), n);
}

int send_counted(struct rpc *r, struct tally *t, const char *subject, int64_t timeout_ms)
{
	struct rpc_request req = {.subject = subject,
				  .deadline_ns = clock_deadline_ms(timeout_ms),
				  .done = count_end,
				  .arg = t};

	return rpc_send(r, &req);
}
