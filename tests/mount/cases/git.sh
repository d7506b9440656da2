# SPDX-License-Identifier: Apache-2.0
# A clone, a commit and a check of everything.
command -v git >/dev/null || skip "git is not installed"
begin
git init -q repo
(cd repo && cp -r /usr/include/asm-generic . && git add . &&
  git -c user.name=t -c user.email=t@t commit -qm one)
git clone -q --no-hardlinks repo "$M/clone"
cd "$M/clone"
git fsck --full
echo more >>asm-generic/types.h
git -c user.name=t -c user.email=t@t commit -qam two
assert_eq "$(git log --oneline | wc -l)" 2
assert_eq "$(git status --short)" ""
cd "$WORK"
end
