# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scenarios of the command share. Set by run: BUILD (build directory), WORK (an empty
# directory, which is the working directory) and HERE (the directory of this file).
set -u
natsobj=$BUILD/natsobj
server='' failures=0
mkdir "$WORK/files" && cd "$WORK/files" || exit 2
export XDG_CONFIG_HOME=$WORK/config TERM=dumb
unset NATS_URL NATS_CREDS NATS_USER NATS_PASSWORD NATS_TOKEN NATS_NKEY NATS_CONTEXT NATS_TIMEOUT

skip() {
  echo "$*"
  exit 77
}
command -v "${NATS_SERVER:-nats-server}" >/dev/null || skip "nats-server is not installed"
command -v python3 >/dev/null || skip "python3 is not installed"

# start [OPTION…]: a server on a free port, or on the one it had before; sets NATS_URL.
start() {
  local tries=0
  mkdir -p "$WORK/ports"
  rm -f "$WORK"/ports/*
  "${NATS_SERVER:-nats-server}" -js -a 127.0.0.1 -p "${port:--1}" --ports_file_dir "$WORK/ports" \
    -sd "$WORK/store" "$@" >>"$WORK/server.log" 2>&1 &
  server=$!
  until [ -n "$(cat "$WORK"/ports/*.ports 2>/dev/null)" ]; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { cat "$WORK/server.log"; exit 1; }
    sleep 0.1
  done
  NATS_URL=$(sed 's/.*"nats":\["\([^"]*\)".*/\1/' "$WORK"/ports/*.ports)
  port=${NATS_URL##*:}
  export NATS_URL
}

stop() { # stop [SIGNAL]
  [ -n "$server" ] || return 0
  kill "-${1:-TERM}" "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=''
}
trap 'stop KILL' EXIT
trap 'exit 1' INT TERM

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
# The last line of each scenario.
finish() {
  [ $failures -eq 0 ] || { echo "$failures failed"; exit 1; }
  exit 0
}

# expect CODE WHAT COMMAND…: the exit code; output goes to "out" and "err". An error is one line.
expect() {
  local want=$1 what=$2 code
  shift 2
  timeout 60 "$@" >out 2>err
  code=$?
  [ $code -eq "$want" ] || { fail "$what: exit code $code instead of $want"; cat err; }
  if [ "$want" -ne 0 ] && [ "$(wc -l <err)" -ne 1 ]; then
    fail "$what: not one line of error"
    cat err
  fi
}
# says FILE TEXT: the text is in the file.
says() {
  grep -qF -- "$2" "$1" || { fail "${what:-}: no \"$2\" in $1"; cat "$1"; }
}
same() { # same FILE FILE
  cmp -s "$1" "$2" || fail "${what:-}: $1 and $2 differ"
}
# is_json FILE PYTHON: the file is JSON, and the expression about it, d, is true.
is_json() {
  python3 -c "import json; d = json.load(open('$1')); assert $2, d" 2>pyerr ||
    { fail "$2"; tail -n 1 pyerr; cat "$1"; }
}
# wait_until SECONDS COMMAND…: until the command succeeds.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { fail "waited for nothing: $*"; return 1; }
    sleep 0.1
  done
}
