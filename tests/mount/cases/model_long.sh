# SPDX-License-Identifier: Apache-2.0
# The random operations of `model`, a hundred thousand of them.
# long 5400
STEPS=${STEPS:-20000} SEEDS=${SEEDS:-101 102 103 104 105}
. "$TOOLS/cases/model.sh"
