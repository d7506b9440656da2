/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_CHILD_H
#define NATSOBJ_FUSE_CHILD_H

#include <sys/types.h>

#include "util/cleanup.h"

/*
 * Forks a process that talks to this one through a socket of messages (SOCK_SEQPACKET). Returns
 * its number here, 0 in the child, -errno on failure; *ret_fd is the own end, which the caller
 * closes. The child is called name, takes no signals (what a terminal sends is for the daemon),
 * is in "/", and has no other descriptors than /dev/null in the places of the standard ones, so
 * that it keeps nothing alive. Before there are threads.
 */
pid_t child_fork(const char *name, int *ret_fd) MUST_CHECK;

#endif
