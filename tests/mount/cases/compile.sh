# SPDX-License-Identifier: Apache-2.0
# Programs are compiled, linked and run where they were made, several files at a time: many small
# files, and parts of this project with their dependencies as the compiler writes them.
command -v gcc >/dev/null && command -v make >/dev/null || skip "gcc or make is not installed"
begin
for i in $(seq 12); do
  printf '#include <stdio.h>\nint f%s(void);\nint f%s(void) { return printf("%s\\n"); }\n' $i $i $i >"$M/f$i.c"
done
{ for i in $(seq 12); do echo "int f$i(void);"; done; echo 'int main(void) {'
  for i in $(seq 12); do echo "f$i();"; done; echo 'return 0; }'; } >"$M/main.c"
printf 'OBJ := $(patsubst %%.c,%%.o,$(wildcard *.c))\nprog: $(OBJ)\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -c -o $@ $<\n' >"$M/Makefile"
make -s -j4 -C "$M"
assert_eq "$("$M/prog" | sort -n | tr '\n' ' ')" "$(seq 12 | tr '\n' ' ')"
assert_eq "$(make -C "$M" --no-print-directory)" "make: 'prog' is up to date."
touch "$M/f3.c"
assert_eq "$(make -C "$M" --no-print-directory | wc -l)" 2

P=$M/project
mkdir "$P"
cp -r "$TOOLS/../../src" "$TOOLS/../model" "$P"
cat >"$P/Makefile" <<'E'
CFLAGS := -O1 -g -D_GNU_SOURCE -Isrc
UTIL := $(patsubst %.c,%.o,$(wildcard src/util/*.c))
MODEL := $(patsubst %.c,%.o,$(wildcard model/*.c))
all: libutil.a model/model
libutil.a: $(UTIL)
	ar rcs $@ $^
model/model: $(MODEL)
	gcc -o $@ $^
%.o: %.c
	gcc $(CFLAGS) -MMD -c -o $@ $<
-include $(UTIL:.o=.d) $(MODEL:.o=.d)
E
make -s -j2 -C "$P" CCACHE_DISABLE=1
mkdir a b
"$P/model/model" --compare a b
touch a/more
must_fail "more is listed" "$P/model/model" --compare a b
assert_eq "$(make -C "$P" --no-print-directory)" "make: Nothing to be done for 'all'."
touch "$P/model/model.h"
make -C "$P" -j2 >made
assert_eq "$(grep -c -- -MMD made)" "$(ls "$P"/model/*.c | wc -l)"
end
mount_at "$M"
assert_eq "$(make -C "$P" --no-print-directory)" "make: Nothing to be done for 'all'."
must_fail "more is listed" "$P/model/model" --compare a b
end
