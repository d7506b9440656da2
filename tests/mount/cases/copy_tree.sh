# SPDX-License-Identifier: Apache-2.0
# cp -r, a comparison, and rm -r.
begin
cp -r /usr/include/linux "$M/linux"
diff -r /usr/include/linux "$M/linux"
rm -r "$M/linux"
assert_eq "$(ls -A "$M")" ""
end
