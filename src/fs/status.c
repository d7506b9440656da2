/* SPDX-License-Identifier: Apache-2.0 */

/* How the mount is doing, for people (JSON), for Prometheus, and what it has not stored yet. */

#include <inttypes.h>

#include "fs/backing.h"
#include "fs/file.h"
#include "fs/virtual.h"
#include "util/clock.h"
#include "util/json_write.h"

struct figures {
	struct store_status store;
	bool has_store; /* the server's figures, possibly older ones, are there */
	bool is_connected, is_gone, is_listing;
	uint64_t files;
	uint64_t open, unsaved, unsaved_bytes;
	uint64_t later;
	uint64_t cache, staging;
	struct disk_cache_stats disk;
	struct backing_stats backing;
	uint64_t last_seq, events, listings, uptime_s;
};

static void count_files(struct fs *fs, struct figures *f)
{
	LOCK_SCOPE(&fs->tree.lock);
	f->is_listing = fs->is_listing;
	f->files = fs->tree.n_nodes - fs->n_virtual;
	list_for_each (it, &fs->files) {
		const struct node *n = list_entry(it, struct file, link)->node;

		f->open++;
		if (n->is_dirty) {
			f->unsaved++;
			f->unsaved_bytes += n->size;
		}
	}
	f->last_seq = fs->counts.last_seq;
	f->events = fs->counts.events;
	f->listings = fs->counts.listings;
	f->uptime_s = (clock_now_ns() - fs->counts.since_ns) / (uint64_t)NS_PER_SEC;
}

static uint64_t locked_value(struct mutex *lock, const uint64_t *value)
{
	LOCK_SCOPE(lock);
	return *value;
}

static void collect(struct fs *fs, struct figures *f)
{
	*f = (struct figures){0};
	f->is_connected = atomic_load(&fs->is_connected);
	f->is_gone = atomic_load(&fs->is_gone);
	f->has_store = store_status(fs->store, &f->store) == 0;
	count_files(fs, f);
	f->later = later_count(&fs->later) + purges_count(&fs->purges);
	f->cache = locked_value(&fs->cache.lock, &fs->cache.bytes);
	if (fs->disk)
		disk_cache_stats(fs->disk, &f->disk);
	backing_stats(fs, &f->backing);
	f->staging = locked_value(&fs->staging.lock, &fs->staging.used);
}

static void disk_json(const struct disk_cache_stats *d, const struct backing_stats *b,
		      struct json_writer *w)
{
	json_begin_object(w, "disk_cache");
	json_bool(w, "on", d->max_bytes > 0 && !d->is_off);
	json_u64(w, "bytes", d->bytes);
	json_u64(w, "limit", d->max_bytes);
	json_u64(w, "hits", d->hits);
	json_u64(w, "hit_bytes", d->hit_bytes);
	json_u64(w, "misses", d->misses);
	json_u64(w, "miss_bytes", d->miss_bytes);
	json_u64(w, "stored_bytes", d->stored_bytes);
	json_u64(w, "skipped_bytes", d->skipped_bytes);
	json_u64(w, "evicted_files", d->evictions);
	json_u64(w, "evicted_bytes", d->evicted_bytes);
	json_u64(w, "damaged_files", d->damaged);
	json_bool(w, "passthrough", b->is_on);
	json_u64(w, "passthrough_opens", b->opens);
	json_end_object(w);
}

static const char *watch_state(const struct figures *f)
{
	return f->is_gone ? "gone" : f->is_connected ? "connected" : "disconnected";
}

void fs_set_status(struct fs *fs, void (*add)(void *arg, struct json_writer *w), void *arg)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs->add_status = add;
	fs->add_status_arg = arg;
}

static void add_more(struct fs *fs, struct json_writer *w)
{
	void (*add)(void *arg, struct json_writer *w);
	void *arg;

	mutex_lock(&fs->tree.lock);
	add = fs->add_status;
	arg = fs->add_status_arg;
	mutex_unlock(&fs->tree.lock);
	if (add)
		add(arg, w);
}

void status_json(struct fs *fs, struct buf *out)
{
	const char *why = atomic_load(&fs->store->why_read_only);
	struct json_writer w;
	struct figures f;

	collect(fs, &f);
	json_init(&w, out);
	json_begin_object(&w, NULL);
	json_string(&w, "bucket", fs->store->bucket);
	json_string(&w, "kind", fs_is_plain(fs) ? "key-value" : "object");
	json_string(&w, "prefix", fs->prefix);
	json_string(&w, "server", fs->store->server);
	json_bool(&w, "connected", f.has_store && f.store.is_connected && !f.is_gone);
	json_string(&w, "watch", watch_state(&f));
	json_bool(&w, "listing", f.is_listing);
	json_bool(&w, "read_only", fs->cfg.is_read_only || (f.has_store && f.store.is_read_only));
	if (why)
		json_string(&w, "why_read_only", why);
	json_u64(&w, "last_sequence", f.last_seq);
	json_u64(&w, "uptime_seconds", f.uptime_s);
	json_u64(&w, "files", f.files);
	json_u64(&w, "open_files", f.open);
	json_u64(&w, "pending_uploads", f.unsaved);
	json_u64(&w, "pending_bytes", f.unsaved_bytes);
	json_u64(&w, "deferred_jobs", f.later);
	json_u64(&w, "cache_bytes", f.cache);
	json_u64(&w, "cache_limit", fs->cfg.memory);
	json_u64(&w, "staging_bytes", f.staging);
	if (fs->disk)
		disk_json(&f.disk, &f.backing, &w);
	if (f.has_store) {
		json_u64(&w, "bucket_bytes", f.store.bytes);
		json_u64(&w, "bucket_limit", f.store.max_bytes);
		json_u64(&w, "bucket_messages", f.store.messages);
	}
	add_more(fs, &w);
	json_end_object(&w);
	buf_append_char(out, '\n');
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	buf_printf(out, "# HELP natsobj_%s %s\n# TYPE natsobj_%s %s\nnatsobj_%s %" PRIu64 "\n",
		   name, help, name, type, name, value);
}

static void disk_metrics(const struct disk_cache_stats *d, const struct backing_stats *b,
			 struct buf *out)
{
	metric(out, "disk_cache_bytes", "gauge", "Content on disk, as last counted.", d->bytes);
	metric(out, "disk_cache_limit_bytes", "gauge", "Its limit.", d->max_bytes);
	metric(out, "disk_cache_hits_total", "counter", "Blocks read from disk.", d->hits);
	metric(out, "disk_cache_hit_bytes_total", "counter", "Their bytes.", d->hit_bytes);
	metric(out, "disk_cache_misses_total", "counter", "Blocks not on disk.", d->misses);
	metric(out, "disk_cache_miss_bytes_total", "counter", "Their bytes.", d->miss_bytes);
	metric(out, "disk_cache_stored_bytes_total", "counter", "Written.", d->stored_bytes);
	metric(out, "disk_cache_skipped_bytes_total", "counter", "Not kept.", d->skipped_bytes);
	metric(out, "disk_cache_evicted_files_total", "counter", "Removed to make room.",
	       d->evictions);
	metric(out, "disk_cache_evicted_bytes_total", "counter", "Their bytes.", d->evicted_bytes);
	metric(out, "disk_cache_damaged_files_total", "counter", "Removed because of damage.",
	       d->damaged);
	metric(out, "disk_cache_passthrough_opens_total", "counter",
	       "Opens that the kernel reads by itself.", b->opens);
}

void status_metrics(struct fs *fs, struct buf *out)
{
	struct figures f;

	collect(fs, &f);
	metric(out, "connected", "gauge", "Whether the watch follows the bucket.", f.is_connected);
	metric(out, "last_sequence", "gauge", "Newest sequence seen.", f.last_seq);
	metric(out, "events_total", "counter", "Versions of names taken in.", f.events);
	metric(out, "listings_total", "counter", "Complete listings of the bucket.", f.listings);
	metric(out, "files", "gauge", "Files and directories known.", f.files);
	metric(out, "open_files", "gauge", "Open files.", f.open);
	metric(out, "pending_uploads", "gauge", "Files with unsaved changes.", f.unsaved);
	metric(out, "pending_bytes", "gauge", "Their size.", f.unsaved_bytes);
	metric(out, "deferred_jobs", "gauge", "Removals and second looks still to come.", f.later);
	metric(out, "cache_bytes", "gauge", "Received content in memory.", f.cache);
	metric(out, "staging_bytes", "gauge", "Content in staging files.", f.staging);
	if (fs->disk)
		disk_metrics(&f.disk, &f.backing, out);
	if (!f.has_store)
		return;
	metric(out, "bucket_bytes", "gauge", "Bytes stored in the bucket.", f.store.bytes);
	metric(out, "bucket_limit_bytes", "gauge", "Its limit, 0 for none.", f.store.max_bytes);
}

void status_pending(struct fs *fs, struct buf *out)
{
	/* Nothing pending is an empty text, not none. */
	buf_append_str(out, "");
	LOCK_SCOPE(&fs->tree.lock);
	list_for_each (it, &fs->files) {
		const struct node *n = list_entry(it, struct file, link)->node;

		if (!n->is_dirty || !n->dentry)
			continue;
		buf_printf(out, "%" PRIu64 "\t", n->size);
		tree_object_name(n->dentry, out);
		buf_append_char(out, '\n');
	}
}
