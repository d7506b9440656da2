# SPDX-License-Identifier: Apache-2.0
# Hosts of their own: network namespaces, each behind a veth pair whose near end has the server's
# address. Only the daemon lives there; its mount is visible to everybody.

HOSTS_TAG=no$$
HOSTS_NET=10.$((RANDOM % 200 + 20))
HOSTS_N=0

hosts_leave() {
  local i
  for ((i = 1; i <= HOSTS_N; i++)); do ip netns del "$HOSTS_TAG-$i" 2>/dev/null || true; done
}

host_link() { echo "$HOSTS_TAG-$1"; }     # the near end of host 1, 2, …
host_server() { echo "$HOSTS_NET.$1.1"; } # by which address it reaches the server

# host_make I: fails where namespaces cannot be made.
host_make() {
  local link
  link=$(host_link "$1")
  command -v ip >/dev/null && command -v nsenter >/dev/null && ip netns add "$link" 2>/dev/null || return 1
  HOSTS_N=$1
  trap hosts_leave EXIT
  ip link add "$link" type veth peer name eth0 netns "$link" &&
    ip address add "$(host_server "$1")/30" dev "$link" &&
    ip link set "$link" up &&
    ip -n "$link" address add "$HOSTS_NET.$1.2/30" dev eth0 &&
    ip -n "$link" link set eth0 up &&
    ip -n "$link" link set lo up
}

# host_weather I DELAY_MS LOSS_PERCENT: packets of both directions are late by DELAY_MS on the average,
# or lost; fails where the kernel cannot.
host_weather() {
  local link netem=(root netem delay "$2ms" "$2ms" loss "$3%")
  link=$(host_link "$1")
  tc qdisc add dev "$link" "${netem[@]}" 2>/dev/null &&
    tc -n "$link" qdisc add dev eth0 "${netem[@]}" 2>/dev/null
}

# host_mount I DIR [OPTIONS]: mount_at with the daemon on that host.
host_mount() {
  local daemon=$MOUNT
  local MOUNT=$WORK/host$1
  printf '#!/bin/sh\nexec nsenter --net=/run/netns/%s "%s" "$@"\n' "$(host_link "$1")" "$daemon" >"$MOUNT"
  chmod +x "$MOUNT"
  shift
  mount_at "$@"
}
