#!/bin/sh
# Writes src/timestamp/zones.txt, the table of time zones, from the tzdata package.
#
#   toolchain/zones.sh [DIRECTORY]      where tzdata is; /usr/share/zoneinfo if not given
#
# The last line of a compiled zone file (RFC 9636, 3.3) is the POSIX string of the rules that
# tzdata knows no end of. The table is those strings, each followed by the names that share it. The same
# tzdata always gives the same bytes, so the difference after an upgrade shows what changed.
set -eu
export LC_ALL=C

zoneinfo=${1:-/usr/share/zoneinfo}
table=$(cd "$(dirname "$0")/../src/timestamp" && pwd)/zones.txt
new=$(mktemp)
trap 'rm -f "$new"' EXIT

version=$(sed -n '1s/^# version //p' "$zoneinfo/tzdata.zi")
[ -n "$version" ] || { echo "$zoneinfo/tzdata.zi does not begin with its version" >&2; exit 1; }

cat >"$new" <<EOF
# Time zones of tzdata $version (public domain, https://www.iana.org/time-zones), by toolchain/zones.sh.
# A POSIX string and the names that follow it today; a word that ends in / goes before those after it.
EOF

cd "$zoneinfo"
# posix/ repeats the names and right/ counts leap seconds. localtime and posixrules are settings of
# the machine, and Factory says that nobody has set one.
find . \( -path ./posix -o -path ./right \) -prune -o \( -type f -o -type l \) -print |
    sed 's|^\./||' |
    while read -r name; do
        case $name in localtime | posixrules | Factory) continue ;; esac
        [ "$(head -c 4 "$name")" = TZif ] || continue
        printf '%s\t%s\t%s\n' "$(tail -n 1 "$name")" "${name%"${name##*/}"}" "${name##*/}"
    done |
    sort |
    awk -F '\t' '
        $1 != rules { printf "%s%s", (NR == 1 ? "" : "\n"), $1; rules = $1; region = "" }
        $2 != region { printf " %s", $2; region = $2 }
        { printf " %s", $3 }
        END { print "" }' >>"$new"

cat "$new" >"$table"
