/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_TALLY_H
#define NATSOBJ_TESTS_CONTRACT_TALLY_H

#include "objstore/rpc.h"
#include "util/lock.h"

/* Counts the ends of many requests by kind. */
struct tally {
	struct mutex lock;
	struct cond cond;
	unsigned int n_ok, n_timeout, n_notconn, n_denied, n_shutdown, n_other, n_sent;
};

void tally_init(struct tally *t);
/* Sends a request whose end t counts; the result of rpc_send. */
int send_counted(struct rpc *r, struct tally *t, const char *subject, int64_t timeout_ms);
/* Waits until n requests have ended; fails the test when they do not. */
void tally_wait(struct tally *t, unsigned int n, int64_t timeout_ms);

#endif
