# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The manual's table of what other clients do and which command does it here: each command of it is run,
# and one that this test does not know is a failure. The other columns are whole, too.
start
manual=$HERE/../../packaging/man/natsobj.1
[ -r "$manual" ] || skip "the manual is not here"
sed -n '/^\.TS$/,/^\.TE$/p' "$manual" | sed '1,4d;$d;s/\\-/-/g' >table
[ -s table ] || fail "no table in the manual"

# What nats.py's ObjectStore (with its context) and `nats object` have.
for method in create_object_store delete_object_store status seal put get get_info list delete update_meta watch; do
  cut -f 1 table | grep -qx "$method" || fail "the table lacks $method of nats.py"
done
for verb in add ls info seal del put get watch; do
  cut -f 2 table | grep -qx "$verb" || fail "the table lacks nats object $verb"
done

n=$natsobj
echo content >file
mkdir -p tree/empty
echo 1 >tree/f

# until_seen TEXT FILE COMMAND…: its output goes to FILE, and has TEXT before long.
until_seen() {
  local text=$1 file=$2 pid
  shift 2
  "$@" >"$file" 2>err &
  pid=$!
  wait_until 20 grep -qs "$text" "$file"
  kill $pid
  wait $pid 2>/dev/null
}

# run_cell TEXT: a command of the third column, and that it did what it says.
run_cell() {
  case $1 in
  add) expect 0 "$1" "$n" add b ;;
  edit) expect 0 "$1" "$n" edit b --description changed ;;
  ls) expect 0 "$1" "$n" ls; says out b ;;
  "info BUCKET" | status) expect 0 "$1" "$n" "${1%% *}" b --json; is_json out 'd["bucket"] == "b"' ;;
  seal) expect 0 "$1" "$n" add sealed; expect 0 "$1" "$n" seal sealed -f; expect 1 "$1" "$n" put sealed file ;;
  "del BUCKET") expect 0 "$1" "$n" add gone; expect 0 "$1" "$n" del gone -f; expect 1 "$1" "$n" info gone ;;
  put) expect 0 "$1" "$n" put b file ;;
  get) expect 0 "$1" "$n" get b file -O got; same file got ;;
  cat) expect 0 "$1" "$n" cat b file; same file out ;;
  "info BUCKET NAME") expect 0 "$1" "$n" info b file --json; is_json out 'd["size"] == 8' ;;
  "ls BUCKET") expect 0 "$1" "$n" ls b; says out file ;;
  meta) expect 0 "$1" "$n" meta b file --set key=value; expect 0 "$1" "$n" meta b file; says out value ;;
  mv) expect 0 "$1" "$n" mv b file moved; expect 0 "$1" "$n" mv b moved file ;;
  "del BUCKET NAME") expect 0 "$1" "$n" put b file --name d; expect 0 "$1" "$n" del b d; expect 1 "$1" "$n" info b d ;;
  watch) until_seen file seen-1 "$n" watch b --history ;;
  link) expect 0 "$1" "$n" link b l file; expect 0 "$1" "$n" cat b l; same file out ;;
  cp) expect 0 "$1" "$n" cp b file copy; expect 0 "$1" "$n" cat b copy; same file out ;;
  verify) expect 0 "$1" "$n" verify b ;;
  bench) expect 0 "$1" "$n" bench b --size 64K --objects 2 ;;
  "put -r") expect 0 "$1" "$n" put b tree -r ;;
  "get -r") expect 0 "$1" "$n" get b tree -r -O tree2; diff -r tree tree2 || fail "$1: another tree" ;;
  "get --range") expect 0 "$1" "$n" get b file --range 0-6 -O part; [ "$(cat part)" = content ] || fail "$1" ;;
  "watch --exec") until_seen file seen-2 "$n" watch b --history --exec 'echo "$NATSOBJ_NAME"' ;;
  mount)
    [ -w /dev/fuse ] || return 0
    mkdir m
    expect 0 "$1" "$n" mount b m -o "cache_dir=$WORK/cache"
    same file m/file
    expect 0 umount "$n" umount m
    ;;
  *) fail "the table names \"$1\", which is not tested here" ;;
  esac
}

while IFS= read -r cells <&9; do
  while [ -n "$cells" ]; do
    cell=${cells%%, *}
    run_cell "$cell"
    [ "$cell" = "$cells" ] && break
    cells=${cells#*, }
  done
done 9< <(cut -f 3 table)
finish
