/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_SEQ_RUNS_H
#define NATSOBJ_OBJSTORE_SEQ_RUNS_H

/* Rising stream sequences by index, kept as runs of neighbours: an upload that nobody disturbs is
 * one run, whatever its length. Not locked. */

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct seq_run {
	uint32_t idx; /* of the first */
	uint64_t seq;
};

struct seq_runs {
	struct seq_run *items;
	size_t n_items, cap;
	uint32_t count; /* sequences */
	uint64_t last;	/* the newest; 0: none */
};

/* 0, -ENOMEM, or -ERANGE when seq does not rise. */
int seq_runs_add(struct seq_runs *r, uint64_t seq) MUST_CHECK;
/* idx is below count. */
uint64_t seq_runs_get(const struct seq_runs *r, uint32_t idx);
void seq_runs_done(struct seq_runs *r);

#endif
