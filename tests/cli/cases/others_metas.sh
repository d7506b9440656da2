# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What other clients wrote (tests/vectors) is listed, read, overwritten and deleted: metas.
start
python3 "$HERE/vectors.py" "$natsobj" "$NATS_URL" metas || fail "vectors: metas"
finish
