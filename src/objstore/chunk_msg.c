/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/chunk_msg.h"

#include <inttypes.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/errmap.h"
#include "util/parse.h"

void chunk_msg_format(enum chunk_which which, const char *subject, uint64_t seq, struct buf *out)
{
	switch (which) {
	case CHUNK_BY_SEQ:
		buf_printf(out, "{\"seq\":%" PRIu64 "}", seq);
		return;
	case CHUNK_FIRST:
		buf_append_str(out, "{\"next_by_subj\":");
		break;
	case CHUNK_LAST:
		buf_append_str(out, "{\"last_by_subj\":");
		break;
	}
	api_append_string(out, subject);
	buf_append_char(out, '}');
}

static void release_msg(void *owner)
{
	msg_free(owner);
}

static void release_bytes(void *owner)
{
	free(owner);
}

static int decode_direct(natsMsg *msg, const char *subject, uint64_t *ret_seq, struct chunk **ret)
{
	_cleanup_msg_ natsMsg *mine = msg;
	const char *got, *seq;
	int status = rpc_msg_status(msg);
	/* The bytes are never written to; struct chunk serves writers too. */
	union {
		const char *in;
		void *out;
	} data = {.in = natsMsg_GetData(msg)};

	if (status != 0)
		return errmap_api(status, 0, NULL);
	got = rpc_msg_header(msg, "Nats-Subject");
	seq = rpc_msg_header(msg, "Nats-Sequence");
	if (!got || !seq || strcmp(got, subject) != 0 ||
	    parse_u64(seq, 10, 1, UINT64_MAX, ret_seq) < 0)
		return -EIO;
	*ret = chunk_wrap(data.out, (size_t)natsMsg_GetDataLength(msg), release_msg, mine);
	if (!*ret)
		return -ENOMEM;
	mine = NULL;
	return 0;
}

static int decode_leader(natsMsg *msg, const char *subject, uint64_t *ret_seq, struct chunk **ret)
{
	_cleanup_msg_ natsMsg *mine = msg;
	_cleanup_stored_ struct stored stored;
	int err;

	err = stored_parse(mine, &stored);
	if (err < 0)
		return err;
	if (strcmp(stored.subject, subject) != 0)
		return -EIO;
	*ret_seq = stored.seq;
	*ret = chunk_wrap(stored.data, stored.len, release_bytes, stored.data);
	if (!*ret)
		return -ENOMEM;
	stored.data = NULL;
	return 0;
}

int chunk_msg_decode(bool is_leader, natsMsg *msg, const char *subject, uint64_t *ret_seq,
		     struct chunk **ret)
{
	return is_leader ? decode_leader(msg, subject, ret_seq, ret)
			 : decode_direct(msg, subject, ret_seq, ret);
}
