# SPDX-License-Identifier: Apache-2.0
# dbench: the file traffic of an office file server, by two clients. ROUNDS, in seconds.
command -v dbench >/dev/null || skip "dbench is not installed"
load=$(dpkg -L dbench 2>/dev/null | grep -m 1 'client.txt$') || skip "dbench has no load file"
begin
mkdir "$M/dir"
dbench -c "$load" -D "$M/dir" -t "${ROUNDS:-5}" 2 >dbench.log 2>&1 || fail "$(tail -n 15 dbench.log)"
# Its processes start together where there are System V semaphores, otherwise one by one.
! grep -v semaphore dbench.log | grep -iE 'failed|error|expected' || fail "see above"
end
