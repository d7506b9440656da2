# SPDX-License-Identifier: Apache-2.0
# Times: explicit ones stand until the next write, directories change with their entries, and all
# are the same after a remount and on another mount; so a second rsync has nothing to do.
begin
first=$MOUNT_PID
other=$WORK/other
mkdir -p src/d/e src/empty
echo one >src/f; echo two >src/d/g; echo three >src/d/e/h; ln -s f src/l
mkfifo src/p
touch -d '2001-02-03 04:05:06.123456789 UTC' src/f src/d/g
touch -h -d '2002-02-03 04:05:06.1 UTC' src/l
touch -d '2003-02-03 04:05:06.987654321 UTC' src/d/e src/empty
touch -d '2004-02-03 04:05:06 UTC' src/d src
chmod 1751 src/d; chmod 640 src/f
rsync -a src/ "$M/"
assert_eq "$(rsync -ai --delete src/ "$M/")" ""
shown() { (cd "$1" && find . -exec stat -c '%n %F %a %u:%g %s %b %Y %y %z %x %h' {} + | sort); }
echo new >"$M/d/made"; touch -a -d 2010-01-01 "$M/f"; mkdir "$M/d/made-dir"
shown "$M" >before
mount_at "$other" ro
shown "$other" >there
unmount_and_wait "$other" "$MOUNT_PID"
diff before there || fail 'the other mount shows something else'
rm "$M/d/made"; rmdir "$M/d/made-dir"
touch -r src/d "$M/d"
unmount_and_wait "$M" "$first"
mount_at "$M"
assert_eq "$(rsync -ai --delete src/ "$M/")" ""
first=$MOUNT_PID
python3 - "$M" <<'P'
import os, sys, time
m = sys.argv[1]
def ns(path): s = os.stat(path); return s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns
f = m + "/written"
with open(f, "wb", buffering=0) as h:
    h.write(b"text")
    before = ns(f)
    os.utime(h.fileno(), ns=(1, 2000000003))
    assert ns(f)[:2] == (1, 2000000003)
assert ns(f)[:2] == (1, 2000000003), "after close"
assert ns(f)[2] >= before[2]
os.chmod(f, 0o600)
assert ns(f)[1] == 2000000003
with open(f, "r+b", buffering=0) as h: h.write(b"T")
assert ns(f)[1] > before[1] and ns(f)[0] == 1
shown = ns(f)
# utimensat: leave one, set the other to now.
os.system(f"touch -a '{f}'")
assert ns(f)[1] == shown[1] and ns(f)[0] > shown[1]
a, b, c = ns(f)
with open(f) as h: h.read()
assert ns(f) == (a, b, c), "a read changes no time"
# chown(path, -1, -1) changes the ctime.
os.chown(f, -1, -1)
assert ns(f)[2] > c
# Before 1970, after 2106, beyond 64 bits of nanoseconds.
for t in (-1, -1500000001, 5000000000 * 10**9 + 7):
    os.utime(f, ns=(t, t)); assert ns(f)[1] == t, t
os.utime(f, (10**12, 10**12)); assert 9 * 10**9 < os.stat(f).st_mtime < 10**10
# Directories.
d = m + "/dir"
os.mkdir(d)
t = ns(d)[1]
open(d + "/x", "w").close(); assert ns(d)[1] > t; t = ns(d)[1]
open(d + "/x", "w").close(); os.chmod(d + "/x", 0o777); assert ns(d)[1] == t
os.rename(d + "/x", d + "/y"); assert ns(d)[1] > t; t = ns(d)[1]
os.unlink(d + "/y"); assert ns(d)[1] > t
assert os.stat(d).st_nlink == 2
os.mkdir(d + "/sub"); assert os.stat(d).st_nlink == 3
assert os.stat(f).st_blocks == 1 and os.stat(f).st_nlink == 1
P
# Through a second mount.
mount_at "$other"
chmod 4711 "$M/f"; touch -d '2011-01-01 UTC' "$M/f"
is_seen() { [ "$(stat -c '%a %Y' "$other/f")" = "4711 1293840000" ]; }
wait_until 10 is_seen
unmount_and_wait "$other" "$MOUNT_PID"
unmount_and_wait "$M" "$first"
