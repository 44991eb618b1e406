# The daemon that bench/wire.py measures: two memif ports (or a capture file and a port that swallows), one worker with a
# core of its own, a group outbound and the same inbound.
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import peer  # the other gateway: scapy and python3-cryptography
from daemon_client import DaemonClient

LAN_HOST, FAR_HOST, GATEWAY, FAR_GATEWAY = "10.1.0.2", "10.2.0.2", "192.0.2.1", "192.0.2.2"
MACS = {"lan": "02:00:00:00:01:01", "wan": "02:00:00:00:01:02"}
OUR_MAC = "02:00:00:00:02:02"  # of both generators' ports
BASE = ["tncfg --create ipsec0", "tncfg --attach --virtual ipsec0 --physical wan",
        f"route --add --dst 10.2.0.0/16 --via {FAR_GATEWAY} --dev ipsec0",
        f"neigh --add --dst {FAR_GATEWAY} --mac {OUR_MAC} --dev wan",
        f"neigh --add --dst {LAN_HOST} --mac {OUR_MAC} --dev lan"]
PR_SET_PDEATHSIG = 1


def group(shape, esp, ah, inbound):
    """SAs inside → outside. Inbound ones do not look for replays: the same packets come again and again."""
    source, destination = (FAR_GATEWAY, GATEWAY) if inbound else (GATEWAY, FAR_GATEWAY)
    window = 0 if inbound else 64
    make = {"tun": lambda: peer.Tunnel(0x113, source, destination),
            "esp": lambda: peer.Esp(0x115, source, destination, esp, replay_window=window),
            "ah": lambda: peer.Ah(0x116, source, destination, ah, replay_window=window)}
    return [make[protocol]() for protocol in shape.split("+")]


def group_lines(sas, source, destination):
    lines = [sa.command() for sa in sas]
    if len(sas) > 1:
        lines.append("spigrp " + " ".join(sa.words for sa in sas))
    return lines + ([f"eroute --add --eraf inet --src {source}/32 --dst {destination}/32 {sas[0].sa_words}"]
                    if source else [])


def memif_devices(folder):
    return {name: f"net_memif{number},role=server,id={number},socket={folder}/{name}.sock,socket-abstract=no"
            for number, name in enumerate(MACS)}


def grown(before, after):
    """Of counters by name: those that count more now, and how much."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


class Gateway(DaemonClient):
    program = "bench/wire.py"

    def __init__(self, build, folder, devices, cores, shape, esp, ah, workers=1):
        self.build, self.folder = build, folder
        ports = "".join(f'[[ports]]\nname = "{name}"\ndevice = "{devices[name]}"\nmac = "{MACS[name]}"\n'
                        f'addresses = ["{address}"]\n' for name, address in (("lan", "10.1.0.1/24"),
                                                                             ("wan", f"{GATEWAY}/24")))
        (folder / "config.toml").write_text(f"""{ports}
[workers]
idle = "poll"
count = {workers}
cores = {cores[-workers:]}
[memory]
file_prefix = "spigrp-wire-{os.getpid()}"
[socket]
path = "{folder}/sock"
""")
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen([build / "spigrpd", folder / "config.toml"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log,
                                        preexec_fn=lambda: started_by_us(cores))
        self.connect()
        self.outbound, self.inbound = (group(shape, esp, ah, inbound) for inbound in (False, True))
        self.batch(BASE + group_lines(self.outbound, LAN_HOST, FAR_HOST) + group_lines(self.inbound, None, None))

    def batch(self, lines):
        done = subprocess.run([self.build / "spigrpctl", "batch", "-"], input="\n".join(lines) + "\n", text=True,
                              capture_output=True, env={**os.environ, "SPIGRP_SOCKET": str(self.folder / "sock")})
        if done.returncode:
            raise SystemExit(f"bench/wire.py: the gateway refuses its group: {done.stderr}{done.stdout}")

    def counters(self):
        """received, sent, dropped (by name), busy TSC cycles, of all threads; what the ports have missed."""
        stats = self.call("stats")
        return {**{name: sum(thread[name] for thread in stats["workers"]) for name in ("received", "sent", "busy_cycles")},
                "dropped": {reason: count for thread in stats["workers"] for reason, count in thread["dropped"].items()},
                "missed": sum(port["missed_packets"] + port["no_buffer"] for port in stats["ports"])}

    def rate(self, seconds):
        """What the worker takes meanwhile, by its own counters. Packets that it has had since before its tables were filled
        are waited for."""
        first = self.counters()["received"]
        while self.counters()["received"] < first + 1024:
            time.sleep(min(0.2, seconds))
        before, began = self.counters(), time.monotonic()
        time.sleep(seconds)
        after, spent = self.counters(), time.monotonic() - began
        received = after["received"] - before["received"]
        return {"pps": received / spent, "dropped": grown(before["dropped"], after["dropped"]),
                "busy_cycles": (after["busy_cycles"] - before["busy_cycles"]) / max(1, received)}

    def waited_ns(self):
        """How long the worker wanted its core and did not have it, since it began."""
        return sum(int((task / "schedstat").read_text().split()[1])
                   for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
                   if (task / "comm").read_text().startswith("spigrp-w"))

    def end(self):
        """Fails where the daemon had ended before, or does not end as it should."""
        if self.log.closed:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.close()
        if status:
            raise SystemExit(f"bench/wire.py: spigrpd ended with {status}; it says:\n{(self.folder / 'log').read_text()}")


class Stranger:
    """Another gateway, which somebody has started: its two memif ports are the servers of FOLDER/lan.sock (id 0) and
    FOLDER/wan.sock (id 1), with our addresses, and its SAs have our keys. Nothing is known of its counters."""

    def __init__(self, shape, esp, ah):
        self.outbound, self.inbound = (group(shape, esp, ah, inbound) for inbound in (False, True))

    def counters(self):
        return None

    def waited_ns(self):
        return 0

    def end(self):
        pass


def started_by_us(cores):
    import ctypes
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.sched_setaffinity(0, cores)
