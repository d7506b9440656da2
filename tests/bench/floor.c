/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The least that moving an object takes: nats.c alone, the same chunks, the same digest, a window
 * of requests in flight, no file system. scripts/bench divides the mount's time by this one's.
 *
 *	floor put SERVER BUCKET NAME FILE     store FILE as an object
 *	floor get SERVER BUCKET NAME          read it in order and check the digest
 *	floor random SERVER BUCKET NAME SIZE COUNT   COUNT reads of SIZE bytes, one after the other
 *	floor small SERVER BUCKET NAME SIZE COUNT WRITERS      COUNT objects of SIZE bytes, each of
 *	                                      the writers one after the other
 *	floor exclusive SERVER BUCKET NAME SIZE COUNT WRITERS  the same, a claim before each
 *	floor getmany SERVER BUCKET NAME COUNT       reads them in turn
 *	floor remove SERVER BUCKET NAME COUNT        a tombstone over each, in turn
 *	floor names SERVER BUCKET DIR COUNT PER_DIR  a new bucket with COUNT objects' metadata
 *	floor list SERVER BUCKET -                   all metadata, through a consumer
 *
 * The objects of "names" have no content to be read; their metadata are what a mount stores.
 *
 * Prints the seconds the work itself took, without connecting.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

natsConnection *nc;
char inbox[128];
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
natsMsg *answers[WINDOW];
uint64_t n_acks;

_Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

void must(natsStatus s, const char *what)
{
	if (s != NATS_OK)
		die(what);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void on_answer(natsConnection *c, natsSubscription *sub, natsMsg *msg, void *arg)
{
	unsigned slot = (unsigned)strtoul(natsMsg_GetSubject(msg) + strlen(inbox) + 1, NULL, 10);

	(void)c;
	(void)sub;
	(void)arg;
	pthread_mutex_lock(&lock);
	answers[slot % WINDOW] = msg;
	n_acks++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

natsMsg *take(unsigned slot)
{
	natsMsg *msg;

	pthread_mutex_lock(&lock);
	while (!(msg = answers[slot]))
		pthread_cond_wait(&changed, &lock);
	answers[slot] = NULL;
	pthread_mutex_unlock(&lock);
	return msg;
}

static void open_connection(const char *server, int is_reader)
{
	natsOptions *opts;
	natsSubscription *sub;
	natsInbox *name;
	char subject[160];

	must(nats_Open(0), "nats_Open");
	must(natsOptions_Create(&opts), "options");
	must(natsOptions_SetURL(opts, server), "URL");
	if (is_reader) {
		must(natsOptions_SetIOBufSize(opts, 2 << 20), "buffer");
		must(natsOptions_SetSendAsap(opts, true), "send asap");
	}
	must(natsConnection_Connect(&nc, opts), "connect");
	must(natsInbox_Create(&name), "inbox");
	(void)snprintf(inbox, sizeof(inbox), "%s", name);
	natsInbox_Destroy(name);
	(void)snprintf(subject, sizeof(subject), "%s.*", inbox);
	must(natsConnection_Subscribe(&sub, nc, subject, on_answer, NULL), "subscribe");
	must(natsSubscription_SetPendingLimits(sub, -1, -1), "limits");
	natsOptions_Destroy(opts);
}

void base64url(const unsigned char *data, size_t len, char *out)
{
	size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, data, (int)len);

	for (size_t i = 0; i < n; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
}

/* What a mount adds to the metadata of its files. */
#define POSIX                                                                                      \
	"\"metadata\":{\"posix.mode\":\"100644\",\"posix.uid\":\"1000\",\"posix.gid\":\"1000\","   \
	"\"posix.mtime\":\"1767225600123456789\",\"posix.ctime\":\"1795847473351555978\","         \
	"\"posix.btime\":\"1795847473351189421\"},"

/* Waits for the acknowledgement of a message that takes the place of another. */
static void replace(const char *subject, const char *meta, uint64_t replaced)
{
	natsMsg *msg, *ack;
	char seq[24];

	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)replaced);
	must(natsMsg_Create(&msg, subject, NULL, meta, (int)strlen(meta)), "metadata");
	must(natsMsgHeader_Set(msg, "Nats-Expected-Last-Subject-Sequence", seq), "metadata");
	must(natsMsgHeader_Set(msg, "Nats-Rollup", "sub"), "metadata");
	must(natsConnection_RequestMsg(&ack, nc, msg, 10000), "metadata");
	natsMsg_Destroy(msg);
	natsMsg_Destroy(ack);
}

void publish_meta(const char *bucket, const char *name, const char *nuid, uint64_t size,
		  uint64_t chunks, const unsigned char digest[32], uint64_t replaced,
		  const char *reply)
{
	char subject[1024], meta[2048], token[512], digest_text[64];
	natsMsg *ack = NULL;

	base64url(digest, 32, digest_text);
	base64url((const unsigned char *)name, strlen(name), token);
	(void)snprintf(subject, sizeof(subject), "$O.%s.M.%s", bucket, token);
	(void)snprintf(meta, sizeof(meta),
		       "{\"name\":\"%s\"," POSIX
		       "\"options\":{\"max_chunk_size\":%d},\"bucket\":\"%s\","
		       "\"nuid\":\"%s\","
		       "\"size\":%llu,\"mtime\":\"2026-01-01T00:00:00.000Z\",\"chunks\":%llu,"
		       "\"digest\":\"SHA-256=%s\"}",
		       name, CHUNK, bucket, nuid, (unsigned long long)size,
		       (unsigned long long)chunks, digest_text);
	if (reply) {
		must(natsConnection_PublishRequest(nc, subject, reply, meta, (int)strlen(meta)),
		     "publish");
		return;
	}
	if (replaced > 0) {
		replace(subject, meta, replaced);
		return;
	}
	must(natsConnection_Request(&ack, nc, subject, meta, (int)strlen(meta), 10000), "metadata");
	natsMsg_Destroy(ack);
}

void new_nuid(char *out, size_t len, unsigned i)
{
	(void)snprintf(out, len, "%08X%06X%08X", (unsigned)time(NULL), (unsigned)getpid(), i);
}

void put_meta(const char *bucket, const char *name, const char *nuid, uint64_t size,
	      uint64_t chunks, const unsigned char digest[32], uint64_t replaced)
{
	publish_meta(bucket, name, nuid, size, chunks, digest, replaced, NULL);
}

static void put(const char *bucket, const char *name, const char *file)
{
	static unsigned char chunk[CHUNK];
	char subject[1024], reply[160], nuid[64];
	unsigned char digest[32];
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	uint64_t n = 0, size = 0;
	int fd = open(file, O_RDONLY);
	double start = now();
	ssize_t len;

	if (fd < 0)
		die("cannot open the file");
	new_nuid(nuid, sizeof(nuid), 0);
	(void)snprintf(subject, sizeof(subject), "$O.%s.C.%s", bucket, nuid);
	EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	while ((len = read(fd, chunk, CHUNK)) > 0) {
		pthread_mutex_lock(&lock);
		while (n - n_acks >= WINDOW)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		if (answers[n % WINDOW]) {
			natsMsg_Destroy(answers[n % WINDOW]);
			answers[n % WINDOW] = NULL;
		}
		(void)snprintf(reply, sizeof(reply), "%s.%u", inbox, (unsigned)(n % WINDOW));
		must(natsConnection_PublishRequest(nc, subject, reply, chunk, (int)len), "publish");
		EVP_DigestUpdate(sha, chunk, (size_t)len);
		size += (uint64_t)len;
		n++;
	}
	must(natsConnection_Flush(nc), "flush");
	pthread_mutex_lock(&lock);
	while (n_acks < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	EVP_DigestFinal_ex(sha, digest, NULL);
	put_meta(bucket, name, nuid, size, n, digest, 0);
	(void)printf("%.6f\n", now() - start);
}

uint64_t field(const char *json, const char *key)
{
	const char *p = strstr(json, key);

	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

/* Sequence of the object's first chunk, its count of chunks and its digest. */
uint64_t find(const char *bucket, const char *name, uint64_t *chunks, char digest[64])
{
	char subject[1024], body[256], token[512], nuid[64] = "";
	natsMsg *msg;
	const char *p, *seq;

	base64url((const unsigned char *)name, strlen(name), token);
	(void)snprintf(subject, sizeof(subject), "$JS.API.DIRECT.GET.OBJ_%s.$O.%s.M.%s", bucket,
		       bucket, token);
	must(natsConnection_Request(&msg, nc, subject, "", 0, 10000), "metadata");
	*chunks = field(natsMsg_GetData(msg), "\"chunks\":");
	p = strstr(natsMsg_GetData(msg), "\"nuid\":\"");
	if (!p || sscanf(p, "\"nuid\":\"%63[^\"]", nuid) != 1)
		die("no such object");
	p = strstr(natsMsg_GetData(msg), "SHA-256=");
	(void)snprintf(digest, 64, "%.44s", p ? p + 8 : "");
	natsMsg_Destroy(msg);
	(void)snprintf(subject, sizeof(subject), "$JS.API.DIRECT.GET.OBJ_%s", bucket);
	(void)snprintf(body, sizeof(body), "{\"seq\":1,\"next_by_subj\":\"$O.%s.C.%s\"}", bucket,
		       nuid);
	must(natsConnection_Request(&msg, nc, subject, body, (int)strlen(body), 10000),
	     "first chunk");
	must(natsMsgHeader_Get(msg, "Nats-Sequence", &seq), "sequence");
	return strtoull(seq, NULL, 10);
}

static void ask(const char *bucket, uint64_t seq, unsigned slot)
{
	char subject[256], reply[160], body[64];

	(void)snprintf(subject, sizeof(subject), "$JS.API.DIRECT.GET.OBJ_%s", bucket);
	(void)snprintf(reply, sizeof(reply), "%s.%u", inbox, slot);
	(void)snprintf(body, sizeof(body), "{\"seq\":%llu}", (unsigned long long)seq);
	must(natsConnection_PublishRequest(nc, subject, reply, body, (int)strlen(body)), "request");
}

static void get(const char *bucket, const char *name)
{
	double start = now();
	char digest_text[64], expected[64];
	unsigned char digest[32];
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	uint64_t chunks, first = find(bucket, name, &chunks, expected), sent = 0;

	EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
	for (uint64_t i = 0; i < chunks; i++) {
		natsMsg *msg;

		for (; sent < chunks && sent < i + WINDOW; sent++)
			ask(bucket, first + sent, (unsigned)(sent % WINDOW));
		msg = take((unsigned)(i % WINDOW));
		EVP_DigestUpdate(sha, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
		natsMsg_Destroy(msg);
	}
	EVP_DigestFinal_ex(sha, digest, NULL);
	base64url(digest, 32, digest_text);
	if (strcmp(digest_text, expected) != 0)
		die("wrong digest");
	(void)printf("%.6f\n", now() - start);
}

static void get_random(const char *bucket, const char *name, size_t size, unsigned count)
{
	char expected[64];
	uint64_t chunks, first = find(bucket, name, &chunks, expected), seed = 1;
	double start = now();

	(void)size; /* whatever is wanted of it, a chunk is the least that can be asked for */
	for (unsigned i = 0; i < count; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		ask(bucket, first + (seed >> 33) % chunks, 0);
		natsMsg_Destroy(take(0));
	}
	(void)printf("%.6f\n", now() - start);
}

#define USAGE                                                                                      \
	"usage: floor put|get|random|small|exclusive|getmany|remove|names|list SERVER BUCKET "     \
	"NAME …"

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc < 5)
		die(USAGE);
	open_connection(argv[2], strcmp(verb, "get") == 0 || strcmp(verb, "random") == 0);
	if (strcmp(verb, "put") == 0 && argc == 6)
		put(argv[3], argv[4], argv[5]);
	else if (strcmp(verb, "get") == 0)
		get(argv[3], argv[4]);
	else if (strcmp(verb, "random") == 0 && argc == 7)
		get_random(argv[3], argv[4], strtoul(argv[5], NULL, 10),
			   (unsigned)strtoul(argv[6], NULL, 10));
	else if ((strcmp(verb, "small") == 0 || strcmp(verb, "exclusive") == 0) && argc == 8)
		put_small(argv[3], argv[4], strtoul(argv[5], NULL, 10),
			  (unsigned)strtoul(argv[6], NULL, 10),
			  (unsigned)strtoul(argv[7], NULL, 10), verb[0] == 'e');
	else if (strcmp(verb, "remove") == 0 && argc == 6)
		remove_many(argv[3], argv[4], (unsigned)strtoul(argv[5], NULL, 10));
	else if (strcmp(verb, "getmany") == 0 && argc == 6)
		get_many(argv[3], argv[4], (unsigned)strtoul(argv[5], NULL, 10));
	else if (strcmp(verb, "names") == 0 && argc == 7 && atoi(argv[6]) > 0)
		put_names(argv[3], argv[4], (unsigned)strtoul(argv[5], NULL, 10),
			  (unsigned)atoi(argv[6]));
	else if (strcmp(verb, "list") == 0)
		list_all(argv[3]);
	else
		die(USAGE);
	return 0;
}
