# SPDX-License-Identifier: Apache-2.0
# long
# Three hosts and a foreign client at work on one bucket at once, over connections that stall and
# break: what each saw must be allowed by what is promised. DURATION= seconds, SEED= to repeat,
# WAYS= of each host to the server: its delay in ms and loss in percent.
CHAOS=$TOOLS/../chaos
export PYTHONPATH=$TOOLS:$CHAOS
# An old server keeps whatever it has read for seconds.
export GOMEMLIMIT=${GOMEMLIMIT:-3GiB}
start_server
server=$URL
pids=() controls=() mounts=()
read -ra ways <<<"${WAYS:-0/0 1/0.1 5/0.5}"
for i in 1 2 3; do
  way=${ways[i - 1]}
  python3 "$CHAOS/proxy.py" "$PORT" "$WORK/control$i" "${way%/*}" "${way#*/}" >"$WORK/proxy$i" &
  echo $! >>"$WORK/pids"
  wait_until 10 test -s "$WORK/proxy$i"
  URL=nats://127.0.0.1:$(cat "$WORK/proxy$i")
  mount_at "$WORK/m$i" "purge_delay=5${OPTIONS:+,$OPTIONS}"
  pids+=("$MOUNT_PID") mounts+=("$WORK/m$i") controls+=(--control "$WORK/control$i")
done
python3 "$CHAOS/chaos.py" --url "$server" "${controls[@]}" --seconds "${DURATION:-15}" \
  ${SEED:+--seed "$SEED"} --dir "$WORK" "${mounts[@]}" || fail "promises were broken"
for i in 0 1 2; do unmount_and_wait "${mounts[$i]}" "${pids[$i]}"; done
