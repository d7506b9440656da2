# SPDX-License-Identifier: Apache-2.0
# The same as away_long, for a minute: right within a second of the return.
# long
AWAY=60 LIMIT=1
. "$TOOLS/cases/away_long.sh"
