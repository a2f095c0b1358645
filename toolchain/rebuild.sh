#!/usr/bin/env bash
# Builds one binary once more, in another folder and from nothing, and compares it with the one in dist/linux:
# they must be the same, byte by byte. Else nobody could tell whether a binary is made of this source.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# As it is here, committed or not.
git ls-files -z --cached --others --exclude-standard --deduplicate |
    while IFS= read -r -d "" file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done |
    xargs -0 cp --parents -t "$work"
mkdir "$work/target"
ln -s "$PWD/target/zig" "$work/target/zig"
env -u CARGO_TARGET_DIR "$work/toolchain/build.sh" armv6
sha256sum "$PWD/dist/linux/arm/v6/alertik" "$work/dist/linux/arm/v6/alertik"
cmp "$PWD/dist/linux/arm/v6/alertik" "$work/dist/linux/arm/v6/alertik"
