# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What other clients wrote (tests/vectors) is listed, read, overwritten and deleted: layouts.
start
python3 "$HERE/vectors.py" "$natsobj" "$NATS_URL" layouts || fail "vectors: layouts"
finish
