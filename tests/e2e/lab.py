# The place where a test runs: a network namespace of its own, veth pairs from it into a real spigrpd, and the real
# commands. enter_namespace() first; then Wire (a veth whose far end the daemon owns) and Daemon. What a test waits
# for is a condition with a limit; every daemon's packets must add up when it is stopped.
import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from namespace import end_with_parent, switch_off_offloads

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIGRP_BUILD", ROOT / "build"))
# Sanitizers make everything slower; limits are for hangs, so they can be generous.
LIMIT_S = float(os.environ.get("SPIGRP_LIMIT_S", "20"))
COMMANDS = ("spi", "spigrp", "eroute", "tncfg", "klipsdebug", "look", "address", "route", "neigh", "stats", "explain",
            "batch", "save")

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 23, 0x0003
SO_RCVBUFFORCE = 33


def enter_namespace():
    """Leaves the machine's network behind. Not as root, it becomes root of a user namespace first."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET if uid == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        raise SystemExit(f"a network namespace cannot be made: {os.strerror(ctypes.get_errno())}; run this as root")
    if uid != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    run("ip", "link", "set", "lo", "up")


def run(*words, **options):
    result = subprocess.run([str(word) for word in words], text=True, capture_output=True, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def wait_until(condition, what, limit_s=None, pause_s=0.005):
    """Returns the first true answer of `condition`; fails with `what` after the limit."""
    end = time.monotonic() + (limit_s or LIMIT_S)
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s or LIMIT_S:g} s: {what() if callable(what) else what}")
        time.sleep(pause_s)


class Wire:
    """A veth pair: the daemon has one end as a port, the test sends and receives raw packets at the other."""

    def __init__(self, name, number, mtu=1500, kernel_addresses=(), driver="af_packet"):
        self.name, self.mtu, self.driver = name, mtu, driver
        self.daemon_end, self.test_end = f"d-{name}", f"t-{name}"
        self.daemon_mac, self.test_mac = f"02:00:00:00:{number:02x}:01", f"02:00:00:00:{number:02x}:02"
        run("ip", "link", "add", self.daemon_end, "address", self.daemon_mac, "mtu", mtu, "type", "veth",
            "peer", "name", self.test_end, "address", self.test_mac, "mtu", mtu)
        for end, has_ipv6 in ((self.daemon_end, False), (self.test_end, bool(kernel_addresses))):
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("0" if has_ipv6 else "1")
            switch_off_offloads(end)
        # The daemon's end belongs to the daemon: the kernel, which sees its frames too, is to answer none of them.
        for setting, value in (("rp_filter", "1"), ("arp_ignore", "8")):
            pathlib.Path(f"/proc/sys/net/ipv4/conf/{self.daemon_end}/{setting}").write_text(value)
        for address in kernel_addresses:
            run("ip", "address", "add", address, "dev", self.test_end, *(["nodad"] if ":" in address else []))
        for end in (self.daemon_end, self.test_end):
            run("ip", "link", "set", end, "up")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        except PermissionError:  # root of a user namespace only: what the machine allows must do
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.socket.bind((self.test_end, ETH_P_ALL))
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()
        run("ip", "link", "delete", self.test_end)

    @property
    def device(self):
        """The daemon's end as a DPDK device string. DPDK's af_packet ports take no frames over 1518 bytes, and have the
        kernel put fragments together."""
        if self.mtu > 1500 or self.driver == "pcap":
            return f"net_pcap_{self.name},rx_iface_in={self.daemon_end},tx_iface={self.daemon_end}"
        return f"net_af_packet_{self.name},iface={self.daemon_end},qpairs=1,framesz=2048,framecnt=4096,blocksz=4096"

    def send_frame(self, frame):
        self.socket.send(frame)

    def frame(self, packet):
        ether_type = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
        return (bytes.fromhex(self.daemon_mac.replace(":", "")) + bytes.fromhex(self.test_mac.replace(":", ""))
                + ether_type + packet)

    def send(self, *packets):
        for packet in packets:
            self.send_frame(self.frame(packet))

    def frames(self):
        """What has arrived by now."""
        arrived = []
        while True:
            try:
                arrived.append(self.socket.recv(65536))
            except BlockingIOError:
                return arrived

    def packets(self):
        return [ip_packet(frame) for frame in self.frames() if frame[12:14] in (b"\x08\x00", b"\x86\xdd")]

    def receive(self, count=1, limit_s=None):
        """Exactly the next `count` IP packets, waiting for them."""
        packets = []
        end = time.monotonic() + (limit_s or LIMIT_S)
        while len(packets) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise AssertionError(f"{len(packets)} of {count} packets came out of {self.name} within the limit")
            packets += self.packets()
        if len(packets) > count:
            raise AssertionError(f"{len(packets)} packets came out of {self.name} where {count} were due")
        return packets


def ip_packet(frame):
    """The IP packet of an Ethernet frame, without the padding that short frames carry."""
    packet = frame[14:]
    length = struct.unpack("!H", packet[2:4])[0] if packet[0] >> 4 == 4 else \
        40 + struct.unpack("!H", packet[4:6])[0]
    return packet[:length]


def toml(values):
    """Strings, numbers, truth values and lists are written in TOML as in JSON."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


class Refused(Exception):
    """A command exited with 1."""


class Daemon:
    """One spigrpd with its own directory, socket and name, and the commands that talk to it."""

    def __init__(self, ports, options=None, startup_batch="", name="gw", namespace=None):
        self.name = name
        self.prefix = namespace.prefix if namespace else []
        commands, self.program = find_program("spigrpctl"), find_program("spigrpd")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"spigrp-{name}-"))
        self.socket_path = self.folder / "sock"
        self.log_path = self.folder / "log"
        self.links = self.folder / "bin"
        self.links.mkdir()
        for command in COMMANDS + ("ipsec",):
            (self.links / command).symlink_to(commands)
        (self.folder / "config.toml").write_text(self.configuration(ports, options, startup_batch))
        self.process = None

    def configuration(self, ports, options, startup_batch):
        """The TOML file; `options` are its tables as dictionaries, over those that every test needs; "" is the part
        before the first table. FOLDER is the daemon's own."""
        options = dict(options or {})
        text = toml(options.pop("", {}))
        if startup_batch:
            (self.folder / "startup").write_text(startup_batch)
            text += f'startup_batch = "{self.folder}/startup"\n'
        for port in ports:
            text += "[[ports]]\n" + toml({"mtu_bytes": 1500, "addresses": [], **port})
        tables = {"socket": {"path": str(self.socket_path)},
                  "memory": {"file_prefix": f"spigrp-{self.name}-{os.getpid()}", "megabytes": 256}}
        for name, values in options.items():
            tables[name] = {**tables.get(name, {}), **values}
        text += "".join(f"[{name}]\n{toml(values)}" for name, values in tables.items())
        return text.replace("FOLDER", str(self.folder))

    def start(self):
        self.launch()
        wait_until(self.answers, lambda: f"spigrpd does not answer; it says:\n{self.log()}")
        return self

    def launch(self):
        """Starts it and does not wait for it."""
        log = open(self.log_path, "wb")
        self.process = subprocess.Popen([*self.prefix, self.program, self.folder / "config.toml"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                        preexec_fn=end_with_parent)
        log.close()

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"spigrpd ended with {self.process.returncode}; it says:\n{self.log()}")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(0.5)  # it listens from the first moment, and answers when it is ready
                probe.connect(str(self.socket_path))
                probe.sendall(b'{"jsonrpc":"2.0","id":0,"method":"status"}\n')
                return probe.recv(1) != b""
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError, TimeoutError):
            return False

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def run(self, line, stdin=None, environment=None):
        """Runs one command by its own name, as `"spi --clear"` or as a list of words."""
        words = line.split() if isinstance(line, str) else list(line)
        return subprocess.run([*self.prefix, str(self.links / words[0]), *words[1:]], input=stdin or "", text=True,
                              capture_output=True, timeout=LIMIT_S * 3,
                              env={**os.environ, "SPIGRP_SOCKET": str(self.socket_path), **(environment or {})})

    def do(self, line, stdin=None):
        """A command that must succeed; returns what it printed."""
        result = self.run(line, stdin)
        if result.returncode != 0:
            raise Refused(f"{line}: exit {result.returncode}: {result.stderr}{result.stdout}")
        return result.stdout

    def batch(self, lines):
        """Many commands as one transaction."""
        return self.do("batch -", "\n".join(lines) + "\n")

    def list(self, line):
        return json.loads(self.do(line + " --json"))

    def call(self, method, params=None):
        """One request on the socket, without the commands; returns the whole reply."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(LIMIT_S)
            client.connect(str(self.socket_path))
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
            client.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(client.makefile("rb").readline())

    def totals(self):
        """The counters of all workers and of the control thread together, drops by reason."""
        totals = {"dropped": {}}
        for worker in self.list("stats")["workers"]:
            for counter, value in worker.items():
                if counter == "dropped":
                    for reason, count in value.items():
                        totals["dropped"][reason] = totals["dropped"].get(reason, 0) + count
                elif isinstance(value, int) and not isinstance(value, bool):
                    totals[counter] = totals.get(counter, 0) + value
        return totals

    def drops(self, reason):
        return self.totals()["dropped"].get(reason, 0)

    def unaccounted(self):
        """received + originated = sent + delivered + dropped + punted − injected + joined + held; left − right."""
        totals = self.totals()
        return (totals["received"] + totals["originated"] + totals["injected"] - totals["punted"] - totals["sent"]
                - totals["delivered"] - totals["joined"] - totals["held"] - sum(totals["dropped"].values()))

    def check_accounting(self):
        """Invariant 4: every packet ended in exactly one counter, once the last is through."""
        wait_until(lambda: self.unaccounted() == 0, lambda: f"packets do not add up: {self.totals()}")

    def kill(self):
        """As a crash ends it."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, keep=False):
        """SIGTERM must end it cleanly. Returns its log."""
        if self.process is None:
            return self.log()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "nothing within the limit"
        self.process = None
        log = self.log()
        if not keep:
            shutil.rmtree(self.folder)
        if status != 0:
            raise AssertionError(f"SIGTERM ended spigrpd with {status}; it says:\n{log}")
        for report in ("Sanitizer", "runtime error:"):
            if report in log:
                raise AssertionError(f"spigrpd's log has a report:\n{log}")
        return log


def find_program(name):
    for folder in ("control", "cli", "."):
        if (BUILD / folder / name).exists():
            return BUILD / folder / name
    raise RuntimeError(f"{name} is not in {BUILD}; build it first: make build")
