# SPDX-License-Identifier: Apache-2.0
# The hidden directory tells how the mount is doing, is not listed, and cannot be changed.
begin
first=$MOUNT_PID
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$M/.natsobj/status" "$1"; }
metric() { awk -v name="natsobj_$1" '$1 == name { print $2 }' "$M/.natsobj/metrics"; }

assert_eq "$(ls -A "$M")" ""
assert_eq "$(ls "$M/.natsobj" | tr '\n' ' ')" "metrics pending status "
assert_eq "$(stat -c %A:%h "$M/.natsobj/status")" -r--r--r--:1
assert_eq "$(field bucket)" b
assert_eq "$(field connected)" True
assert_eq "$(field watch)" connected
case $(field server) in *127.0.0.1:$PORT*) ;; *) fail "no server in the status" ;; esac
assert_eq "$(cat "$M/.natsobj/pending")" ""

echo x >"$M/f"
before=$(field last_sequence)
echo y >"$M/f"
newer() { [ "$(field last_sequence)" -gt "$before" ]; }
wait_until 10 newer
assert_eq "$(metric connected)" 1
assert_eq "$(metric pending_uploads)" 0
exec 7>"$M/open file"
printf 12345 >&7
assert_eq "$(cat "$M/.natsobj/pending")" "$(printf '5\topen file')"
assert_eq "$(field pending_uploads)" 1
assert_eq "$(metric pending_bytes)" 5
exec 7>&-
assert_eq "$(field pending_uploads)" 0

python3 - "$M" <<'EOF' || fail "changes of the hidden directory"
import errno, os, sys
os.chdir(sys.argv[1])
hidden = ".natsobj/"
def check(expected, call, *args):
    try:
        call(*args)
    except OSError as e:
        assert e.errno == expected, (call, args, e)
    else:
        raise AssertionError((call, args))
check(errno.EPERM, os.open, hidden + "new", os.O_CREAT | os.O_WRONLY)
check(errno.EACCES, os.open, hidden + "status", os.O_WRONLY)
check(errno.EPERM, os.mkdir, hidden + "new")
check(errno.EPERM, os.mknod, hidden + "new")
check(errno.EPERM, os.symlink, "f", hidden + "new")
check(errno.EPERM, os.link, "f", hidden + "new")
check(errno.EPERM, os.link, hidden + "status", "new")
check(errno.EPERM, os.rename, "f", hidden + "new")
check(errno.EPERM, os.rename, hidden + "status", "new")
check(errno.EPERM, os.rename, ".natsobj", "new")
check(errno.EPERM, os.rename, "f", hidden + "status")
check(errno.EPERM, os.unlink, hidden + "status")
check(errno.EPERM, os.rmdir, ".natsobj")
check(errno.EPERM, os.chmod, hidden + "status", 0o600)
check(errno.EEXIST, os.mkdir, ".natsobj")
check(errno.ENOENT, os.unlink, hidden + "absent")
assert os.stat("f").st_nlink == 1
EOF
assert_eq "$(cat "$M/f")" y

# While the server is away the files still answer, and say so; what is known stays there.
kill "$SERVER_PID"
gone() { [ "$(field watch)" = disconnected ]; }
wait_until 30 gone
assert_eq "$(field connected)" False
assert_eq "$(metric connected)" 0
assert_eq "$(ls "$M" | tr '\n' ' ')" "f open file "
assert_eq "$(stat -c %s "$M/f")" 2
start_server
back() { [ "$(field watch)" = connected ]; }
wait_until 30 back
assert_eq "$(cat "$M/f")" y
MOUNT_PID=$first
end
