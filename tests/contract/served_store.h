/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_SERVED_STORE_H
#define NATSOBJ_TESTS_CONTRACT_SERVED_STORE_H

/* Stores on a private nats-server, for the functions of a store_maker. */

#include "objstore/bucket.h"

/* How served_open opens them, beyond that it makes the bucket. */
extern struct bucket_options served_options;

void served_setup(void);
void served_teardown(void);
/* Another store on the one bucket; fails the test otherwise. */
struct store *served_open(void);

#endif
