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
[ -e m/x ] && fail "still mounted"
expect 1 "mount what is not there" "$n" mount none m
expect 1 "umount what is not mounted" "$n" umount m
expect 2 "mount a bucket that cannot be" "$n" mount 'a b' m
expect 1 "status of a directory" "$n" status ./m
finish
