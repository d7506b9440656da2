# SPDX-License-Identifier: Apache-2.0
# long: all of /usr/include, copied, archived, synchronised twice, cloned; and a gibibyte in and out.
begin
cp -r /usr/include "$M/include"
diff -r --no-dereference /usr/include "$M/include"
tar -C /usr -cf a.tar include
tar -C "$M" -xf a.tar
tar -C "$M" -df a.tar
if command -v rsync >/dev/null; then
  rsync -a "$M/include/" "$M/copy/"
  assert_eq "$(rsync -ai "$M/include/" "$M/copy/")" ""
fi
if command -v git >/dev/null; then
  git init -q repo
  (cd repo && cp -r /usr/include . && git add . && git -c user.name=t -c user.email=t@t commit -qm one)
  git clone -q --no-hardlinks repo "$M/clone"
  git -C "$M/clone" fsck --full
  assert_eq "$(git -C "$M/clone" status --short)" ""
fi
rm -r "$M/include" "$M/copy" "$M/clone"
head -c 1G /dev/urandom >big
cp big "$M/big"
same big "$M/big"
end
mount_at "$M"
same big "$M/big"
assert_eq "$(stat -c %s "$M/big")" 1073741824
end
