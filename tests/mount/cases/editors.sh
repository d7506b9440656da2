# SPDX-License-Identifier: Apache-2.0
# How editors save: by a temporary file and rename, in place, with backups, lock files and links; and
# those editors that are installed.
begin acl
printf 'one\ntwo\n' >"$M/f"
printf 'one\nTWO\n' >"$M/.f.tmp"
mv "$M/.f.tmp" "$M/f"
assert_eq "$(cat "$M/f")" "$(printf 'one\nTWO')"
sed -i s/one/ONE/ "$M/f"
echo three >>"$M/f"
echo four >>"$M/f"
assert_eq "$(cat "$M/f")" "$(printf 'ONE\nTWO\nthree\nfour')"
head -c 700001 /dev/urandom >odd
dd if=odd of="$M/odd" bs=7777 status=none
same odd "$M/odd"
dd if=odd of="$M/odd" bs=999 skip=100 seek=100 count=50 conv=notrunc status=none
same odd "$M/odd"
printf XYZ | dd of=odd bs=1 seek=300000 conv=notrunc status=none
printf XYZ | dd of="$M/odd" bs=1 seek=300000 conv=notrunc status=none
same odd "$M/odd"

# LibreOffice: an exclusive lock file, a temporary file with the attributes of the old, a rename.
# Emacs: a link as lock, the old file becomes the backup, an auto-save file that goes.
python3 - "$M" <<'P'
import fcntl, os, shutil, stat, sys
m = sys.argv[1]
def write(path, text, flags=os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode=0o600):
    fd = os.open(path, flags, mode)
    os.write(fd, text.encode()); os.fsync(fd); os.close(fd)
doc = m + "/letter.odt"
write(doc, "first", mode=0o640)
os.setxattr(doc, "user.author", b"me")
for version in range(3):
    lock = m + "/.~lock.letter.odt#"
    write(lock, "me,host")
    try: write(lock, "you")
    except FileExistsError: pass
    else: sys.exit("the lock file was made twice")
    with open(doc, "r+b") as old:
        fcntl.lockf(old, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary = m + f"/lu{version}.tmp"
        write(temporary, f"version {version}" * 9999)
        shutil.copystat(doc, temporary)
        assert old.read() == (b"first" if version == 0 else b"version %d" % (version - 1) * 9999)
    os.replace(temporary, doc)
    os.remove(lock)
assert open(doc).read() == "version 2" * 9999
assert stat.S_IMODE(os.stat(doc).st_mode) == 0o640
assert os.getxattr(doc, "user.author") == b"me"

text = m + "/notes.txt"
write(text, "first\n", mode=0o644)
for version in range(3):
    lock, saved = m + "/.#notes.txt", m + "/#notes.txt#"
    os.symlink("me@host.123:456", lock)
    assert os.readlink(lock) == "me@host.123:456"
    write(saved, "auto", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.rename(text, text + "~")
    write(text, f"version {version}\n", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.chmod(text, 0o644)
    os.unlink(saved)
    os.unlink(lock)
assert open(text).read() == "version 2\n" and open(text + "~").read() == "version 1\n"
assert sorted(n for n in os.listdir(m) if "lock" in n or "#" in n or n.startswith("lu")) == []
P

if command -v vim >/dev/null && vim --version | grep -q '+writebackup'; then
  for how in yes no auto; do
    printf 'one\ntwo\n' >"$M/vim"
    chmod 751 "$M/vim"
    vim -u NONE -N -n -es -c "set backupskip= backup backupcopy=$how writebackup swapfile fsync" -c '%s/two/2/' -c wq "$M/vim" ||
      fail "vim with backupcopy=$how"
    assert_eq "$(cat "$M/vim" "$M/vim~" | tr '\n' ' ')" "one 2 one two "
    assert_eq "$(stat -c %a "$M/vim")" 751
    rm "$M/vim~"
  done
  # A swap file is made, locked and removed.
  vim -u NONE -N -es -c 'set directory=.' -c 'normal ix' -c 'preserve' -c 'wq' "$M/vim"
  assert_eq "$(find "$M" -name "*swp*")" ""
fi
if command -v nano >/dev/null; then
  python3 - "$M/nano" <<'P'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="vt100", HOME="/nonexistent")
    os.execvp("nano", ["nano", "-I", "-B", sys.argv[1]])
def wait_for(word):
    seen, end = b"", time.monotonic() + 30
    while word not in seen:
        assert time.monotonic() < end, seen
        if select.select([fd], [], [], 1)[0]: seen += os.read(fd, 4096)
wait_for(b"Exit")
os.write(fd, b"typed\x0f")
wait_for(b"Write")
os.write(fd, b"\r")
wait_for(b"Wrote")
os.write(fd, b"\x18")
try:
    while os.read(fd, 4096): pass
except OSError: pass
assert os.waitpid(pid, 0)[1] == 0
P
  assert_eq "$(cat "$M/nano")" typed
fi
end
mount_at "$M"
same odd "$M/odd"
assert_eq "$(cat "$M/notes.txt")" "version 2"
end
