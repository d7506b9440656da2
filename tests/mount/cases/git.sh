# SPDX-License-Identifier: Apache-2.0
# Clones with hard links and without, commits, a merge, packing, and checks of everything, also after
# a remount.
command -v git >/dev/null || skip "git is not installed"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
export GIT_CONFIG_NOSYSTEM=1 HOME=$WORK
begin
git init -q -b main repo
(cd repo && cp -r /usr/include/asm-generic . && git add . && git commit -qm one)
git clone -q --no-hardlinks repo "$M/clone"
cd "$M/clone"
git fsck --full --strict
for i in 1 2 3 4 5; do
  echo "$i" >>asm-generic/types.h
  git commit -qam "change $i"
done
git checkout -qb side HEAD~3
git mv asm-generic/ioctl.h moved.h
git commit -qm moved
git merge -q -m merged main
assert_eq "$(git status --short)" ""
git repack -qadf
git fsck --full --strict
git clone -q "$M/clone" "$M/linked"
pack=$(cd .git/objects/pack && ls ./*.pack)
[ "$(stat -c %h ".git/objects/pack/$pack")" = 2 ] || fail "the clone has no hard links"
git -C "$M/linked" commit -q --allow-empty -m more
git push -q "$M/linked" side:pushed
echo dirty >>moved.h
git stash -q
git stash pop -q
assert_eq "$(git status --short)" " M moved.h"
git checkout -q moved.h
git worktree add -q ../tree main
git worktree remove ../tree
git reflog expire --expire=now --all
git gc -q --prune=now
git fsck --full --strict
git -C "$M/linked" gc -q --prune=now
assert_eq "$(git log --oneline | wc -l)" 8
sum=$(git ls-files -s | sha256sum)
cd "$WORK"
end
mount_at "$M"
for clone in clone linked; do
  git -C "$M/$clone" fsck --full --strict
  assert_eq "$(git -C "$M/$clone" status --short)" ""
done
assert_eq "$(git -C "$M/clone" ls-files -s | sha256sum)" "$sum"
end
