# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Directory trees into a bucket and out of it.
start
n=$natsobj
$n add b || exit 1
mkdir -p t/a/b
echo 1 >t/1
echo 2 >"t/a/with blank"
head -c 300000 /dev/urandom >t/a/b/large
: >t/empty
ln -s ../1 t/a/link
chmod 755 t/1
touch -d 2020-01-02T03:04:05.678901234Z t/1

expect 0 "put a tree" "$n" put b t -r -p --json
is_json out '[o["name"] for o in d] == ["t/1", "t/a/b/large", "t/a/link", "t/a/with blank", "t/empty"]'
expect 0 "get a tree" "$n" get b t -r -p -O out-dir
diff -r --no-dereference t out-dir || fail "the trees differ"
[ "$(stat -c '%a %y' out-dir/1)" = "$(stat -c '%a %y' t/1)" ] || fail "mode and time: $(stat -c '%a %y' out-dir/1)"
# Empty directories are kept by the mark that a mount stores.
mkdir -p bare/x/y bare/z bare/full
echo 1 >bare/full/f
chmod 750 bare/z
expect 0 "put empty directories" "$n" put b bare -r --json
is_json out 'sorted(o["name"] for o in d) == ["bare/full/f", "bare/x/y/", "bare/z/"]'
expect 0 "get them" "$n" get b bare -r -O bare-out
diff -r bare bare-out && [ -d bare-out/x/y ] && [ -d bare-out/z ] || fail "empty directories: $(find bare-out)"
mkdir vacant
expect 0 "put one that is empty" "$n" put b vacant -r
expect 0 "it is there" "$n" ls b --prefix vacant
grep -qx vacant/ out || fail "no mark: $(cat out)"
expect 0 "put the working directory" sh -c "cd t && '$n' put b . -r"
expect 0 "at the top" "$n" cat b 1
same t/1 out
expect 0 "under a name" "$n" put b t/a -r --name copy
expect 0 "there" "$n" ls b --prefix copy/
printf 'copy/b/large\ncopy/link\ncopy/with blank\n' >want
same want out
expect 1 "get a tree that is not there" "$n" get b nothing -r
expect 1 "a directory without -r" "$n" put b t

# What is in the way of one file does not keep the others from being copied.
mkdir -p blocked/1
expect 1 "a directory in the way" "$n" get b t -r -O blocked
[ -f blocked/a/b/large ] || fail "the rest of the tree"
# No name leads out of the directory, and no link is gone through.
for name in ../escaped /escaped a/../../escaped 'a//b'; do
  echo x | "$n" put b - --name "evil/$name" || fail "put evil/$name"
done
mkdir outside
mkdir evil && ln -s ../outside evil/sub
echo x | "$n" put b - --name evil/sub/file || fail "put evil/sub/file"
echo x | "$n" put b - --name evil/fine || fail "put evil/fine"
timeout 60 "$n" get b evil -r >out 2>err && fail "unsafe names pass"
[ -f evil/fine ] || fail "the safe one"
[ -e escaped ] || [ -e ../escaped ] || [ -e /escaped ] || [ -e outside/file ] && fail "a name led outside"

# What mounts keep for themselves stays in the bucket.
echo x | "$n" put b - --name .natsobj/inode/x || fail "put .natsobj/inode/x"
"$n" get b . -r -O whole >out 2>err
[ -f whole/t/1 ] || fail "the whole bucket: $(cat err)"
[ -e whole/.natsobj ] && fail "what mounts keep for themselves"

mkdir read-only && chmod 500 read-only
if [ "$(id -u)" != 0 ]; then
  expect 1 "into a read-only directory" "$n" get b 1 -O read-only/1
fi
finish
