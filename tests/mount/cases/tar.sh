# SPDX-License-Identifier: Apache-2.0
# tar x, then tar d against the archive, with all kinds of files; and back into an archive.
begin acl
tar -C /usr/include -cf a.tar asm-generic
tar -C "$M" -xf a.tar
tar -C "$M" -df a.tar
mkdir in
cd in
mkdir -p dir/empty sticky
chmod 1777 sticky
echo text >dir/file
ln dir/file dir/hard
ln -s dir/file link
ln -s /nowhere/at/all dangling
mkfifo -m 600 fifo
head -c 300000 /dev/urandom >random
truncate -s 5M sparse
printf data | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
touch -d '1999-12-31 23:59:59.123456789' random
chmod 4755 dir/file
python3 -c 'import os, socket; socket.socket(socket.AF_UNIX).bind("socket")'
if [ "$(id -u)" = 0 ]; then
  mknod null c 1 3
  mknod disk b 7 200
  chown 1234:5678 random
  chown -h 1234:5678 dangling
fi
note_locally random
setfacl -m u:1234:rw random
rm socket
cd "$WORK"
tar --xattrs --acls --sparse --format=posix -C in -cf kinds.tar .
mkdir "$M/out"
tar --xattrs --acls -C "$M/out" -xpf kinds.tar
tar --xattrs --acls -C "$M/out" -df kinds.tar
show() {
  (cd "$1" && find . -printf '%P %y %m %U:%G %T@ %l %s\n' | grep -v ' d ' | sort
    find . -print0 | sort -z >"$WORK/names"
    xargs -0 getfattr -h -d -m user. <"$WORK/names"
    find . ! -type l -print0 | sort -z | xargs -0 getfacl -n)
}
show in >wanted
show "$M/out" >got
diff wanted got
assert_eq "$(stat -c %h "$M/out/dir/hard")" 2
tar --xattrs --acls --sparse --format=posix -C "$M/out" -cf again.tar .
mkdir back
tar --xattrs --acls -C back -xpf again.tar
show back >got
diff wanted got
end
mount_at "$M" acl
tar --xattrs --acls -C "$M/out" -df kinds.tar
show "$M/out" >got
diff wanted got
end
