#!/bin/sh
# What lines cost, what is lost, and how long an alert takes: alertik beside a bare receive loop, and
# beside rsyslog with the same filters where that is installed. Takes about a minute; loopback only.
#
#   toolchain/load.sh [ALERTIK]      a release build; made here if not given
#
# LOAD_UNPINNED=1 leaves it to the kernel where everything runs. LOAD_WATCHERS=10 measures alertik a second
# time, in turns with the others, while so many connections are shown its live lines.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
rules=$root/benches/no_match.env
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

if [ $# -gt 0 ]; then
    alertik=$1
else
    (cd "$root" && cargo build --release --quiet)
    alertik=$root/target/release/alertik
fi
"${CC:-cc}" -O2 -Wall -Wextra -o "$work/load" "$root/toolchain/load.c"

rsyslogd=$(command -v rsyslogd || command -v /usr/sbin/rsyslogd || true)
if [ -z "$rsyslogd" ]; then
    echo "rsyslogd is not installed: no ratio to it"
    "$work/load" "$alertik" "$rules"
    exit
fi

# The same fifteen patterns. What matches would be written; nothing does.
{
    cat <<END
global(workDirectory="$work")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port=\`echo \$LOAD_PORT\` rcvbufSize="4m" ruleset="filters")
ruleset(name="filters") {
END
    awk -v work="$work" '
        /^#/ { next }
        { name = $0; sub(/=.*/, "", name); value = substr($0, length(name) + 2) }
        name ~ /_MATCH_TYPE$/ { type = value }
        name ~ /_MATCH_STR$/ {
            gsub(/[\\$]/, "\\\\&", value)
            test = type == "substr" ? "$rawmsg contains \"%s\"" : "re_match($rawmsg, \"%s\")"
            printf "    if " test " then action(type=\"omfile\" file=\"%s/matched\")\n", value, work
        }' "$rules"
    echo '}'
} >"$work/rsyslog.conf"
"$rsyslogd" -N1 -f "$work/rsyslog.conf" >"$work/check" 2>&1 || { cat "$work/check" >&2; exit 1; }
"$work/load" "$alertik" "$rules" "$rsyslogd" "$work/rsyslog.conf"
[ ! -e "$work/matched" ] || { echo "rsyslog's filters matched: its figures are not comparable" >&2; exit 1; }
