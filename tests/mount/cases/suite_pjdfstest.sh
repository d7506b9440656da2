# SPDX-License-Identifier: Apache-2.0
# pjdfstest, with PJDFSTEST naming a directory where it was built. It takes some minutes: give the
# runner CASE_TIMEOUT=1800. PJDFSTEST_GROUPS="chmod chown" runs these groups only.
[ -n "${PJDFSTEST:-}" ] || skip "PJDFSTEST does not name a built copy of pjdfstest"
[ -x "$PJDFSTEST/pjdfstest" ] || skip "$PJDFSTEST/pjdfstest is not there"
[ "$(id -u)" = 0 ] || skip "pjdfstest needs root"
command -v prove >/dev/null || skip "prove (package perl) is not installed"
chmod 755 "$WORK"
begin suid,dev,allow_other
groups=()
for group in ${PJDFSTEST_GROUPS:-$(cd "$PJDFSTEST/tests" && ls -d -- */)}; do
  groups+=("$PJDFSTEST/tests/${group%/}")
done
cd "$M"
status=0
prove -r "${groups[@]}" >"$WORK/prove" 2>"$WORK/errors" || status=$?
cd "$WORK"
[ $status = 0 ] || { sed -n '/^Test Summary Report/,$p' prove; fail "assertions of pjdfstest failed"; }
end
