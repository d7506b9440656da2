/* SPDX-License-Identifier: Apache-2.0 */
#include "util/hash.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define INITIAL_BUCKETS 64

/* Key of SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). */
static uint64_t key[2];

static void choose_key(void)
{
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		abort();
}

static uint64_t rotl(uint64_t x, unsigned b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_bytes(const void *data, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *p = data;
	uint64_t v[4], word, last = (uint64_t)len << 56;

	pthread_once(&once, choose_key);
	v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
	v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
	v[3] = key[1] ^ UINT64_C(0x7465646279746573);
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		sip_word(v, word);
	}
	for (size_t i = 0; i < len; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_bytes_stable(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return h;
}

uint64_t hash_sum(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word;

	for (; len > 0; len -= len < 8 ? len : 8, p += 8) {
		word = len < 8 ? len : 0;
		memcpy(&word, p, len < 8 ? len : 8);
		sum = (sum ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		sum ^= sum >> 29;
	}
	return sum;
}

void hash_init(struct hash *h)
{
	*h = (struct hash){0};
}

void hash_done(struct hash *h)
{
	free(h->buckets);
	hash_init(h);
}

static struct hash_node **bucket_of(const struct hash *h, uint64_t hv)
{
	return &h->buckets[hv & (h->n_buckets - 1)];
}

static int grow(struct hash *h)
{
	struct hash larger = {.n_buckets = h->n_buckets ? h->n_buckets * 2 : INITIAL_BUCKETS,
			      .count = h->count};

	larger.buckets = calloc(larger.n_buckets, sizeof(struct hash_node *));
	if (!larger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_buckets; i++) {
		struct hash_node *n = h->buckets[i], *next;

		for (; n; n = next) {
			struct hash_node **b = bucket_of(&larger, n->hash);

			next = n->next;
			n->next = *b;
			*b = n;
		}
	}
	free(h->buckets);
	*h = larger;
	return 0;
}

int hash_insert(struct hash *h, struct hash_node *n, uint64_t hv)
{
	struct hash_node **b;

	if (h->count >= h->n_buckets && grow(h) < 0 && h->n_buckets == 0)
		return -ENOMEM;
	b = bucket_of(h, hv);
	n->hash = hv;
	n->next = *b;
	*b = n;
	h->count++;
	return 0;
}

void hash_remove(struct hash *h, struct hash_node *n)
{
	struct hash_node **p = bucket_of(h, n->hash);

	while (*p != n) {
		assert(*p);
		p = &(*p)->next;
	}
	*p = n->next;
	n->next = NULL;
	h->count--;
}

bool hash_contains(const struct hash *h, const struct hash_node *n)
{
	hash_for_each (it, h, n->hash) {
		if (it == n)
			return true;
	}
	return false;
}

struct hash_node *hash_first(const struct hash *h, uint64_t hv)
{
	return h->n_buckets ? *bucket_of(h, hv) : NULL;
}
