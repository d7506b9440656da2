# SPDX-License-Identifier: Apache-2.0
# Verbs that the cases share. BUILD and WORK are set by the runner; each case has a server at $URL, a
# bucket "b" and a mount of it at $M when it begins with `begin`.
set -eu -o pipefail

MOUNT=$BUILD/mount.natsobj
NATSOBJ=$BUILD/natsobj
# For raw.py, which writes to a bucket without any library.
TOOLS=$(dirname "${BASH_SOURCE[0]}")
export PYTHONPATH=$TOOLS PYTHONDONTWRITEBYTECODE=1
cd "$WORK"

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "$*"; exit 77; }
[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
command -v nats-server >/dev/null || [ -n "${NATS_SERVER:-}" ] || skip "nats-server is not installed"

# wait_until SECONDS COMMAND…: until the command succeeds.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" 2>/dev/null; do
    [ $SECONDS -lt $end ] || fail "not within time: $*"
    sleep 0.02
  done
}

ports_are_known() { grep -qsE '(nats|tls)://' "$WORK"/server/*.ports; }

# start_server [OPTION…]: sets URL and SERVER_PID; the port stays the same for later calls.
start_server() {
  mkdir -p "$WORK/server"
  rm -f "$WORK/server"/*.ports
  "${NATS_SERVER:-nats-server}" -a 127.0.0.1 -p "${PORT:--1}" --ports_file_dir "$WORK/server" \
    -sd "$WORK/server" "${@:--js}" >>"$WORK/server.log" 2>&1 &
  SERVER_PID=$!
  echo "$SERVER_PID" >>"$WORK/pids"
  wait_until 15 ports_are_known
  URL=$(grep -oE '(nats|tls)://[0-9.:]*' "$WORK"/server/*.ports | head -n 1)
  PORT=${URL##*:}
}

is_mounted_or_dead() { mountpoint -q "$1" || ! kill -0 "$2" 2>/dev/null; }

# mount_at DIR [OPTIONS]: a mount of bucket b in the foreground, its log in log.<name of DIR>.
mount_at() {
  mkdir -p "$1"
  "$MOUNT" "$URL/b" "$1" -f -o "create,cache_dir=$WORK/cache${2:+,$2}" >>"$WORK/log.$(basename "$1")" 2>&1 &
  MOUNT_PID=$!
  echo "$MOUNT_PID" >>"$WORK/pids"
  wait_until 30 is_mounted_or_dead "$1" "$MOUNT_PID"
  mountpoint -q "$1" || fail "the daemon of $1 ended: $(tail -n 1 "$WORK/log.$(basename "$1")")"
}

# mount_kv DIR [OPTIONS]: the same of the key-value bucket k.
mount_kv() {
  mkdir -p "$1"
  "$MOUNT" "$URL/kv:k" "$1" -f -o "cache_dir=$WORK/cache${2:+,$2}" >>"$WORK/log.$(basename "$1")" 2>&1 &
  MOUNT_PID=$!
  echo "$MOUNT_PID" >>"$WORK/pids"
  wait_until 30 is_mounted_or_dead "$1" "$MOUNT_PID"
  mountpoint -q "$1" || fail "the daemon of $1 ended: $(tail -n 1 "$WORK/log.$(basename "$1")")"
}

# unmount_and_wait DIR PID: the daemon must end by itself, and well.
unmount_and_wait() {
  umount "$1"
  wait "$2" || fail "the daemon of $1 ended with status $?"
}

begin() {
  start_server
  M=$WORK/m
  mount_at "$M" "$@"
}

end() {
  unmount_and_wait "$M" "$MOUNT_PID"
}

# note_locally FILE: a user attribute, if files in $WORK can have them (on a tmpfs since Linux 6.6).
note_locally() { setfattr -n user.note -v hello "$1" 2>/dev/null || echo "no attributes in $WORK"; }

same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
assert_eq() { [ "$1" = "$2" ] || fail "got \"$1\", expected \"$2\""; }

# must_fail TEXT COMMAND…: fails, and its message has TEXT.
must_fail() {
  local text=$1 out
  shift
  if out=$("$@" 2>&1); then fail "succeeded: $*"; fi
  case $out in *"$text"*) ;; *) fail "\"$out\" does not say \"$text\": $*" ;; esac
}
