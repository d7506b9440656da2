/* SPDX-License-Identifier: Apache-2.0 */

/* Many small objects: each costs round trips, not bytes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"

#define WRITERS_MAX 64

/* Whoever makes a file exclusively stores a claim first; two clients cannot both. Returns its
 * sequence. */
static uint64_t put_claim(const char *bucket, const char *name)
{
	char subject[1024], token[512];
	natsMsg *msg, *ack;
	uint64_t seq;

	base64url((const unsigned char *)name, strlen(name), token);
	(void)snprintf(subject, sizeof(subject), "$O.%s.M.%s", bucket, token);
	must(natsMsg_Create(&msg, subject, NULL, "{}", 2), "claim");
	must(natsMsgHeader_Set(msg, "Nats-Expected-Last-Subject-Sequence", "0"), "claim");
	must(natsConnection_RequestMsg(&ack, nc, msg, 10000), "claim");
	seq = field(natsMsg_GetData(ack), "\"seq\":");
	natsMsg_Destroy(msg);
	natsMsg_Destroy(ack);
	return seq;
}

struct writer {
	pthread_t thread;
	const char *bucket, *name;
	size_t size;
	unsigned first, step, count;
	int is_exclusive;
};

static void *put_each(void *arg)
{
	static const unsigned char data[CHUNK];
	const struct writer *w = arg;
	unsigned char digest[32];

	for (unsigned i = w->first; i < w->count; i += w->step) {
		char subject[256], nuid[64], each[512];
		uint64_t claim = 0;
		natsMsg *ack;

		new_nuid(nuid, sizeof(nuid), i);
		(void)snprintf(each, sizeof(each), "%s-%u", w->name, i);
		if (w->is_exclusive)
			claim = put_claim(w->bucket, each);
		(void)snprintf(subject, sizeof(subject), "$O.%s.C.%s", w->bucket, nuid);
		must(natsConnection_Request(&ack, nc, subject, data, (int)w->size, 10000), "chunk");
		natsMsg_Destroy(ack);
		EVP_Digest(data, w->size, digest, NULL, EVP_sha256(), NULL);
		put_meta(w->bucket, each, nuid, w->size, 1, digest, claim);
	}
	return NULL;
}

void put_small(const char *bucket, const char *name, size_t size, unsigned count, unsigned writers,
	       int is_exclusive)
{
	struct writer each[WRITERS_MAX];
	double start = now();

	if (size > CHUNK || writers == 0 || writers > WRITERS_MAX)
		die("too large to be small, or too many writers");
	for (unsigned i = 0; i < writers; i++) {
		each[i] = (struct writer){.bucket = bucket,
					  .name = name,
					  .size = size,
					  .first = i,
					  .step = writers,
					  .count = count,
					  .is_exclusive = is_exclusive};
		if (pthread_create(&each[i].thread, NULL, put_each, &each[i]) != 0)
			die("no thread");
	}
	for (unsigned i = 0; i < writers; i++)
		pthread_join(each[i].thread, NULL);
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
		publish_meta(bucket, name, nuid, 4096, 1, digest, 0, reply);
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
	/* What was delivered before the answer was written is not pending in it any more. */
	total = field(natsMsg_GetData(answer), "\"consumer_seq\":") +
		field(natsMsg_GetData(answer), "\"num_pending\":");
	pthread_mutex_lock(&lock);
	while (n_listed < total)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	(void)printf("%.6f\n", now() - start);
}
