# SPDX-License-Identifier: Apache-2.0
# stress-ng's file system stressors, each for ROUNDS operations by two processes or for SECONDS_EACH,
# with its own checks.
command -v stress-ng >/dev/null || skip "stress-ng is not installed"
begin
stressors=${STRESSORS:-chmod chown dentry dir dirdeep dirmany dup fallocate filename fpunch fstat getdent
  hdd lease link locka lockf lockofd metamix mknod open rename revio seek sendfile splice touch utime xattr}
known=" $(stress-ng --stressors) "
mkdir "$M/s"
for stressor in $stressors; do
  case $known in *" $stressor "*) ;; *) continue ;; esac
  timeout 120 stress-ng --temp-path "$M/s" --verify --timeout "${SECONDS_EACH:-2}" --oomable \
    --"$stressor" 2 --"$stressor"-ops "${ROUNDS:-20}" >out 2>&1 && status=0 || status=$?
  # 3 and 4: not for this kernel, or not for this file system.
  case $status in
    0 | 3 | 4) ;;
    *) fail "$stressor: status $status: $(cat out)" ;;
  esac
done
assert_eq "$(find "$M/s" -mindepth 1 | head -n 3)" ""
end
