# SPDX-License-Identifier: Apache-2.0
# A server that takes only TLS with certificates of clients: the right ones work, everything else is
# refused with a sentence, and no authority is trusted that was not named.
command -v openssl >/dev/null || skip "openssl is not installed"
authority() { # authority NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE 2>/dev/null
}
certificate() { # certificate AUTHORITY NAME EXTENSION
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$2.key" -out "$2.csr" 2>/dev/null
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 -out "$2.pem" \
    -extfile <(echo "$3") 2>/dev/null
  chmod 600 "$2.key"
}
authority ca
authority other
certificate ca server "subjectAltName=IP:127.0.0.1,DNS:localhost"
certificate ca client "extendedKeyUsage=clientAuth"
certificate other stranger "extendedKeyUsage=clientAuth"
cat >tls.conf <<C
jetstream: enabled
tls { cert_file: "$WORK/server.pem", key_file: "$WORK/server.key", ca_file: "$WORK/ca.pem", verify: true }
C
start_server -c "$WORK/tls.conf"
mkdir dir
opt="cache_dir=$WORK/cache,connect_timeout=5s,timeout=5s"
refused() { # refused TEXT OPTIONS
  local out status=0
  out=$(timeout 60 "$MOUNT" "tls://127.0.0.1:$PORT/b" dir -o "create,$opt$2" 2>&1) || status=$?
  assert_eq "$status" 32
  assert_eq "$(echo "$out" | wc -l)" 1
  case $out in *"$1"*) ;; *) fail "\"$out\" does not say \"$1\"" ;; esac
  ! mountpoint -q dir || fail "mounted with $2"
}
refused "certificate" ",tlscert=$WORK/client.pem,tlskey=$WORK/client.key"
refused "certificate" ",tlsca=$WORK/other.pem,tlscert=$WORK/client.pem,tlskey=$WORK/client.key"
refused "127.0.0.1" ",tlsca=$WORK/ca.pem"
refused "127.0.0.1" ",tlsca=$WORK/ca.pem,tlscert=$WORK/stranger.pem,tlskey=$WORK/stranger.key"
refused "absent.pem" ",tlsca=$WORK/absent.pem"
good="tlsca=$WORK/ca.pem,tlscert=$WORK/client.pem,tlskey=$WORK/client.key"
for scheme in tls nats; do
  "$MOUNT" "$scheme://127.0.0.1:$PORT/b" dir -o "create,$opt,$good"
  head -c 3M /dev/urandom >f
  cp f "dir/$scheme"
  same f "dir/$scheme"
  umount dir
done
# The server comes back, and so does the connection, encrypted as before.
URL=tls://127.0.0.1:$PORT
M=$WORK/m
mount_at "$M" "$good"
head -c 60M /dev/urandom >big
cp big "$M/big" &
copy=$!
sleep 0.3
kill -9 "$SERVER_PID"
start_server -c "$WORK/tls.conf"
wait $copy || fail "cp failed"
same big "$M/big"
umount "$M"
