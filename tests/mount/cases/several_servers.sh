# SPDX-License-Identifier: Apache-2.0
# Several servers in one URL, of which the second answers; a prefix with characters that separate and
# escape the options of a mount.
begin
echo hello >"$M/there"
mkdir "$M"/'a,suid\b c'
echo inside >"$M"/'a,suid\b c/f'

# mounts_source URL FILE CONTENT: what is shown is the URL, and nothing in it is taken for an option.
mounts_source() {
  local dir=$WORK/second pid
  mkdir -p "$dir"
  "$MOUNT" "$1" "$dir" -f -o "cache_dir=$WORK/cache" >>"$WORK/log.second" 2>&1 &
  pid=$!
  echo "$pid" >>"$WORK/pids"
  wait_until 30 is_mounted_or_dead "$dir" "$pid"
  mountpoint -q "$dir" || fail "$(tail -n 1 "$WORK/log.second")"
  assert_eq "$(cat "$dir/$2")" "$3"
  assert_eq "$(findmnt -rno SOURCE "$dir" | sed 's/\\x20/ /g; s/\\x5c/\\/g')" "$1"
  findmnt -no OPTIONS "$dir" | grep -q nosuid || fail "part of the URL became an option"
  unmount_and_wait "$dir" "$pid"
}

mounts_source "nats://127.0.0.1:1,${URL#nats://}/b" there hello
mounts_source "$URL/b/"'a,suid\b c' f inside
end
