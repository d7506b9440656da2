# SPDX-License-Identifier: Apache-2.0
# The second rsync finds nothing to do, also after a remount.
command -v rsync >/dev/null || skip "rsync is not installed"
begin
mkdir src
cp -a /usr/include/asm-generic src/
ln -s asm-generic/types.h src/link
chmod 640 src/asm-generic/types.h
rsync -a src/ "$M/dst/"
assert_eq "$(rsync -ai src/ "$M/dst/")" ""
end
mount_at "$M"
assert_eq "$(rsync -ai src/ "$M/dst/")" ""
diff -r src "$M/dst"
end
