/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_MSG_FREE_H
#define NATSOBJ_OBJSTORE_MSG_FREE_H

/*
 * The end of a message of the library. natsMsg_Destroy only hands it to a thread of the library's,
 * which frees it; waking that thread for each of many small answers costs more than the answers.
 * Here messages are kept until there are a few, and then destroyed together.
 */

#include <nats/nats.h>

#include "util/cleanup.h"

/* Takes over msg, which nobody uses any more. NULL is harmless. Takes no lock of ours. */
void msg_free(natsMsg *msg);
/* Destroys what is kept. Before the library is closed. */
void msg_free_kept(void);

DEFINE_CLEANUP(natsMsg *, msg_free)
#define _cleanup_msg_ CLEANUP(msg_free_p)

#endif
