/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/acl.h"

#include <endian.h>
#include <string.h>

#define VERSION 2u
#define HEADER_LEN 4
#define ENTRY_LEN 8

enum tag {
	TAG_USER_OBJ = 0x01,
	TAG_USER = 0x02,
	TAG_GROUP_OBJ = 0x04,
	TAG_GROUP = 0x08,
	TAG_MASK = 0x10,
	TAG_OTHER = 0x20,
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] | p[1] << 8);
}

static unsigned tag_of(const uint8_t *entry)
{
	return get16(entry);
}

static unsigned perm_of(const uint8_t *entry)
{
	return get16(entry + 2);
}

static void set_perm(uint8_t *entry, unsigned perm)
{
	entry[2] = (uint8_t)perm;
	entry[3] = 0;
}

/* Offsets of all entries. */
#define acl_for_each(at, len) for (size_t at = HEADER_LEN; (at) < (len); (at) += ENTRY_LEN)

/* The entry with a tag that occurs once, or NULL. */
static uint8_t *find(uint8_t *acl, size_t len, unsigned tag)
{
	acl_for_each (at, len)
		if (tag_of(acl + at) == tag)
			return acl + at;
	return NULL;
}

bool acl_is_valid(const uint8_t *acl, size_t len)
{
	unsigned seen = 0, last = 0;
	uint32_t version;

	if (len < HEADER_LEN || (len - HEADER_LEN) % ENTRY_LEN != 0)
		return false;
	memcpy(&version, acl, sizeof(version));
	if (le32toh(version) != VERSION)
		return false;
	acl_for_each (at, len) {
		const uint8_t *e = acl + at;

		unsigned tag = tag_of(e);
		bool is_named = tag == TAG_USER || tag == TAG_GROUP;

		if (perm_of(e) > 7 || tag == 0 || (tag & (tag - 1)) != 0 || tag > TAG_OTHER)
			return false;
		/* Tags rise in the order of the list. */
		if (tag < last || (tag == last && !is_named))
			return false;
		last = tag;
		seen |= tag;
	}
	if ((seen & (TAG_USER_OBJ | TAG_GROUP_OBJ | TAG_OTHER)) !=
	    (TAG_USER_OBJ | TAG_GROUP_OBJ | TAG_OTHER))
		return false;
	return !(seen & (TAG_USER | TAG_GROUP)) || (seen & TAG_MASK);
}

bool acl_to_mode(const uint8_t *acl, size_t len, mode_t *ret)
{
	bool has_mask = false, is_whole = true;
	mode_t mode = 0;

	acl_for_each (at, len) {
		const uint8_t *e = acl + at;

		switch (tag_of(e)) {
		case TAG_USER_OBJ:
			mode |= perm_of(e) << 6;
			break;
		case TAG_GROUP_OBJ:
			if (!has_mask)
				mode |= perm_of(e) << 3;
			break;
		case TAG_MASK:
			mode = (mode & ~(mode_t)070) | perm_of(e) << 3;
			has_mask = true;
			is_whole = false;
			break;
		case TAG_OTHER:
			mode |= perm_of(e);
			break;
		default:
			is_whole = false;
		}
	}
	*ret = mode;
	return is_whole;
}

/* The entry that the group bits of the mode show. */
static uint8_t *group_entry(uint8_t *acl, size_t len)
{
	uint8_t *mask = find(acl, len, TAG_MASK);

	return mask ? mask : find(acl, len, TAG_GROUP_OBJ);
}

void acl_chmod(uint8_t *acl, size_t len, mode_t mode)
{
	set_perm(find(acl, len, TAG_USER_OBJ), mode >> 6 & 7);
	set_perm(group_entry(acl, len), mode >> 3 & 7);
	set_perm(find(acl, len, TAG_OTHER), mode & 7);
}

bool acl_inherit(uint8_t *acl, size_t len, mode_t *mode)
{
	uint8_t *user = find(acl, len, TAG_USER_OBJ), *other = find(acl, len, TAG_OTHER);
	uint8_t *group = group_entry(acl, len);
	mode_t bits;
	bool is_whole;

	set_perm(user, perm_of(user) & (*mode >> 6 & 7));
	set_perm(group, perm_of(group) & (*mode >> 3 & 7));
	set_perm(other, perm_of(other) & (*mode & 7));
	is_whole = acl_to_mode(acl, len, &bits);
	*mode = (*mode & ~(mode_t)0777) | bits;
	return is_whole;
}
