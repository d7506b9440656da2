# SPDX-License-Identifier: Apache-2.0
# Files with several names: on this mount, on another one, after a remount, and for other clients.
begin
first=$MOUNT_PID B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
python3 - "$M" "$B" "$URL" <<'P'
import errno, os, socket, stat, subprocess, sys, time
m, b, url = sys.argv[1:]
import raw, base64, json
def refused(name, f, *a):
    try: f(*a)
    except OSError as e: assert e.errno == getattr(errno, name), (e, name)
    else: sys.exit(f"{f} {a} succeeded")
def until(f):
    end = time.time() + 20
    while not f():
        assert time.time() < end, f
        time.sleep(0.02)
def put(p, text):
    with open(p, "w") as f: f.write(text)
def get(p): return open(p).read()
def ids(*paths): return [(os.stat(p).st_ino, os.stat(p).st_nlink) for p in paths]

put(m + "/a", "text")
ino = os.stat(m + "/a").st_ino
os.mkdir(m + "/d")
os.link(m + "/a", m + "/d/b")
assert ids(m + "/a", m + "/d/b") == [(ino, 2)] * 2
until(lambda: os.path.exists(b + "/d/b") and os.stat(b + "/a").st_nlink == 2)
x, y = ids(b + "/a", b + "/d/b")
assert x == y, (x, y)
assert get(b + "/a") == get(b + "/d/b") == "text"
# Another client follows the links and finds the content.
c = raw.Raw(url)
def meta(name):
    token = base64.urlsafe_b64encode(name.encode()).decode()
    answer = c.api("STREAM.MSG.GET.OBJ_b", {"last_by_subj": f"$O.b.M.{token}"})
    return json.loads(base64.b64decode(answer["message"]["data"]))
link = meta("d/b")["options"]["link"]
assert link["bucket"] == "b" and meta(link["name"])["size"] == 4, link
# What is written through one name is read through all.
put(b + "/d/b", "changed here")
until(lambda: get(m + "/a") == "changed here")
with open(m + "/a", "a") as f: f.write(", and there")
until(lambda: get(b + "/d/b") == "changed here, and there")
os.chmod(m + "/d/b", 0o640)
assert stat.S_IMODE(os.stat(m + "/a").st_mode) == 0o640
# More names, with and without renames.
for i in range(20): os.link(m + "/a", f"{m}/n{i}")
assert os.stat(m + "/a").st_nlink == 22
os.rename(m + "/n0", m + "/n1")        # the same file: nothing happens
assert os.path.exists(m + "/n0") and os.stat(m + "/n1").st_nlink == 22
os.rename(m + "/n0", m + "/d/n0")
assert os.stat(m + "/d/n0").st_nlink == 22
put(m + "/fresh", "fresh")
os.rename(m + "/fresh", m + "/n2")
assert get(m + "/n2") == "fresh" and os.stat(m + "/a").st_nlink == 21
for i in range(3, 20): os.unlink(f"{m}/n{i}")
assert os.stat(m + "/a").st_nlink == 4
until(lambda: os.stat(b + "/a").st_nlink == 4)
# Kinds and refusals.
refused("EPERM", os.link, m + "/d", m + "/d2")
refused("EEXIST", os.link, m + "/a", m + "/d/b")
refused("ENOENT", os.link, m + "/none", m + "/x")
os.mkfifo(m + "/fifo"); os.link(m + "/fifo", m + "/fifo2")
assert stat.S_ISFIFO(os.stat(m + "/fifo2").st_mode) and os.stat(m + "/fifo").st_nlink == 2
os.symlink("a", m + "/s"); os.link(m + "/s", m + "/s2", follow_symlinks=False)
assert os.readlink(m + "/s2") == "a" and os.lstat(m + "/s").st_nlink == 2
# A file that is open and has nothing stored yet.
f = open(m + "/open", "w"); f.write("one "); f.flush()
os.link(m + "/open", m + "/open2"); os.unlink(m + "/open")
f.write("two"); f.flush()
assert os.fstat(f.fileno()).st_nlink == 1
f.close()
assert get(m + "/open2") == "one two"
until(lambda: os.path.exists(b + "/open2") and get(b + "/open2") == "one two")
# One name left: an ordinary object again, with the same number.
n = os.stat(m + "/open2").st_ino
until(lambda: "link" not in meta("open2").get("options", {}) and meta("open2")["size"] == 7)
assert get(m + "/open2") == "one two" and os.stat(m + "/open2").st_ino == n
# The last unlink while open leaves the content to those who read it.
put(m + "/u", "kept"); os.link(m + "/u", m + "/u2")
f = open(m + "/u")
os.unlink(m + "/u"); os.unlink(m + "/u2")
assert f.read() == "kept" and os.fstat(f.fileno()).st_nlink == 0
f.close()
subprocess.run(["ln", m + "/a", m + "/ln"], check=True)
subprocess.run(["cp", "-al", m + "/d", m + "/copy"], check=True)
assert os.stat(m + "/copy/b").st_nlink == 7, os.stat(m + "/copy/b").st_nlink
assert ".natsobj" not in os.listdir(m)
P
mkdir "$M/repo"
git init -q "$M/repo"
for i in 1 2 3; do echo "$i" >"$M/repo/f"; git -C "$M/repo" add f; git -C "$M/repo" -c user.name=n -c user.email=e commit -qm "$i"; done
git clone -q --local "$M/repo" "$M/clone"
git -C "$M/clone" fsck --strict
[ "$(find "$M/clone/.git/objects" -type f -links +1 | wc -l)" -gt 5 ] || fail "the clone has no hard links"
unmount_and_wait "$B" "$second"
unmount_and_wait "$M" "$first"
mount_at "$M"
assert_eq "$(stat -c %h "$M/a" "$M/copy/b" "$M/d/n0" | sort -u)" 7
assert_eq "$(stat -c %i "$M/a" "$M/copy/b" "$M/d/n0" | sort -u | wc -l)" 1
assert_eq "$(cat "$M/copy/b")" "changed here, and there"
rm -r "$M/copy" "$M/clone"
assert_eq "$(stat -c %h "$M/a")" 5
end
