#!/bin/sh
# How long /healthz takes, and what it costs in memory, while HTTP is attacked: 500 slow clients, garbage, bodies that
# break off, and 10,000 calls of a hook at once, on a machine that runs all of those too. Loopback only; a minute.
#
#   toolchain/attack.sh
#
# The bound is 100 ms. It is printed here and fails no test, because a busy machine may take longer by itself.
set -eu
cd "$(dirname "$0")/.."
cargo test --release --quiet --test it -- --nocapture attack::an_attack | grep -E '^(healthz|memory):'
