# SPDX-License-Identifier: Apache-2.0
# One client against a mount of the same bucket. The arguments are the client's driver.
begin
coproc CLIENT { exec "$@" "$URL" b 2>>"$WORK/log.client"; }
echo "$CLIENT_PID" >>"$WORK/pids"

# ask WORD…: sends a command; ANSWER is the client's.
ask() {
  local IFS=$'\t'
  printf '%s\n' "$*" >&"${CLIENT[1]}"
  read -t 60 -r ANSWER <&"${CLIENT[0]}" || fail "no answer to: $* ($(tail -n 1 "$WORK/log.client"))"
}
client() {
  ask "$@"
  [ "$ANSWER" = ok ] || fail "the client answers \"$ANSWER\" to: $*"
}
is_gone() { [ ! -e "$1" ]; }

names=("plain" "sub/dir/file" "with space/and more" "ünï/é" "a*b>c" ".hidden" "dots.in.name..txt")
sizes=(0 1 131071 131072 131073 3145728)
mkdir in

# The client stores, the mount reads.
for size in "${sizes[@]}"; do
  head -c "$size" /dev/urandom >"in/$size"
  client put "theirs/$size" "$WORK/in/$size"
  wait_until 5 test -e "$M/theirs/$size"
  assert_eq "$(stat -c %s "$M/theirs/$size")" "$size"
  same "in/$size" "$M/theirs/$size"
done
for name in "${names[@]}"; do
  client put "t/$name" "$WORK/in/131073"
  wait_until 5 test -e "$M/t/$name"
  same in/131073 "$M/t/$name"
done

# The mount writes, the client reads; its library checks the digest.
mkdir "$M/ours"
for size in "${sizes[@]}"; do
  cp "in/$size" "$M/ours/$size"
  rm -f got
  client get "ours/$size" "$WORK/got"
  same "in/$size" got
done
for name in "${names[@]}"; do
  mkdir -p "$(dirname "$M/o/$name")"
  cp in/131073 "$M/o/$name"
  # This client puts the code points of a name into the subject where the others put its UTF-8, and
  # so finds no such object of anyone else.
  case $CLIENT_NAME$name in nats.js*[!\ -~]*) continue ;; esac
  client get "o/$name" "$WORK/got"
  same in/131073 got
done
# Written in small and odd pieces, and changed in place.
dd if=in/3145728 of="$M/ours/odd" bs=4321 status=none
printf HERE | dd of="$M/ours/odd" bs=1 seek=200000 conv=notrunc status=none
cp in/3145728 odd
printf HERE | dd of=odd bs=1 seek=200000 conv=notrunc status=none
client get ours/odd "$WORK/got"
same odd got

# Replaced by the client: the next open reads the new content.
for size in 1 131072 3145728 0; do
  client put changes "$WORK/in/$size"
  wait_until 5 test -e "$M/changes"
  same "in/$size" "$M/changes"
done
# Replaced and renamed by the mount: the client reads the new content under the new name.
cp in/131073 "$M/changes"
client get changes "$WORK/got"
same in/131073 got
chmod 600 "$M/changes"
mv "$M/changes" "$M/moved"
client get moved "$WORK/got"
same in/131073 got
ask get changes "$WORK/got"
case $ANSWER in error*) ;; *) fail "the old name is still there: $ANSWER" ;; esac

# Deleted by the one, gone for the other; and made again.
client delete moved
wait_until 5 is_gone "$M/moved"
client put moved "$WORK/in/131072"
wait_until 5 test -e "$M/moved"
same in/131072 "$M/moved"
rm "$M/moved"
ask get moved "$WORK/got"
case $ANSWER in error*) ;; *) fail "a deleted file is still there: $ANSWER" ;; esac

# Renamed by the client, where it can.
client put old "$WORK/in/131073"
ask rename old new
case $ANSWER in
  ok)
    wait_until 5 test -e "$M/new"
    same in/131073 "$M/new"
    wait_until 5 is_gone "$M/old"
    ;;
  unsupported) ;;
  *) fail "rename: $ANSWER" ;;
esac

end
# A mount that saw none of it.
mount_at "$M"
same in/3145728 "$M/theirs/3145728"
same in/131073 "$M/t/with space/and more"
assert_eq "$(ls "$M/theirs" | wc -l)" ${#sizes[@]}
end
