# SPDX-License-Identifier: Apache-2.0
# A client deletes a metadata message by its sequence, of which nobody is told anything that has a
# name: when nothing else happens in the bucket the mount notices by the number of messages.
# long
begin
echo kept >"$M/kept"
echo gone >"$M/gone"
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
