/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_NKEY_H
#define NATSOBJ_OBJSTORE_NKEY_H

/* The public half of an NKey, which the library wants beside the seed. */

#include "util/cleanup.h"

#define NKEY_PUBLIC_LEN 56

/*
 * Finds the user seed ("SU…") in the file and writes its public key ("U…") with a NUL. 0, -errno of
 * opening or reading, -EINVAL when there is no valid user seed, -ENOMEM. Reads at most 8 KiB; seed
 * bytes are wiped from memory. Format: github.com/nats-io/nkeys, strkey.go.
 */
int nkey_public_from_seed_file(const char *path, char ret_public[NKEY_PUBLIC_LEN + 1]) MUST_CHECK;

#endif
