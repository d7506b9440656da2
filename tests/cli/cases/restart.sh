# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A long put and a long get go on after the server was killed and started again, with the memory of
# a short one. SIZE sets the megabytes.
start
n=$natsobj
size=${SIZE:-200}
$n add b || exit 1
# The same bytes for any size, that no compression makes smaller.
content() { openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c "${size}M"; }
digest=$(content | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_')
stored() { [ "$("$n" info b --json --timeout 5s 2>/dev/null | sed 's/.*"bytes":\([0-9]*\).*/\1/')" -gt $((size * 1024 * 300)) ]; }

content | "$n" put b - --name long --json --timeout 120s >out 2>err &
put=$!
wait_until 120 stored
stop KILL
sleep 1
start
peak=0
while kill -0 $put 2>/dev/null; do
  now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$put/status" 2>/dev/null)
  [ "${now:-0}" -le $peak ] || peak=$now
  sleep 0.1
done
wait $put || fail "put over a restart: $? $(cat err)"
is_json out "d['size'] == $size << 20 and d['digest'] == 'SHA-256=$digest'"
# A window of 8 MiB, buffers of the client library, and what a sanitizer makes of it.
[ "$peak" -lt 400000 ] || fail "put: $peak KiB of memory"
echo "put: ${peak} KiB at the peak"

"$n" cat b long --timeout 120s 2>err | { head -c "$((size * 300000))" >part; touch read; cat; } >rest &
get=$!
wait_until 120 test -e read
stop KILL
sleep 1
start
wait $get || fail "get over a restart"
[ "$(cat part rest | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_')" = "$digest" ] ||
  fail "get over a restart: $(cat err)"
finish
