#!/usr/bin/env bash
# Prints what each binary that toolchain/build.sh has made takes, plain and gzipped, in bytes; fails where the
# one for armv6 is over its budget. Where the bytes are, and what was tried, stands in docs/SIZE.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# 1.5 MiB, with everything in it: beside a hAP ac2's RouterOS there is 1 MiB of flash, and it is compressed.
BUDGET=1572864

printf '%10s %10s\n' plain gzipped
is_over=0
for platform in arm/v5 arm/v6 arm/v7 arm64 amd64; do
    binary=dist/linux/$platform/alertik
    [ -e "$binary" ] || continue
    plain=$(wc -c <"$binary")
    printf '%10s %10s  %s\n' "$plain" "$(gzip -n9 <"$binary" | wc -c)" "$binary"
    [ "$platform" != arm/v6 ] || [ "$plain" -le $BUDGET ] || is_over=1
done
if [ $is_over = 1 ]; then
    echo "toolchain/size.sh: dist/linux/arm/v6/alertik is over its budget of $BUDGET bytes" >&2
    exit 1
fi
