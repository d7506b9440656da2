/* SPDX-License-Identifier: Apache-2.0 */
/* The library as a whole, and the memory that it and we take. */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/sysinfo.h>

#include "objstore/conn.h"
#include "objstore/errmap.h"
#include "objstore/msg_free.h"

void conn_library_keep_memory(bool is_kept)
{
	mallopt(M_TRIM_THRESHOLD, is_kept ? 64 * 1024 * 1024 : 1024 * 1024);
	if (is_kept)
		malloc_trim(0);
}

int conn_library_init(void)
{
	struct sched_param param;
	sigset_t all, old;
	bool is_usual;
	natsStatus st;
	int policy;

	/* Chunks are a little larger than glibc's first threshold for mmap: keep them in the heap.
	 */
	mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
	/* Each arena keeps what the busiest moment of its threads took. Messages pass from thread
	 * to thread, so no more are of use than threads can be at work. */
	mallopt(M_ARENA_MAX, get_nprocs() + 2);
	conn_library_keep_memory(true);
	/* The library's threads inherit the mask and must not take the program's signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* Its own threads, which inherit the policy, free messages, look after timers and report
	 * errors: nobody waits for them, so they are not to take a processor from who is at work.
	 */
	is_usual = pthread_getschedparam(pthread_self(), &policy, &param) == 0 &&
		   policy == SCHED_OTHER &&
		   pthread_setschedparam(pthread_self(), SCHED_BATCH, &param) == 0;
	/* No spinning: it costs a third of the request rate on small machines. */
	st = nats_Open(0);
	if (is_usual)
		(void)pthread_setschedparam(pthread_self(), SCHED_OTHER, &param);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return errmap_status(st);
}

void conn_library_done(void)
{
	msg_free_kept();
	nats_Close();
}
