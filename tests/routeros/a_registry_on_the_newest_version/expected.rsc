# alertik 0.1.0 for RouterOS 7.23 and later, arm64
# Made by alertik routeros; with --remove it prints the way back, which goes first if any of this is there.
# Secrets are in here: delete this file from the router when it has been imported.

# A network for router (172.19.51.1) and container (172.19.51.2), which must not be in use yet.
/interface/veth/add name=alertik-veth address=172.19.51.2/30 gateway=172.19.51.1
/interface/bridge/add name=alertik-bridge comment=alertik
/interface/bridge/port/add bridge=alertik-bridge interface=alertik-veth comment=alertik
/ip/address/add address=172.19.51.1/30 interface=alertik-bridge comment=alertik

# The way out: the container goes by the router's address.
/ip/firewall/nat/add chain=srcnat action=masquerade src-address=172.19.51.0/30 comment=alertik

# The firewall: before any other rule, the container may ask the router for names, and may reach others.
# What the router sends to it goes through the chain output, which is mostly open.
:do { /ip/firewall/filter/add chain=input action=accept protocol=udp dst-port=53 in-interface=alertik-bridge comment=alertik place-before=([/ip/firewall/filter/find where dynamic=no]->0) } on-error={ /ip/firewall/filter/add chain=input action=accept protocol=udp dst-port=53 in-interface=alertik-bridge comment=alertik }
:do { /ip/firewall/filter/add chain=input action=accept protocol=tcp dst-port=53 in-interface=alertik-bridge comment=alertik place-before=([/ip/firewall/filter/find where dynamic=no]->0) } on-error={ /ip/firewall/filter/add chain=input action=accept protocol=tcp dst-port=53 in-interface=alertik-bridge comment=alertik }
:do { /ip/firewall/filter/add chain=forward action=accept in-interface=alertik-bridge comment=alertik place-before=([/ip/firewall/filter/find where dynamic=no]->0) } on-error={ /ip/firewall/filter/add chain=forward action=accept in-interface=alertik-bridge comment=alertik }

# Names: a router that answers nobody's questions yet is made to answer, the container and nobody else.
:if ([/ip/dns/get allow-remote-requests] = false) do={
  /ip/firewall/filter/add chain=input action=drop protocol=udp dst-port=53 in-interface=!alertik-bridge comment=alertik-dns
  /ip/firewall/filter/add chain=input action=drop protocol=tcp dst-port=53 in-interface=!alertik-bridge comment=alertik-dns
  /ipv6/firewall/filter/add chain=input action=drop protocol=udp dst-port=53 comment=alertik-dns
  /ipv6/firewall/filter/add chain=input action=drop protocol=tcp dst-port=53 comment=alertik-dns
  /ip/dns/set allow-remote-requests=yes
}

# The variables, escaped so that the container gets what was configured.
/container/envs/add list=alertik key=TELEGRAM_BOT_TOKEN value="123456:ABC-DEF"
/container/envs/add list=alertik key=TELEGRAM_CHAT_ID value="-1001234567890"

# The log: every line of these severities goes to the container once, and nothing that containers say.
/system/logging/action/add name=alertik target=remote remote=172.19.51.2 remote-port=5140 remote-log-format=default
/system/logging/add action=alertik topics=critical,!container
/system/logging/add action=alertik topics=error,!critical,!container
/system/logging/add action=alertik topics=warning,!critical,!error,!container
/system/logging/add action=alertik topics=info,!critical,!error,!warning,!container

# What the router says of its own reboot comes before anybody listens: two minutes after each boot, and
# when the container runs, it is said again.
/system/script/add name=alertik-reboot policy=read,write source=":delay 2m\n:for i from=1 to=30 do={ :if ([:len [/container/find where name=alertik and running]] = 0) do={ :delay 10s } }\n:foreach line in=[/log/find where buffer=memory and topics~\"system\" and message~\"^([^ ]+: ){0,1}(router (was ){0,1}rebooted|kernel failure in previous boot|out of memory condition was detected)\"] do={\n  :local said [/log/get \$line message]\n  :if (\$said~\"without|failure|memory\") do={ :log error \$said } else={ :log info \$said }\n}" comment=alertik
/system/scheduler/add name=alertik-reboot start-time=startup policy=read,write on-event=alertik-reboot comment=alertik

# The container, from a registry: the one that the reference begins with, or else that of
# /container/config.
# It starts with the router, and again if it ends by itself.
/container/add name=alertik comment=alertik remote-image=registry.example/you/alertik:0.1.0 interface=alertik-veth root-dir=disk1/containers/alertik envlists=alertik dns=172.19.51.1 logging=yes start-on-boot=yes restart-policy=on-failure memory-high=32M

# It can start when its image has been unpacked, which takes some seconds.
:for i from=1 to=60 do={ :if ([:len [/container/find where name=alertik and stopped]] = 0) do={ :delay 2s } }
/container/start [find where name=alertik]
