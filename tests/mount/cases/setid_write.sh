# SPDX-License-Identifier: Apache-2.0
# A write by somebody else takes the set-user-ID and set-group-ID bits away, and is stored.
[ "$(id -u)" = 0 ] || skip "only root can act for another user"
chmod 755 "$WORK"
begin allow_other
stranger() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
for mode in 4777 2777 6777; do
  touch "$M/f"
  chmod "$mode" "$M/f"
  assert_eq "$(stranger sh -c 'exec 3<>"$1"; printf x >&3; stat -c %a "$1"' sh "$M/f")" 777
  assert_eq "$(stat -c %a "$M/f")" 777
  assert_eq "$(cat "$M/f")" x
  rm "$M/f"
done
end
