# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What other clients wrote (tests/vectors) is listed, read, overwritten and deleted: names.
start
python3 "$HERE/vectors.py" "$natsobj" "$NATS_URL" names || fail "vectors: names"
finish
