"""What alertik takes of a machine's memory: see memory.sh, which calls it.

    memory.py ALERTIK RULES CORPUS FOLDER

FOLDER holds ca.pem and the server's certificate and key. Needs nothing but Python; Linux, loopback only.
"""

import atexit
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

LINES = 100_000
DELIVERIES = 100
LINES_PER_DELIVERY = LINES // DELIVERIES
# KiB that must not be exceeded, and that are wanted.
IDLE = (4096, 2048)
WORKED = (8192, 4096)
DEADLINE_S = 60


class Service(http.server.BaseHTTPRequestHandler):
    """Takes every text, and closes the connection, so that each delivery is a handshake."""

    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.texts.append(text)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Service)
        self.texts = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")

    def finish_request(self, request, address):
        with self.context.wrap_socket(request, server_side=True) as session:
            super().finish_request(session, address)


class Alertik:
    """The daemon, and what it says."""

    def __init__(self, binary, variables):
        self.process = subprocess.Popen([binary, "run"], env=variables, stdout=subprocess.PIPE, text=True)
        # Whatever ends us, it is not left behind.
        atexit.register(self.process.kill)
        self.lines = []
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        address = self.wait_for(r"^INFO listening udp=127\.0\.0\.1:(\d+)")
        self.port = int(address[1])

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def wait_for(self, pattern):
        found = lambda: next(filter(None, (re.search(pattern, line) for line in self.lines)), None)
        with self.changed:
            if not self.changed.wait_for(found, DEADLINE_S):
                sys.exit(f"{pattern} did not come, but:\n{''.join(self.lines)}")
            return found()

    def proc(self, name):
        with open(f"/proc/{self.process.pid}/{name}") as file:
            return file.read()

    def waiting_bytes(self):
        """What the kernel holds for it."""
        ours = (line.split() for line in self.proc("net/udp").splitlines()[1:])
        return sum(int(w[4].split(":")[1], 16) for w in ours if w[1].endswith(f":{self.port:04X}"))

    def rest(self):
        """Waits until it has done nothing for a while."""
        deadline = time.monotonic() + DEADLINE_S
        used, since = None, 0
        while time.monotonic() < deadline:
            now = sum(map(int, self.proc("stat").rsplit(")", 1)[1].split()[11:13]))
            if now != used:
                used, since = now, time.monotonic()
            elif time.monotonic() - since > 1 and self.waiting_bytes() == 0:
                return
            time.sleep(0.05)
        sys.exit("it does not come to rest")


def mappings(alertik):
    """(start, end, name, {field: KiB}) for each."""
    for block in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", alertik.proc("smaps"))[1:]:
        head, *rest = block.splitlines()
        start, end = (int(x, 16) for x in head.split()[0].split("-"))
        name = (head.split(None, 5) + [""])[5]
        fields = (line.split() for line in rest if line.endswith(" kB"))
        yield start, end, name, {name.rstrip(":"): int(kib) for name, kib, _ in fields}


def stacks(alertik, maps):
    """Of each thread: its name, KiB touched below where it waits now, and KiB never touched.

    Where it waits, the kernel tells; which pages it ever touched, its table of pages.
    """
    page = os.sysconf("SC_PAGE_SIZE")
    for task in sorted(map(int, os.listdir(f"/proc/{alertik.process.pid}/task"))):
        name = alertik.proc(f"task/{task}/comm").strip()
        # A thread that runs just now has none to tell.
        while (words := alertik.proc(f"task/{task}/syscall").split()) == ["running"]:
            time.sleep(0.001)
        pointer = int(words[-2], 16)
        start = next(start for start, end, *_ in maps if start <= pointer < end)
        with open(f"/proc/{alertik.process.pid}/pagemap", "rb") as table:
            table.seek(start // page * 8)
            entries = table.read((pointer - start) // page * 8 + 8)
        # Bit 63 says that the page is there; it is the highest of the eighth byte.
        lowest = next(index for index in range(len(entries) // 8) if entries[index * 8 + 7] & 0x80)
        yield name, (pointer - start - lowest * page) / 1024, lowest * page // 1024


def measure(alertik, binary):
    status = dict(re.findall(r"(?m)^(\w+):\s+(\d+) kB", alertik.proc("status")))
    maps = list(mappings(alertik))
    parts = {"binary as it is on disk": 0, "its variables": 0, "libraries": 0, "heap and stacks": 0}
    for _, _, name, fields in maps:
        if name == binary:
            parts["its variables"] += fields["Anonymous"]
            parts["binary as it is on disk"] += fields["Rss"] - fields["Anonymous"]
        else:
            parts["libraries" if name.startswith("/") else "heap and stacks"] += fields["Rss"]
    pss = sum(fields["Pss"] for *_, fields in maps)
    anonymous = sum(fields["Anonymous"] for *_, fields in maps)
    return int(status["VmRSS"]), int(status["VmHWM"]), pss, anonymous, parts, list(stacks(alertik, maps))


def report(what, budget, measured):
    rss, peak, pss, anonymous, parts, threads = measured
    must, goal = budget
    print(f"{what}:")
    print(f"  resident {rss} KiB, at most so far {peak} (must {must}, goal {goal})")
    print("  of it: " + ", ".join(f"{part} {kib}" for part, kib in parts.items() if kib), end="; ")
    print(f"anonymous {anonymous}; proportional {pss}")
    depths = (f"{name} {deep:.0f} + {left}" for name, deep, left in threads)
    print("  stacks, used below where the thread waits + never used: " + ", ".join(depths))
    return max(rss, peak) <= must


def main():
    binary, rules, corpus, folder = sys.argv[1:]
    binary = os.path.realpath(binary)
    server = Server(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(rules) as file:
        variables = dict(line.rstrip("\n").split("=", 1) for line in file if not line.startswith("#"))
    variables |= {
        "SYSLOG_LISTEN": "127.0.0.1:0",
        "HTTP_LISTEN": "127.0.0.1:0",
        "TLS_CA_FILE": f"{folder}/ca.pem",
        "GENERIC1_WEBHOOK_URL": f"https://localhost:{server.server_address[1]}/",
        "ALERTS_PER_HOUR_MAX": "off",
        "EVENT15_NOTIFIER": "Generic1",
        "EVENT15_MATCH_TYPE": "regex",
        "EVENT15_MATCH_STR": "login failure for user (tell[0-9]+) from ([0-9.]+)",
        "EVENT15_MASK_MSG": "@1 failed from @2",
    }
    with open(corpus, "rb") as file:
        lines = [line for line in file.read().splitlines() if line and not line.startswith(b"#")]

    alertik = Alertik(binary, variables)
    alertik.rest()
    is_small = report("idle", IDLE, measure(alertik, binary))

    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.1", alertik.port))
    for number in range(LINES):
        client.send(lines[number % len(lines)])
        if number % LINES_PER_DELIVERY == 0:
            alert = f"system,error,critical login failure for user tell{number} from 192.0.2.7 via ssh"
            client.send(alert.encode())
        if number % 100 == 0:
            while alertik.waiting_bytes() > 0:
                time.sleep(0.0001)
    deadline = time.monotonic() + DEADLINE_S
    while len(server.texts) < DELIVERIES and time.monotonic() < deadline:
        time.sleep(0.01)
    alertik.rest()
    worked = f"after {LINES:,} lines and {DELIVERIES} deliveries, each with a TLS handshake of its own"
    is_small &= report(worked, WORKED, measure(alertik, binary))

    alertik.process.terminate()
    counted = alertik.wait_for(r"INFO stopped lines=(\d+) evicted=(\d+) kernel_drops=(\d+)")
    delivered = alertik.wait_for(r"INFO deliveries delivered=(\d+)")
    figures = [*map(int, counted.groups()), int(delivered[1])]
    if figures != [LINES + DELIVERIES, 0, 0, DELIVERIES]:
        sys.exit(f"lines, evicted, drops and deliveries were {figures}: this measured something else")
    if not is_small:
        sys.exit("more than it may be")


main()
