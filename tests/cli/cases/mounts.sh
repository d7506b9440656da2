# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The front of the mount helpers.
[ -c /dev/fuse ] && command -v fusermount3 >/dev/null || skip "FUSE is not available"
start --user joe --pass 'se,cr=et'
n=$natsobj
export NATS_USER=joe NATS_PASSWORD='se,cr=et'
$n add b || exit 1
echo hello >hello
"$n" put b hello --name dir/x || fail "put"
mkdir m
expect 0 "mount" "$n" mount b/dir m -o ro --json
is_json out 'd["mounted"] and d["source"].endswith("/b/dir")'
what="content of the mount"
same hello m/x
touch m/y 2>/dev/null && fail "a read-only mount takes files"
expect 0 "mounts" "$n" mounts --json
is_json out "[e for e in d if e['directory'] == '$PWD/m' and e['read_only'] and e['state'] not in ('dead', 'no answer')]"
pgrep -af mount.natsobj | grep 'se,cr' && fail "a password in the list of processes"
expect 0 "status" "$n" status m --json
is_json out 'isinstance(d, dict)'
expect 0 "umount" "$n" umount m
# Several servers, of which the second is there, with credentials in the URL as URLs have them.
expect 0 "mount by URL" env -u NATS_USER -u NATS_PASSWORD \
  "$n" mount b m --server "nats://127.0.0.1:1 nats://joe:se%2Ccr%3Det@127.0.0.1:$port"
what="content of a mount by URL"
same hello m/dir/x
expect 0 "umount" "$n" umount m
# What the command stored looks in a mount as it was, and what a mount stored comes back so.
mkdir -p t/a
echo 1 >t/a/file
chmod 751 t/a/file
touch -d 2020-01-02T03:04:05.678Z t/a/file
ln -s file t/a/link
"$n" put b t -r -p || fail "put a tree"
expect 0 "mount it" "$n" mount b m
[ "$(stat -c '%a %Y %s' m/t/a/file)" = "$(stat -c '%a %Y %s' t/a/file)" ] || fail "attributes: $(stat -c '%a %Y %s' m/t/a/file)"
[ "$(readlink m/t/a/link)" = file ] || fail "a link: $(readlink m/t/a/link)"
cp -a m/t/a m/t/b
"$n" mv b t/a/file t/a/moved || fail "mv"
wait_until 20 test -e m/t/a/moved
[ -e m/t/a/file ] && fail "the old name is still there"
[ "$(stat -c %Y m/t/a/moved)" = "$(stat -c %Y t/a/file)" ] || fail "the time of what was renamed"
expect 0 "umount it" "$n" umount m
expect 0 "get what the mount stored" "$n" get b t/b -r -p -O back
diff -r --no-dereference t/a back || fail "the trees differ"
[ "$(stat -c '%a %Y' back/file)" = "$(stat -c '%a %Y' t/a/file)" ] || fail "mode and time: $(stat -c '%a %Y' back/file)"
[ -e m/x ] && fail "still mounted"
expect 1 "mount what is not there" "$n" mount none m
expect 1 "umount what is not mounted" "$n" umount m
expect 2 "mount a bucket that cannot be" "$n" mount 'a b' m
expect 1 "status of a directory" "$n" status ./m
finish
