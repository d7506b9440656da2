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

must_fail "" touch "$M/.natsobj/new"
must_fail "" rm "$M/.natsobj/status"
must_fail "" mv "$M/f" "$M/.natsobj/f"
must_fail "" mkdir "$M/.natsobj"
must_fail "" chmod 600 "$M/.natsobj/status"
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
