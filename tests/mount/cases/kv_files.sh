# SPDX-License-Identifier: Apache-2.0
# A key-value bucket as a directory: programs read, make, change, rename and remove keys, and other
# clients see values that are the files' contents and nothing else.
start_server
kv() { python3 "$TOOLS/kv.py" "$URL" k "$@"; }
kv make
kv put app/name natsobj >/dev/null
kv put app.config.port 4222 >/dev/null
M=$WORK/m
mount_kv "$M"

assert_eq "$(cat "$M/app/name")" natsobj
assert_eq "$(cat "$M/app.config.port")" 4222
assert_eq "$(ls -A "$M")" "app
app.config.port"
assert_eq "$(getfattr --only-values -n user.nats.revision "$M/app/name")" "$(kv revision app/name)"

# Writing, appending, and changing in the middle.
echo hello >"$M/greeting"
assert_eq "$(kv get greeting)" hello
echo more >>"$M/greeting"
printf J | dd of="$M/greeting" conv=notrunc status=none
assert_eq "$(kv get greeting)" "Jello
more"
: >"$M/empty"
assert_eq "$(kv revision empty)" "$(getfattr --only-values -n user.nats.revision "$M/empty")"
assert_eq "$(kv get empty | wc -c)" 0
[ -e "$M/empty" ] || fail "an empty value is not shown"
truncate -s 3 "$M/greeting"
assert_eq "$(kv get greeting)" Jel

# What others do is seen at once.
kv put greeting changed >/dev/null
wait_until 10 grep -q changed "$M/greeting"
kv put app/deep/key 1 >/dev/null
wait_until 10 test -f "$M/app/deep/key"
kv delete app/deep/key >/dev/null
wait_until 10 test ! -e "$M/app/deep"
kv purge greeting >/dev/null
wait_until 10 test ! -e "$M/greeting"

# Renaming and removing.
mv "$M/app/name" "$M/title"
assert_eq "$(kv get title)" natsobj
assert_eq "$(kv keys)" "app.config.port
empty
title"
rm "$M/title"
python3 "$TOOLS/kv.py" "$URL" k get title | cmp - /dev/null
[ "$(kv revision title)" -gt 0 ] || fail "the key was not deleted but forgotten"
echo again >"$M/title"
assert_eq "$(kv get title)" again

# Directories: made and emptied ones stay, in this mount.
mkdir -p "$M/new/dir"
[ -d "$M/app" ] || fail "the directory of the last key that was removed here is gone"
mv "$M/new/dir" "$M/new/other"
echo 1 >"$M/new/other/key"
assert_eq "$(kv get new/other/key)" 1
mv "$M/new/other" "$M/moved"
assert_eq "$(cat "$M/moved/key")$(kv get moved/key)" 11
rmdir "$M/app" "$M/new"
must_fail "not empty" rmdir "$M/moved"
rm -r "$M/moved"
[ ! -e "$M/moved" ] || fail "rm -r left the directory"
unmount_and_wait "$M" "$MOUNT_PID"

# Whole trees, with names of every kind.
mount_kv "$M"
mkdir -p tree/.hidden "tree/with blank"
for i in 1 2 3 4 5; do head -c $((i * 50000)) /dev/urandom >"tree/with blank/$i.bin"; done
echo x >tree/.hidden/.file
echo y >"tree/ä~"
echo z >tree/=20
cp -r tree "$M/"
diff -r tree "$M/tree"
rsync -a --no-perms --no-owner --no-group tree/ "$M/synced/"
assert_eq "$(rsync -a --no-perms --no-owner --no-group --itemize-changes tree/ "$M/synced/" | grep -v '^\.d')" ""
assert_eq "$(grep -rl x "$M/tree/.hidden")" "$M/tree/.hidden/.file"
kv keys >keys
for key in tree/with=20blank/1.bin tree/=C3=A4=7E tree/=3D20; do
  grep -qx "$key" keys || fail "no such key: $key"
done
unmount_and_wait "$M" "$MOUNT_PID"
mount_kv "$M"
diff -r tree "$M/tree"
diff -r tree "$M/synced"
rm -r "$M/tree" "$M/synced"
assert_eq "$(kv keys)" "app.config.port
empty
title"
end
