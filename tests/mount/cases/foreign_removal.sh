# SPDX-License-Identifier: Apache-2.0
# A client deletes a metadata message by its sequence, of which nobody is told anything that has a
# name: in a bucket at rest the mount notices by the number of messages.
# long
begin
echo kept >"$M/kept"
echo gone >"$M/gone"
# What was stored in the same half minute would hide it.
sleep 35
began=$SECONDS
python3 - "$URL" <<'P'
import sys, raw
r = raw.Raw(sys.argv[1])
r.delete_message(r.get_meta("gone")[1])
P
wait_until 90 test ! -e "$M/gone"
assert_eq "$(ls "$M")" kept
assert_eq "$(cat "$M/kept")" kept
echo "noticed after $((SECONDS - began)) s"
end
