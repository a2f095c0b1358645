# alertik 0.1.0 for RouterOS 7.21 and 7.22, armv7
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

# A disk in memory for image and container. It is empty after each boot.
/disk/add type=tmpfs tmpfs-max-size=16000000 slot=alertik comment=alertik

# The variables, escaped so that the container gets what was configured.
/container/envs/add list=alertik key=EVENT0_MASK_MSG value="@1 logged @2, \$5 \C3\A0 \\d"
/container/envs/add list=alertik key=EVENT0_MATCH_STR value="user \"\3F(\\w+)\"\3F logged (in|out)\$"
/container/envs/add list=alertik key=EVENT0_MATCH_TYPE value="regex"
/container/envs/add list=alertik key=EVENT0_NOTIFIER value="Telegram"
/container/envs/add list=alertik key=LOG_FILE value="/log/alertik.log"
/container/envs/add list=alertik key=STATIC_EVENTS_ENABLED value="starter"
/container/envs/add list=alertik key=TELEGRAM_BOT_TOKEN value="123456:ABC-DEF"
/container/envs/add list=alertik key=TELEGRAM_CHAT_ID value="-1001234567890"

# Folders that the variables name. They stay when the container is removed.
/container/mounts/add list=alertik src=alertik/alertik-log dst=/log

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

# The container is made anew after each boot, and now; it may take a minute.
/system/script/add name=alertik-boot policy=ftp,read,write,policy,test source=":local ready false\n:for attempt from=1 to=60 do={\n  :if (!\$ready) do={\n    :do {\n      :for i from=1 to=20 do={ :if ([:len [/container/find where name=alertik]] > 0) do={ :do { /container/stop [find where name=alertik] } on-error={}; :do { /container/remove [find where name=alertik] } on-error={ :delay 1s } } }\n      /tool/fetch url=\"http://192.168.88.10:8000/alertik-armv7.tar\" dst-path=alertik/alertik-armv7.tar\n      /container/add name=alertik comment=alertik file=alertik/alertik-armv7.tar interface=alertik-veth root-dir=alertik/root envlists=alertik mountlists=alertik user=0:0 dns=172.19.51.1 logging=yes start-on-boot=no auto-restart-interval=30s memory-high=32M\n      :for i from=1 to=30 do={ :if ([:len [/container/find where name=alertik and stopped]] = 0) do={ :delay 2s } }\n      :set ready ([:len [/container/find where name=alertik and stopped]] > 0)\n    } on-error={}\n    :if (!\$ready) do={ :delay 10s }\n  }\n}\n/container/start [find where name=alertik]" comment=alertik
/system/scheduler/add name=alertik-boot start-time=startup policy=ftp,read,write,policy,test on-event=alertik-boot comment=alertik
/system/script/run alertik-boot
