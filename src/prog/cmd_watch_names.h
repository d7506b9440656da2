/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_WATCH_NAMES_H
#define NATSOBJ_PROG_CMD_WATCH_NAMES_H

/*
 * What `natsobj watch` knows of each name, and which of them it has yet to report. The names of a
 * file that has several lead to a hidden object, which has its content: what changes there is a
 * change of each of them.
 *
 * Nothing here waits or locks: the caller's lock protects it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/cleanup.h"
#include "util/hash.h"
#include "util/list.h"

/* What is known of one name. */
struct watch_name {
	struct hash_node node;
	struct list all, queued; /* queued: linked while pending is set */
	uint64_t seq;		 /* of the newest version that was seen */
	uint64_t round;		 /* the listing that it was in, or later */
	bool is_live, is_shown;	 /* is_shown: the filter lets it pass */
	struct obj_info *pending;
	char *leads_to;	       /* the hidden object with its content; NULL: it has its own */
	struct list linked;    /* while leads_to is set */
	struct obj_info *file; /* of a hidden object: what it is now; or NULL */
	size_t len;
	char text[];
};

struct watch_names {
	struct hash names;
	struct list all, queue, linked;
};

void watch_names_init(struct watch_names *w);
void watch_names_done(struct watch_names *w);
/* Whether info is a hidden object, of which has to be known what the filter does not show. */
bool watch_names_is_hidden(const struct obj_info *info);
/* Finds or makes; NULL without memory. */
struct watch_name *watch_names_get(struct watch_names *w, const struct obj_info *info) MUST_CHECK;
/* n was stored as info: remembers where that leads. Has it changed a file with several names, and
 * is_told, those are queued: true. */
bool watch_names_note(struct watch_names *w, struct watch_name *n, const struct obj_info *info,
		      bool is_told) MUST_CHECK;
/* To be reported. Takes over info. */
void watch_names_queue(struct watch_names *w, struct watch_name *n, struct obj_info *info);
/* The next to be reported, which is the caller's; a name of several as the file is now. NULL: there
 * is none. */
struct obj_info *watch_names_next(struct watch_names *w) MUST_CHECK;

#endif
