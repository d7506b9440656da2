/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CORK_H
#define NATSOBJ_OBJSTORE_CORK_H

/*
 * Several messages as one packet (TCP_CORK in tcp(7)). The library writes each by itself, and the
 * server would wake up, answer and be read for each. The library does not tell its socket, so it is
 * found by its port; should the number mean another socket meanwhile, nothing happens to that but
 * that it waits as well.
 */

#include <stdbool.h>

#include <nats/nats.h>

/* The descriptor of a connection, -1 if it is not found. */
int cork_find(natsConnection *nc);
/* What is written waits until is_on is false again, at most 200 ms. Nothing happens for -1. */
void cork_set(int fd, bool is_on);

#endif
