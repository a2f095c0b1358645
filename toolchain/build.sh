#!/usr/bin/env bash
# Builds the static binaries: dist/linux/<arch>[/<variant>]/alertik, named as container platforms are.
#
#   toolchain/build.sh [TARGET...]    armv5te armv6 armv7 aarch64 x86_64; all of them if none is named
#   toolchain/build.sh --rust         says by which compiler, and builds nothing
#
# The standard library is built too, small and without its panic messages, so its source must be there: by
# rustup (component rust-src), or by Debian's packages rustc-web, cargo-web and rust-web-src. The linker, the
# C compiler and musl are zig's, from PyPI; toolchain/requirements.txt says which, and pip puts them into
# target/zig. Two builds of one commit by the same compiler give the same bytes, wherever they are made.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "toolchain/build.sh: $*" >&2; exit 1; }

# Rust's name of the target, and the folder under dist/linux.
rust_target() {
    case $1 in
        armv5te | armv5te-unknown-linux-musleabi) echo armv5te-unknown-linux-musleabi arm/v5 ;;
        armv6 | arm-unknown-linux-musleabi) echo arm-unknown-linux-musleabi arm/v6 ;;
        armv7 | armv7-unknown-linux-musleabihf) echo armv7-unknown-linux-musleabihf arm/v7 ;;
        aarch64 | aarch64-unknown-linux-musl) echo aarch64-unknown-linux-musl arm64 ;;
        x86_64 | x86_64-unknown-linux-musl) echo x86_64-unknown-linux-musl amd64 ;;
        *) fail "$1 is not a target (expected armv5te, armv6, armv7, aarch64 or x86_64)" ;;
    esac
}

has_std_source() { [ -e "$("$1" --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; }

# A compiler that has the source of its standard library, and the cargo beside it.
find_rust() {
    if command -v rustup >/dev/null; then
        local rustc
        rustc=$(rustup which rustc)
        has_std_source "$rustc" || rustup component add rust-src >&2 || true
        if has_std_source "$rustc"; then
            echo "$rustc" "$(rustup which cargo)"
            return
        fi
    fi
    for bin in /usr/bin $(dirname "$(command -v rustc || echo /usr/bin/rustc)"); do
        if [ -x "$bin/rustc" ] && has_std_source "$bin/rustc"; then
            echo "$bin/rustc" "$bin/cargo"
            return
        fi
    done
    fail 'no Rust compiler has the source of its standard library (rustup component add rust-src;' \
        'on Debian: apt-get install rustc-web cargo-web rust-web-src)'
}

# Zig and cargo-zigbuild, of the versions that toolchain/requirements.txt names.
fetch_zig() {
    local zig=$PWD/target/zig
    if ! cmp --silent toolchain/requirements.txt "$zig/requirements.txt"; then
        rm -rf "$zig"
        python3 -m pip install --quiet --no-deps --require-hashes --target "$zig" \
            -r toolchain/requirements.txt >&2 || fail 'pip could not install zig and cargo-zigbuild'
        cp toolchain/requirements.txt "$zig/"
    fi
    echo "$zig"
}

found=$(find_rust)
rustc=${found% *} cargo=${found#* }
if [ "${1:-}" = --rust ]; then
    "$rustc" --version --verbose
    exit
fi

declare -A folders
targets=()
[ $# != 0 ] || set -- armv5te armv6 armv7 aarch64 x86_64
for name in "$@"; do
    found=$(rust_target "$name")
    targets+=("${found% *}")
    folders[${found% *}]=dist/linux/${found#* }
done

zig=$(fetch_zig)

# What is for these builds alone, or not stable in this compiler yet, and so not in .cargo/config.toml:
# * without panic messages: the size of the whole falls by a quarter, and a panic still ends the process;
# * without tables for unwinding, since nothing unwinds; a test's harness would;
# * no path of this machine in the binary, so that the folder of a build does not change its bytes.
unstable=(-Zbuild-std=std -Zbuild-std-features=optimize_for_size -Zpanic-immediate-abort
    --config "profile.static.panic='immediate-abort'" -Ztrim-paths --config 'profile.static.trim-paths=true')

# On 32-bit ARM, Thumb code: a quarter smaller (docs/SIZE.md). Not for the matchers, which every line passes through,
# nor for the standard library's long multiplications and divisions: few functions, and faster without.
thumb=(-Zprofile-rustflags --config "profile.static.rustflags=['-Ctarget-feature=+thumb-mode']"
    --config "profile.static.build-override.rustflags=[]")
for package in compiler_builtins memchr regex-automata; do
    thumb+=(--config "profile.static.package.$package.rustflags=[]")
done

for target in "${targets[@]}"; do
    rustflags="'-Cforce-unwind-tables=no'" options=("${unstable[@]}")
    case $target in arm*) options+=("${thumb[@]}") ;; esac
    if [ "$target" = arm-unknown-linux-musleabi ]; then
        # A relative path: what the compiler is called with goes into the names of symbols.
        "$zig/ziglang/zig" cc -target arm-linux-musleabi -mcpu=generic+v6k -Oz -g0 -ffunction-sections \
            -fno-sanitize=all -c toolchain/atomics.c -o target/atomics.o
        rustflags+=",'-Clink-arg=target/atomics.o'"
    fi
    # cargo-zigbuild calls cargo by $CARGO, and zig by CARGO_ZIGBUILD_ZIG_PATH.
    env -u RUSTFLAGS RUSTC="$rustc" CARGO="$cargo" PATH="$(dirname "$cargo"):$PATH" RUSTC_BOOTSTRAP=1 \
        CARGO_ZIGBUILD_ZIG_PATH="$zig/ziglang/zig" \
        "$zig/bin/cargo-zigbuild" zigbuild --locked --profile static --bin alertik --target "$target" "${options[@]}" \
        --config "target.$target.rustflags=[$rustflags]"
    mkdir -p "${folders[$target]}"
    cp "${CARGO_TARGET_DIR:-target}/$target/static/alertik" "${folders[$target]}/alertik"
    printf '%s/alertik: %s bytes\n' "${folders[$target]}" "$(wc -c <"${folders[$target]}/alertik")"
done
