# SPDX-License-Identifier: Apache-2.0
# postmark: a mail server's short-lived files. ROUNDS transactions.
command -v postmark >/dev/null || skip "postmark is not installed"
begin
mkdir "$M/mail"
printf 'set %s\n' "location $M/mail" "number $((60 + ${ROUNDS:-300} / 10))" "subdirectories 5" "transactions ${ROUNDS:-300}" \
  "seed ${SEED:-7}" >commands
printf 'run\nquit\n' >>commands
postmark commands >out 2>&1 || fail "$(cat out)"
grep -q '[0-9] deleted' out || fail "$(cat out)"
! grep -iE 'error|cannot|fail' out || fail "see above"
assert_eq "$(find "$M/mail" -mindepth 1 | head -n 3)" ""
end
