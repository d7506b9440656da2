# SPDX-License-Identifier: Apache-2.0
# Several commands share one redirection: all their output arrives, once.
begin
{ echo a; sh -c 'echo b'; cat /usr/include/stdio.h; echo c; } >"$M/shared"
{ echo a; echo b; cat /usr/include/stdio.h; echo c; } >expected
same expected "$M/shared"
sh -c "exec >'$M/exec'; echo one; sh -c 'echo two'; echo three"
assert_eq "$(cat "$M/exec")" "$(printf 'one\ntwo\nthree')"
(echo sub; (echo subsub)) >"$M/sub"
assert_eq "$(cat "$M/sub")" "$(printf 'sub\nsubsub')"
end
