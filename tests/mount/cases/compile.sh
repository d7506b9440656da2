# SPDX-License-Identifier: Apache-2.0
# A program is compiled, linked and run where it was made, several files at a time.
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
end
