/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_NATSCOMPAT_H
#define NATSOBJ_OBJSTORE_NATSCOMPAT_H

/* What differs between the nats.c releases natsobj is built with, so that no other file asks. */

#include <nats/nats.h>

#include "util/cleanup.h"

/* Before 3.8.0 about one signature in 256 is sent empty and refused (nats.c #705): a refusal is
 * believed after this many in a row. */
#if NATS_VERSION_NUMBER < 0x030800
#define NATSCOMPAT_SIGN_TRIES 4
#else
#define NATSCOMPAT_SIGN_TRIES 1
#endif

/* "_INBOX.", a random name, and room for a prefix in the place of "_INBOX". */
#define NATSCOMPAT_INBOX_MAX 112

/* A new subject for answers below prefix, or below the usual one when it is NULL or too long. */
natsStatus natscompat_inbox(const char *prefix, char ret[NATSCOMPAT_INBOX_MAX]);

/*
 * The text of the error that the library reports to its error callback, which is the only place to
 * call this from. Writes at most size bytes with the NUL; empty when there is no text.
 */
void natscompat_callback_error(natsConnection *nc, char *ret_text, size_t size);

#endif
