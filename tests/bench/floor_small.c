/* SPDX-License-Identifier: Apache-2.0 */

/* Many small objects: each costs round trips, not bytes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"

/* Whoever makes a file exclusively stores a claim first; two clients cannot both. */
static void put_claim(const char *bucket, const char *name)
{
	char subject[1024], token[512];
	natsMsg *msg, *ack;

	base64url((const unsigned char *)name, strlen(name), token);
	(void)snprintf(subject, sizeof(subject), "$O.%s.M.%s", bucket, token);
	must(natsMsg_Create(&msg, subject, NULL, "{}", 2), "claim");
	must(natsMsgHeader_Set(msg, "Nats-Expected-Last-Subject-Sequence", "0"), "claim");
	must(natsConnection_RequestMsg(&ack, nc, msg, 10000), "claim");
	natsMsg_Destroy(msg);
	natsMsg_Destroy(ack);
}

void put_small(const char *bucket, const char *name, size_t size, unsigned count, int is_exclusive)
{
	static unsigned char data[CHUNK];
	unsigned char digest[32];
	double start = now();

	if (size > CHUNK)
		die("too large to be small");
	for (unsigned i = 0; i < count; i++) {
		char subject[256], nuid[64], each[512];
		natsMsg *ack;

		new_nuid(nuid, sizeof(nuid), i);
		(void)snprintf(each, sizeof(each), "%s-%u", name, i);
		if (is_exclusive)
			put_claim(bucket, each);
		(void)snprintf(subject, sizeof(subject), "$O.%s.C.%s", bucket, nuid);
		must(natsConnection_Request(&ack, nc, subject, data, (int)size, 10000), "chunk");
		natsMsg_Destroy(ack);
		EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL);
		put_meta(bucket, each, nuid, size, 1, digest);
	}
	(void)printf("%.6f\n", now() - start);
}

void get_many(const char *bucket, const char *name, unsigned count)
{
	double start = now();

	for (unsigned i = 0; i < count; i++) {
		char each[512], digest[64];
		uint64_t chunks;

		(void)snprintf(each, sizeof(each), "%s-%u", name, i);
		(void)find(bucket, each, &chunks, digest);
	}
	(void)printf("%.6f\n", now() - start);
}

void remove_many(const char *bucket, const char *name, unsigned count)
{
	double start = now();

	for (unsigned i = 0; i < count; i++) {
		char subject[1024], each[512], token[512];
		natsMsg *msg, *ack;

		(void)snprintf(each, sizeof(each), "%s-%u", name, i);
		base64url((const unsigned char *)each, strlen(each), token);
		(void)snprintf(subject, sizeof(subject), "$O.%s.M.%s", bucket, token);
		must(natsMsg_Create(&msg, subject, NULL, "{\"deleted\":true}", 16), "tombstone");
		must(natsMsgHeader_Set(msg, "Nats-Rollup", "sub"), "tombstone");
		must(natsConnection_RequestMsg(&ack, nc, msg, 10000), "tombstone");
		natsMsg_Destroy(msg);
		natsMsg_Destroy(ack);
	}
	(void)printf("%.6f\n", now() - start);
}

void put_names(const char *bucket, const char *dir, unsigned count, unsigned per_dir)
{
	unsigned char digest[32] = {0};
	char subject[256], body[512], name[512], nuid[64];
	natsMsg *answer;

	(void)snprintf(subject, sizeof(subject), "$JS.API.STREAM.CREATE.OBJ_%s", bucket);
	(void)snprintf(body, sizeof(body),
		       "{\"name\":\"OBJ_%s\",\"subjects\":[\"$O.%s.C.>\",\"$O.%s.M.>\"],"
		       "\"retention\":\"limits\",\"storage\":\"file\",\"num_replicas\":1,"
		       "\"max_bytes\":-1,\"max_msgs\":-1,\"discard\":\"new\","
		       "\"allow_rollup_hdrs\":true,\"allow_direct\":true}",
		       bucket, bucket, bucket);
	must(natsConnection_Request(&answer, nc, subject, body, (int)strlen(body), 10000),
	     "bucket");
	natsMsg_Destroy(answer);
	for (unsigned i = 0; i < count; i++) {
		char reply[160];

		(void)snprintf(name, sizeof(name), "%s/%03u/object-number-%u", dir, i / per_dir, i);
		(void)snprintf(reply, sizeof(reply), "%s.%u", inbox, i % WINDOW);
		new_nuid(nuid, sizeof(nuid), i);
		pthread_mutex_lock(&lock);
		while (i - n_acks >= WINDOW)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		if (answers[i % WINDOW])
			natsMsg_Destroy(take(i % WINDOW));
		memcpy(digest, &i, sizeof(i));
		publish_meta(bucket, name, nuid, 4096, 1, digest, reply);
	}
	pthread_mutex_lock(&lock);
	while (n_acks < count)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static uint64_t n_listed;

static void on_listed(natsConnection *c, natsSubscription *sub, natsMsg *msg, void *arg)
{
	(void)c;
	(void)sub;
	(void)arg;
	natsMsg_Destroy(msg);
	pthread_mutex_lock(&lock);
	n_listed++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

void list_all(const char *bucket)
{
	char subject[256], body[1024];
	natsSubscription *sub;
	natsInbox *deliver;
	natsMsg *answer;
	double start = now();
	uint64_t total;

	must(natsInbox_Create(&deliver), "inbox");
	must(natsConnection_Subscribe(&sub, nc, deliver, on_listed, NULL), "subscribe");
	must(natsSubscription_SetPendingLimits(sub, -1, -1), "limits");
	(void)snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.CREATE.OBJ_%s", bucket);
	(void)snprintf(body, sizeof(body),
		       "{\"stream_name\":\"OBJ_%s\",\"config\":{\"ack_policy\":\"none\","
		       "\"deliver_policy\":\"last_per_subject\",\"filter_subject\":\"$O.%s.M.>\","
		       "\"deliver_subject\":\"%s\",\"max_deliver\":1}}",
		       bucket, bucket, deliver);
	must(natsConnection_Request(&answer, nc, subject, body, (int)strlen(body), 60000),
	     "consumer");
	total = field(natsMsg_GetData(answer), "\"num_pending\":");
	pthread_mutex_lock(&lock);
	while (n_listed < total)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	(void)printf("%.6f\n", now() - start);
}
