#!/bin/sh
# What alertik takes of a machine's memory: idle, and after 100,000 lines and 100 TLS deliveries, by
# parts, beside the budget; fails over it. Takes some seconds; loopback only. Needs python3 and openssl.
#
#   toolchain/memory.sh [ALERTIK]    a static build, for which the budget is, or another; an ordinary
#                                    release build is made here if none is given (its libraries are 1.6 MiB)
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

if [ $# -gt 0 ]; then
    alertik=$1
else
    (cd "$root" && cargo build --release --quiet)
    alertik=$root/target/release/alertik
fi

# A private authority, and a certificate of it for localhost.
cd "$work"
{
    openssl ecparam -genkey -name prime256v1 -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj '/CN=Private authority' -days 2 -out ca.pem
    openssl ecparam -genkey -name prime256v1 -noout -out server.key
    openssl req -new -key server.key -subj '/CN=localhost' -out server.csr
    echo 'subjectAltName=DNS:localhost' >names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 2 -extfile names -out server.pem
} >openssl.log 2>&1 || { cat openssl.log >&2; exit 1; }
cd - >/dev/null

python3 "$root/toolchain/memory.py" "$alertik" "$root/benches/no_match.env" \
    "$root/tests/corpus/routeros_lines.txt" "$work"
