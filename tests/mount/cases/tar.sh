# SPDX-License-Identifier: Apache-2.0
# tar x, then tar d against the archive.
begin
tar -C /usr/include -cf a.tar asm-generic
tar -C "$M" -xf a.tar
tar -C "$M" -df a.tar
end
