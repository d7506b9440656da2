# SPDX-License-Identifier: Apache-2.0
# A directory is mounted again while the daemon of the mount before still stores. The kernel gives the
# new mount the old one's device number; each unmount hears from its own daemon nevertheless, and the
# death of the old one does nothing to the new mount.
UMOUNT=$BUILD/umount.natsobj
begin drain_timeout=10m
first=$MOUNT_PID frozen=$SERVER_PID
device=$(stat -c %d "$M")
guard=$(pgrep -P "$first" natsobj-guard)
python3 "$TOOLS/late_store.py" "$M" "$frozen" || fail "no mapping"
"$UMOUNT" "$M" >first 2>&1 &
helper=$!
is_unmounted() { ! mountpoint -q "$M"; }
wait_until 30 is_unmounted

# Another server: the first one is frozen.
mkdir other
WORK=$WORK/other PORT=
start_server
WORK=${WORK%/other}
echo "$SERVER_PID" >>"$WORK/pids"
# free_number: other file systems take lower numbers that are free, so that the first mount's is next.
free_number() {
  local i got
  [ "$(id -u)" = 0 ] || return 0
  for i in {1..200}; do
    mkdir -p "fill/$i"
    mountpoint -q "fill/$i" && continue
    mount -t tmpfs -o size=4k fill "fill/$i"
    got=$(stat -c %d "fill/$i")
    [ "$got" -ge "$device" ] || continue
    umount "fill/$i"
    return
  done
}
free_number
mount_at "$M"
[ "$(stat -c %d "$M")" = "$device" ] || echo "the kernel gave another number: this shows little"
echo text >"$M/f"
out=$("$UMOUNT" -v "$M")
case $out in *"everything is stored"*) ;; *) fail "$out" ;; esac
if grep -q "will not wait" log.m; then fail "$(grep "will not wait" log.m)"; fi
kill -0 "$helper" || fail "the first unmount did not wait: $(cat first)"

free_number
mount_at "$M"
kill -9 "$first"
is_over() { ! kill -0 "$guard" && ! kill -0 "$helper"; }
wait_until 30 is_over
if wait "$helper"; then fail "what was lost was called stored"; fi
grep -q "its daemon died" first || fail "$(cat first)"
assert_eq "$(cat "$M/f")" text
kill -CONT "$frozen"
end
for i in fill/*; do umount "$i" 2>/dev/null || true; done
