# SPDX-License-Identifier: Apache-2.0
# The server is killed and comes back while a file is copied and while one is read.
begin
head -c 200M /dev/urandom >big
cp big "$M/big" &
copy=$!
wait_until 20 test -s "$M/big"
kill -9 "$SERVER_PID"
sleep 1
start_server
wait $copy || fail "cp failed"
same big "$M/big"
cat "$M/big" >got &
copy=$!
kill -9 "$SERVER_PID"
sleep 1
start_server
wait $copy || fail "cat failed"
same big got
echo after >"$M/after"
assert_eq "$(cat "$M/after")" after
end
