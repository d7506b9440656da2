/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/natscompat.h"

#include <stdio.h>
#include <string.h>

natsStatus natscompat_inbox(const char *prefix, char ret[NATSCOMPAT_INBOX_MAX])
{
	natsInbox *inbox = NULL;
	natsStatus s = natsInbox_Create(&inbox);
	const char *name;

	if (s != NATS_OK)
		return s;
	name = strchr(inbox, '.');
	ret[0] = '\0';
	if (!name || !prefix || !*prefix || strlen(prefix) + strlen(name) >= NATSCOMPAT_INBOX_MAX) {
		prefix = "";
		name = inbox;
	}
	strncat(ret, prefix, NATSCOMPAT_INBOX_MAX - 1);
	strncat(ret, name, NATSCOMPAT_INBOX_MAX - 1 - strlen(ret));
	natsInbox_Destroy(inbox);
	return NATS_OK;
}

void natscompat_callback_error(natsConnection *nc, char *ret_text, size_t size)
{
	const char *text = nats_GetLastError(NULL);

	/* The callback thread's own text belongs to this very event. The connection's is that of
	 * its newest error, but better than nothing. */
	if (text && *text) {
		snprintf(ret_text, size, "%s", text);
		return;
	}
	ret_text[0] = '\0';
#if NATS_VERSION_NUMBER >= 0x030A00
	(void)natsConnection_ReadLastError(nc, ret_text, size);
#else
	if (natsConnection_GetLastError(nc, &text) != NATS_OK && text)
		snprintf(ret_text, size, "%s", text);
#endif
}
