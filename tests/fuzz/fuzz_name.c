/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names from the bucket and from programs. A component shown as a file name must come back from it,
 * be a name that POSIX can hold, and differ from what it is when shadowed; a file name that is
 * understood must be the one that its component gets.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"
#include "objstore/subject.h"
#include "seeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const fuzz_seeds[] = {"plain",     "",	   "..",
				  "%=x%00%25", "%=fplain", "%=%=",
				  "%=l0123",   "%=.",	   "\xc3\xa9t\xc3\xa9",
				  "a%=b",      "%",	   "%=x%2",
				  "%=xplain",  "%=f..",	   "\xf0\x9f\x98\x80",
				  "%=f%=x%00"};
const size_t fuzz_n_seeds = sizeof(fuzz_seeds) / sizeof(fuzz_seeds[0]);

static void must(int is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "%s\n", what);
	abort();
}

static void check_shown(const char *text, size_t len, const char *shown, bool is_kept,
			bool is_shadowed)
{
	_cleanup_free_ char *back = malloc(NAME_COMPONENT_MAX + 1);
	size_t shown_len = strlen(shown), back_len = 0;
	bool says_shadowed = false;
	int err;

	must(back != NULL, "no memory");
	must(shown_len > 0 && shown_len <= NAME_COMPONENT_MAX, "not the length of a file name");
	must(!strchr(shown, '/') && strcmp(shown, ".") != 0 && strcmp(shown, "..") != 0,
	     "not a file name");
	err = name_decode(shown, shown_len, back, &back_len, &says_shadowed);
	if (is_kept) {
		must(err < 0, "a long form was understood");
		return;
	}
	must(err == 0, "a shown name is not understood");
	must(back_len == len && memcmp(back, text, len) == 0, "another component came back");
	must(says_shadowed == is_shadowed, "shadowed or not is lost");
}

static void check_component(const char *text, size_t len)
{
	char plain[NAME_COMPONENT_MAX + 1], shadowed[NAME_COMPONENT_MAX + 1];
	bool is_kept = name_encode(text, len, plain);
	bool is_shadowed_kept = name_encode_shadowed(text, len, shadowed);

	check_shown(text, len, plain, is_kept, false);
	check_shown(text, len, shadowed, is_shadowed_kept, true);
	must(strcmp(plain, shadowed) != 0, "shadowed and plain are alike");
}

static void check_file_name(const char *name, size_t len)
{
	char shown[NAME_COMPONENT_MAX + 1], component[NAME_COMPONENT_MAX + 1];
	bool is_shadowed, is_kept;
	size_t component_len;

	if (name_decode(name, len, component, &component_len, &is_shadowed) < 0)
		return;
	is_kept = is_shadowed ? name_encode_shadowed(component, component_len, shown)
			      : name_encode(component, component_len, shown);
	must(!is_kept, "what was understood cannot be shown");
	must(strlen(shown) == len && memcmp(shown, name, len) == 0, "it is shown otherwise");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	/* Components come out of valid object names only. */
	if (obj_utf8_is_valid(text, size) && !memchr(text, '/', size))
		check_component(text, size);
	/* The kernel gives no others. */
	if (size > 0 && size <= NAME_COMPONENT_MAX && !memchr(text, '/', size) &&
	    !memchr(text, '\0', size) && !(size == 1 && text[0] == '.') &&
	    !(size == 2 && text[0] == '.' && text[1] == '.'))
		check_file_name(text, size);
	return 0;
}
