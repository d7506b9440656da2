# SPDX-License-Identifier: Apache-2.0
# What a mount has replaced and deleted is removed from the bucket at its end at the latest, in good
# time, and nothing that is live goes with it. When there is no time, the log tells what stays behind.
begin purge_delay=1h
messages() { python3 - "$URL" <<'P'
import sys, raw
print(raw.Raw(sys.argv[1]).api("STREAM.INFO.OBJ_b")["state"]["messages"])
P
}
python3 - "$M" <<'P'
import os, sys
os.chdir(sys.argv[1])
for n in range(3):
    for i in range(400):
        with open(f"f{i}", "w") as f: f.write(f"{n} {i}")
for i in range(400, 800):
    with open(f"f{i}", "w") as f: f.write("x" * i)
    os.unlink(f"f{i}")
P
# Each file its chunk and its metadata, each deleted one a tombstone.
wanted=$((400 * 2 + 400))
[ "$(messages)" -gt $((wanted + 1000)) ] || fail "already removed: $(messages)"
end
assert_eq "$(messages)" "$wanted"
mount_at "$M" purge_delay=1h,drain_timeout=2s,soft,timeout=1s
for i in 0 7 399; do assert_eq "$(cat "$M/f$i")" "2 $i"; done
rm "$M"/f1*
kill -STOP "$SERVER_PID"
umount "$M"
wait "$MOUNT_PID" || true
kill -CONT "$SERVER_PID"
grep -q "111 replaced or deleted contents were not removed" "$WORK/log.m" || fail "$(tail -n 3 "$WORK/log.m")"
