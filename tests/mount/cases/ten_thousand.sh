# SPDX-License-Identifier: Apache-2.0
# long: many_files with ten thousand of them.
MANY=10000
. "$TOOLS/cases/many_files.sh"
