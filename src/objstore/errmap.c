/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/errmap.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "util/cleanup.h"

struct status_errno {
	natsStatus status;
	int err;
};

static const struct status_errno status_table[] = {
	{NATS_OK, 0},
	{NATS_PROTOCOL_ERROR, EPROTO},
	{NATS_IO_ERROR, EIO},
	{NATS_LINE_TOO_LONG, ENAMETOOLONG},
	{NATS_CONNECTION_CLOSED, ENOTCONN},
	{NATS_NO_SERVER, ECONNREFUSED},
	{NATS_STALE_CONNECTION, ENOTCONN},
	{NATS_SECURE_CONNECTION_WANTED, EPROTO},
	{NATS_SECURE_CONNECTION_REQUIRED, EPROTO},
	{NATS_CONNECTION_DISCONNECTED, ENOTCONN},
	{NATS_CONNECTION_AUTH_FAILED, EACCES},
	{NATS_NOT_PERMITTED, EACCES},
	{NATS_NOT_FOUND, ENOENT},
	{NATS_ADDRESS_MISSING, EINVAL},
	{NATS_INVALID_SUBJECT, EINVAL},
	{NATS_INVALID_ARG, EINVAL},
	{NATS_INVALID_SUBSCRIPTION, ENOTCONN},
	{NATS_INVALID_TIMEOUT, EINVAL},
	{NATS_ILLEGAL_STATE, EINVAL},
	{NATS_SLOW_CONSUMER, EOVERFLOW},
	{NATS_MAX_PAYLOAD, EFBIG},
	{NATS_INSUFFICIENT_BUFFER, ENOBUFS},
	{NATS_NO_MEMORY, ENOMEM},
	{NATS_SYS_ERROR, EIO},
	{NATS_TIMEOUT, ETIMEDOUT},
	{NATS_SSL_ERROR, EPROTO},
	{NATS_NO_SERVER_SUPPORT, EOPNOTSUPP},
	{NATS_DRAINING, ENOTCONN},
	{NATS_NO_RESPONDERS, ENOENT},
};

int errmap_status(natsStatus s)
{
	for (size_t i = 0; i < ARRAY_LEN(status_table); i++)
		if (status_table[i].status == s)
			return -status_table[i].err;
	/* Newer libraries know more codes than this one was built with. */
	return -EIO;
}

/* Numbers are those of the server's errors.json; nats.h names only those of its own time. */
struct api_errno {
	int err_code;
	int err;
};

static const struct api_errno api_table[] = {
	{10002, ENOSPC}, /* account resource limits exceeded */
	{10003, EINVAL}, /* bad request */
	{10004, EAGAIN}, /* incomplete results */
	{10005, EAGAIN}, /* no suitable peers for placement */
	{10008, EAGAIN}, /* system temporarily unavailable */
	{10009, EAGAIN}, /* not the leader */
	{10014, ENOENT}, /* consumer not found */
	{10023, EAGAIN}, /* insufficient resources */
	{10025, EINVAL}, /* invalid JSON */
	{10026, EDQUOT}, /* maximum consumers */
	{10027, EDQUOT}, /* maximum streams */
	{10028, ENOSPC}, /* insufficient memory */
	{10035, EACCES}, /* account not found */
	{10037, ENOENT}, /* no message found */
	{10039, ENODEV}, /* JetStream not enabled for the account */
	{10043, ENOENT}, /* sequence not found */
	{10047, ENOSPC}, /* insufficient storage */
	{10052, EINVAL}, /* stream configuration */
	{10054, EFBIG},	 /* message above the stream's maximum */
	{10058, EEXIST}, /* stream name in use */
	{10059, ENOENT}, /* stream not found */
	{10060, ESTALE}, /* expected stream does not match */
	{10063, ESTALE}, /* expected stream sequence does not match */
	{10065, EEXIST}, /* subjects overlap with another stream */
	{10070, ESTALE}, /* wrong last message id */
	{10071, ESTALE}, /* wrong last sequence */
	{10076, ENODEV}, /* JetStream not enabled */
	{10097, EFBIG},	 /* header block too large */
	{10109, EROFS},	 /* sealed */
	{10110, EIO},	 /* purge failed */
	{10111, EIO},	 /* rollup failed */
	{10113, EINVAL}, /* account requires max_bytes */
	{10118, EAGAIN}, /* stream offline */
	{10120, ENOSPC}, /* no applicable limit */
	{10122, ENOSPC}, /* max_bytes above the account's */
	{10163, EAGAIN}, /* expected sequence lost its leader */
	{10164, ESTALE}, /* wrong last sequence, constant form */
	{10167, EAGAIN}, /* too many requests */
};

static bool mentions(const char *description, const char *what)
{
	return description && strcasestr(description, what) != NULL;
}

/* Codes that carry the reason in their text only; 0 where the text decides nothing. */
static int from_description(int err_code, const char *description)
{
	if (mentions(description, "not permitted") || mentions(description, "sealed") ||
	    mentions(description, "mirror"))
		if (err_code == 10057 || err_code == 10110 || err_code == 10111 ||
		    err_code == 10052)
			return -EROFS;
	if (err_code == 10077) {
		if (mentions(description, "maximum bytes") ||
		    mentions(description, "maximum messages") ||
		    mentions(description, "no space left"))
			return -ENOSPC;
		if (mentions(description, "maximum message size"))
			return -EFBIG;
		if (mentions(description, "sealed"))
			return -EROFS;
	}
	return 0;
}

/* For err_code 0 (servers before 2.3) and codes without an entry. */
static int from_http_code(int code)
{
	switch (code) {
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 408:
		return -ETIMEDOUT;
	case 413:
		return -EFBIG;
	case 429:
	case 503:
		return -EAGAIN;
	case 501:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

int errmap_api(int code, int err_code, const char *description)
{
	int r;

	r = from_description(err_code, description);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(api_table); i++)
		if (api_table[i].err_code == err_code)
			return -api_table[i].err;
	/* A store failure is final although the server sends it with 503. */
	if (err_code == 10077)
		return -EIO;
	return from_http_code(code);
}
