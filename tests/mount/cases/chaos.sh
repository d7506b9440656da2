# SPDX-License-Identifier: Apache-2.0
# long
# Three hosts and a foreign client at work on one bucket at once, over connections that stall and
# break: what each saw must be allowed by what is promised. DURATION= seconds, SEED= to repeat,
# ONLY= for some kinds of workers, WAYS= of each host to the server: its delay in ms and loss in percent.
# Each host has a network of its own where that can be made, whose packets the kernel delays and loses
# if it can, else the proxy.
CHAOS=$TOOLS/../chaos
export PYTHONPATH=$TOOLS:$CHAOS
. "$TOOLS/hosts.sh"
# An old server keeps whatever it has read for seconds.
export GOMEMLIMIT=${GOMEMLIMIT:-3GiB}
start_server
server=$URL
pids=() faults=() mounts=()
read -ra ways <<<"${WAYS:-0/0 1/0.1 5/0.5}"
for i in 1 2 3; do
  delay=${ways[i - 1]%/*} loss=${ways[i - 1]#*/} address=127.0.0.1 mount=(mount_at)
  if host_make "$i"; then
    address=$(host_server "$i") mount=(host_mount "$i")
    faults+=(--link "$(host_link "$i")")
    if host_weather "$i" "$delay" "$loss"; then delay=0 loss=0; fi
  fi
  python3 "$CHAOS/proxy.py" "$PORT" "$WORK/control$i" "$delay" "$loss" "$address" >"$WORK/proxy$i" &
  echo $! >>"$WORK/pids"
  wait_until 60 test -s "$WORK/proxy$i"
  URL=nats://$address:$(cat "$WORK/proxy$i")
  "${mount[@]}" "$WORK/m$i" "purge_delay=5${OPTIONS:+,$OPTIONS}"
  pids+=("$MOUNT_PID") mounts+=("$WORK/m$i") faults+=(--control "$WORK/control$i")
done
python3 "$CHAOS/chaos.py" --url "$server" "${faults[@]}" --seconds "${DURATION:-15}" \
  ${SEED:+--seed "$SEED"} ${ONLY:+$(printf -- '--only %s ' $ONLY)} --dir "$WORK" "${mounts[@]}" || fail "promises were broken"
for i in 0 1 2; do unmount_and_wait "${mounts[$i]}" "${pids[$i]}"; done
