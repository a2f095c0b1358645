# The way back from alertik routeros, on RouterOS 7.20
# What is gone already is passed over: it can be run twice.

# No more lines, and nothing at boot.
/system/scheduler/remove [find where comment=alertik]
/system/script/remove [find where comment=alertik]
/system/logging/remove [find where action=alertik]
/system/logging/action/remove [find where name=alertik]

# The container, when it has stopped; its variables and mounts.
:for i from=1 to=20 do={ :if ([:len [/container/find where name=alertik]] > 0) do={ :do { /container/stop [find where name=alertik] } on-error={}; :do { /container/remove [find where name=alertik] } on-error={ :delay 1s } } }
/container/envs/remove [find where list=alertik]
/container/mounts/remove [find where name~"^alertik-"]
/disk/remove [find where comment=alertik]

# Names: a router that was made to answer the container answers nobody again.
:if ([:len [/ip/firewall/filter/find where comment=alertik-dns]] > 0) do={ /ip/dns/set allow-remote-requests=no }
/ip/firewall/filter/remove [find where comment=alertik-dns]
/ipv6/firewall/filter/remove [find where comment=alertik-dns]

# The firewall, the way out, the network.
/ip/firewall/filter/remove [find where comment=alertik]
/ip/firewall/nat/remove [find where comment=alertik]
/ip/address/remove [find where comment=alertik]
/interface/bridge/port/remove [find where comment=alertik]
/interface/bridge/remove [find where comment=alertik]
/interface/veth/remove [find where name=alertik-veth]

# Files stay: the tar, and folders named alertik-state, alertik-log, alertik-ca. /file/print shows them.
