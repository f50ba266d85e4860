#!/bin/sh
# Makes what is here anew: an authority of the tests, and two certificates of it for this machine.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
cat > "$work/ca.cnf" <<END
[ca]
default_ca = tests
[tests]
new_certs_dir = $work
database = $work/index
rand_serial = yes
default_md = sha256
default_startdate = 20200101000000Z
default_enddate = 21200101000000Z
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[machine]
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
END
: > "$work/index"
sign() { openssl ca -batch -notext -config "$work/ca.cnf" -keyfile "$work/authority.key" "$@"; }
new_key "$work/authority.key"
openssl req -new -key "$work/authority.key" -subj "/CN=Authority of the tests" -out "$work/authority.csr"
sign -selfsign -extensions authority -in "$work/authority.csr" -out authority.pem
for name in first second; do
    new_key $name.key
    openssl req -new -key $name.key -subj "/CN=$name" -out "$work/$name.csr"
    sign -cert authority.pem -extensions machine -in "$work/$name.csr" -out $name.pem
done
