# SPDX-License-Identifier: Apache-2.0
# The second rsync finds nothing to do, also after a remount; with hard links, access lists, extended
# attributes and special files.
command -v rsync >/dev/null || skip "rsync is not installed"
begin acl
mkdir src
cp -a /usr/include/asm-generic src/
ln -s asm-generic/types.h src/link
ln src/asm-generic/ioctl.h src/second
chmod 640 src/asm-generic/types.h
note_locally src/asm-generic/types.h
setfacl -m u:1234:r src/asm-generic/types.h
mkfifo src/fifo
[ "$(id -u)" != 0 ] || mknod src/null c 1 3
nothing_to_do() { assert_eq "$(rsync -aHAXi "$@" src/ "$M/dst/")" ""; }
rsync -aHAX src/ "$M/dst/"
nothing_to_do
nothing_to_do --checksum
end
mount_at "$M" acl
nothing_to_do
nothing_to_do --checksum
assert_eq "$(stat -c %i "$M/dst/second")" "$(stat -c %i "$M/dst/asm-generic/ioctl.h")"
diff -r --exclude=fifo --exclude=null src "$M/dst"
# Changes go in place or by a temporary file, deletions too.
echo more >>src/asm-generic/errno.h
rm src/asm-generic/poll.h
rsync -aHAX --delete src/ "$M/dst/"
echo more >>src/asm-generic/errno.h
rsync -aHAX --inplace src/ "$M/dst/"
echo more >>src/asm-generic/errno.h
rsync -aHAX --append-verify src/ "$M/dst/"
nothing_to_do --delete --checksum
end
