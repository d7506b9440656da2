# SPDX-License-Identifier: Apache-2.0
# Every change on one mount shows on the other, also while four writers keep both busy. CHANGES= more
# of them, for figures.
begin
first=$MOUNT_PID
B=$WORK/other
mount_at "$B"
second=$MOUNT_PID
python3 "$TOOLS/../chaos/visibility.py" "$M" "$B" --changes "${CHANGES:-60}"
rm -r "$M/seen" "$M/changed"
python3 "$TOOLS/../chaos/visibility.py" "$M" "$B" --changes "${CHANGES:-30}" --writers 4
unmount_and_wait "$B" "$second"
MOUNT_PID=$first
end
