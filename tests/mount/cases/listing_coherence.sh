# SPDX-License-Identifier: Apache-2.0
# A listing that the kernel keeps follows changes of others, also when the directory's own time is
# ahead of theirs: set by hand, or by a clock that is.
begin
mkdir "$M/d"
echo x >"$M/d/a"
touch -d '2099-01-01' "$M/d"
assert_eq "$(ls "$M/d" | tr '\n' ' ')" "a "
assert_eq "$(ls "$M/d" | tr '\n' ' ')" "a "
echo y >y
"$NATSOBJ" put b y --name d/b --server "$URL" >/dev/null
is_listed() { [ "$(ls "$M/d" | tr '\n' ' ')" = "a b " ]; }
wait_until 10 is_listed
"$NATSOBJ" del b d/a --server "$URL" >/dev/null
is_gone() { [ "$(ls "$M/d")" = b ]; }
wait_until 10 is_gone
end
