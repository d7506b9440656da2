/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_ERRMAP_H
#define NATSOBJ_OBJSTORE_ERRMAP_H

/* The one place where nats.c and JetStream codes become errno values. */

#include <nats/nats.h>

/* 0 for NATS_OK, else -errno. */
int errmap_status(natsStatus s);
/*
 * A JetStream API or publish error: err_code and description of {"error":{…}} (NATS ADR-1 and the
 * server's errors.json). Conflicts of an expected sequence (10071, 10164) are -ESTALE; the
 * description decides where one code means several things (10077).
 */
int errmap_api(int code, int err_code, const char *description);

#endif
