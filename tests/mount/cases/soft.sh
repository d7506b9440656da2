# SPDX-License-Identifier: Apache-2.0
# With soft, a server that is away is an error in bounded time; when it is back all goes on.
begin soft,timeout=2s,connect_timeout=1s
echo kept >"$M/kept"
kill -9 "$SERVER_PID"
began=$SECONDS
if timeout 60 sh -c "echo lost >'$M/lost'" 2>err; then fail "stored without a server"; fi
[ $((SECONDS - began)) -lt 30 ] || fail "took $((SECONDS - began)) s"
start_server
is_back() { [ "$(cat "$M/kept")" = kept ] && echo again >"$M/again"; }
wait_until 30 is_back
assert_eq "$(cat "$M/again")" again
end
