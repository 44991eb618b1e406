#!/usr/bin/python3
# What edits cost: a daemon with many SAs, groups and eroutes, loaded by one batch, its worker kept busy with packets that
# the groups protect, and one client that regroups as fast as it may. Prints a table, and the same as JSON.
#
#   bench/control.py BUILD [--sas N] [--seconds S] [--rate EDITS] [--json FILE]
import argparse
import json
import os
import pathlib
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

from daemon_client import DaemonClient

LEAST_THROUGHPUT = 0.95  # of the worker's, while groups are edited
SLICES = 20


def frame(number):
    """An Ethernet frame from 10.x.y.z, one of the eroutes' sources, to 172.16.0.1: UDP of 64 bytes."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 64, 0, 0, 64, 17, 0, source_of(number), bytes([172, 16, 0, 1]))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    header = header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:]
    return (bytes.fromhex("020000000001020000000002 0800".replace(" ", "")) + header
            + struct.pack("!HHHH", 1000, 2000, 44, 0) + bytes(36))


def source_of(number):
    return bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255])


def write_capture(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for data in frames:
            file.write(struct.pack("=IIII", 0, 0, len(data), len(data)) + data)


def batch_lines(sas):
    """Groups of tun and esp, and an eroute for each SA's number, to the group that it is in."""
    def tun(number):
        return f"tun.{0x1000 + number:x}@192.0.2.2"

    def esp(number):
        return f"esp.{0x1000 + number:x}@192.0.2.2"
    for number in range(0, sas, 2):
        yield f"spi --said {tun(number)} --ip4 --src 192.0.2.1 --dst 192.0.2.2"
        yield f"spi --said {esp(number + 1)} --src 192.0.2.1 --esp aes128gcm16 --enckey 0x{number:040x}"
        yield f"spigrp --said {tun(number)} {esp(number + 1)}"
    for number in range(sas):
        source = ".".join(str(byte) for byte in source_of(number))
        yield f"eroute --add --eraf inet --src {source}/32 --dst 172.16.0.0/12 --said {tun(number & ~1)}"


class Gateway(DaemonClient):
    program, start_limit_s = "bench/control.py", 60

    def __init__(self, build, folder, sas, cores):
        self.folder, self.build = folder, build
        write_capture(folder / "in.pcap", [frame(number) for number in range(256)])
        (folder / "config.toml").write_text(f"""
[[ports]]
name = "lan"
device = "net_pcap0,rx_pcap={folder}/in.pcap,tx_pcap={folder}/out.pcap,infinite_rx=1"
mac = "02:00:00:00:00:01"
addresses = ["10.255.255.1/8"]
[[ports]]
name = "wan"
device = "net_null1,no-rx=1"
addresses = ["192.0.2.1/24"]
[workers]
idle = "poll"
cores = [{cores[-1]}]
[memory]
megabytes = {256 + sas // 1000}
file_prefix = "spigrp-bench-{os.getpid()}"
[tables]
sas = {max(1024, sas + sas // 8)}
eroutes = {max(1024, sas + sas // 8)}
[socket]
path = "{folder}/sock"
""")
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen([build / "spigrpd", folder / "config.toml"], stdout=self.log, stderr=self.log,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cores))
        self.connect()

    def control_seconds(self):
        """Processor time of the control thread: all of it, and the kernel's part."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        own, kernel = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13])
        return own + kernel, kernel

    def resident_bytes(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def settled_bytes(self):
        """Once what the transaction needed for itself has been given back, which takes a moment."""
        deadline, least = time.monotonic() + 2, self.resident_bytes()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            least = min(least, self.resident_bytes())
        return least

    def command(self, *words, **options):
        return subprocess.run([self.build / "spigrpctl", *words], check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "SPIGRP_SOCKET": str(self.folder / "sock")}, **options).stdout

    def worker(self):
        workers = self.call("stats")["workers"]
        return workers[0]["encapsulated"], {reason: count for worker in workers
                                            for reason, count in worker["dropped"].items()}

    def throughput(self, act, seconds):
        """Packets a second that the worker protects while act(until) runs."""
        before, began = self.worker()[0], time.monotonic()
        act(began + seconds)
        return (self.worker()[0] - before) / (time.monotonic() - began)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


class Onlooker(threading.Thread):
    """Another client, who only looks, about 500 times a second, from `with` to its end, and for how long it waits."""

    def __init__(self, gateway):
        super().__init__()
        self.client, self.ended, self.longest_s = DaemonClient(), threading.Event(), 0.0
        self.client.folder, self.client.process = gateway.folder, gateway.process

    def __enter__(self):
        self.client.connect()
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        self.client.socket.close()

    def run(self):
        while not self.ended.wait(0.002):
            began = time.perf_counter()
            self.client.call("status")
            self.longest_s = max(self.longest_s, time.perf_counter() - began)


def idle(until):
    time.sleep(max(0.0, until - time.monotonic()))


def at_rate(rate, latencies, act):
    """A function that does act(number) so often a second, as latencies counts, until its argument's time."""
    def run(until):
        began, first = time.perf_counter(), len(latencies)
        while time.monotonic() < until:
            at = time.perf_counter()
            wait = began + (len(latencies) - first) / rate - at
            if wait > 0:
                time.sleep(wait)
                at = time.perf_counter()
            act(len(latencies))
            latencies.append(time.perf_counter() - at)
    return run


def regrouping(gateway):
    short, long = ["tun.1000@192.0.2.2", "esp.1001@192.0.2.2"], ["tun.1000@192.0.2.2", "esp.1001@192.0.2.2", "ah.fff@192.0.2.2"]
    lines = [json.dumps({"jsonrpc": "2.0", "id": 1, "method": "group.replace", "params": {"members": members}}).encode()
             + b"\n" for members in (long, short)]

    def act(number):
        gateway.socket.sendall(lines[number % 2])
        if b'"result"' not in gateway.file.readline():
            sys.exit("bench/control.py: a regrouping was refused")
    return act


def measure_edits(gateway, options, figures):
    """The worker's throughput in slices: nothing else, edits, as many requests that only look. Neighbours are compared,
    because the machine does not stay the same; and where the worker's core is shared with the control thread's, it is
    the last that says what edits cost."""
    latencies, dropped = [], gateway.worker()[1]
    edits = at_rate(options.rate, latencies, regrouping(gateway))
    looks = at_rate(options.rate, [], lambda _: gateway.call("status"))
    slice_s = options.seconds / SLICES
    slices = [(gateway.throughput(idle, slice_s), gateway.throughput(edits, slice_s), gateway.throughput(looks, slice_s))
              for _ in range(SLICES)]
    after = gateway.worker()[1]
    latencies.sort()
    figures["edits_a_second"] = len(latencies) / options.seconds
    figures["edit_median_us"] = latencies[len(latencies) // 2] * 1e6
    figures["edit_p99_us"] = latencies[len(latencies) * 99 // 100] * 1e6
    figures["packets_a_second"] = statistics.median(quiet for quiet, _, _ in slices)
    figures["throughput_under_edits"] = statistics.median(edited / quiet for quiet, edited, _ in slices)
    figures["throughput_edits_to_looks"] = statistics.median(edited / looked for _, edited, looked in slices)
    figures["dropped_under_edits"] = {reason: count - dropped.get(reason, 0) for reason, count in after.items()
                                      if count > dropped.get(reason, 0)}


def measure(gateway, options):
    figures = {"sas": options.sas}
    text = "".join(line + "\n" for line in batch_lines(options.sas))
    (gateway.folder / "batch").write_text(text)
    resident, spent, began = gateway.resident_bytes(), gateway.control_seconds(), time.monotonic()
    with Onlooker(gateway) as onlooker:
        gateway.command("batch", str(gateway.folder / "batch"))
    figures["load_wall_s"] = time.monotonic() - began
    figures["longest_wait_load_ms"] = onlooker.longest_s * 1e3
    figures["load_control_thread_s"], figures["load_of_which_kernel_s"] = (
        now - before for now, before in zip(gateway.control_seconds(), spent))
    figures["bytes_an_sa"] = (gateway.settled_bytes() - resident) / options.sas
    began = time.monotonic()
    saved = gateway.command("save", "--keys")
    figures["save_s"] = time.monotonic() - began
    without = (" ".join(word for word in line.split()) for line in saved.splitlines())
    lines = set()
    for line in without:
        words = line.split()
        if "--sent" in words:
            del words[words.index("--sent"):words.index("--sent") + 2]
        lines.add(" ".join(words))
    figures["save_is_identical"] = lines - set(BASE) == set(text.splitlines())

    measure_edits(gateway, options, figures)
    measure_clearing(gateway, figures)
    return figures


def measure_clearing(gateway, figures):
    """All of it in one transaction; then the daemon gives memory back."""
    began = time.monotonic()
    with Onlooker(gateway) as onlooker:
        gateway.command("batch", "-", input="eroute --clear\nspi --clear\n")
    figures["clear_wall_s"] = time.monotonic() - began
    figures["longest_wait_clear_ms"] = onlooker.longest_s * 1e3
    with Onlooker(gateway) as onlooker:
        gateway.settled_bytes()
    figures["longest_wait_after_ms"] = onlooker.longest_s * 1e3


BASE = ["tncfg --create ipsec0", "tncfg --attach --virtual ipsec0 --physical wan",
        "route --add --dst 172.16.0.0/12 --via 192.0.2.2 --dev ipsec0",
        "neigh --add --dst 192.0.2.2 --mac 02:00:00:00:00:99 --dev wan",
        "spi --said ah.fff@192.0.2.2 --src 192.0.2.1 --ah hmac-sha1-96 --authkey 0x" + "33" * 20]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--sas", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    # The worker has the last core for itself, where there is another for everything else.
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:-1] or cores)
    with tempfile.TemporaryDirectory(prefix="spigrp-bench-") as folder:
        gateway = Gateway(options.build, pathlib.Path(folder), options.sas, cores)
        try:
            gateway.command("batch", "-", input="\n".join(BASE) + "\n")
            figures = measure(gateway, options)
        finally:
            gateway.end()
    for name, value in figures.items():
        print(f"{name:24} {value:.2f}" if isinstance(value, float) else f"{name:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if figures["throughput_under_edits"] < LEAST_THROUGHPUT:
        print(f"# edits cost the worker more than {1 - LEAST_THROUGHPUT:.0%}")
    if figures["dropped_under_edits"] or not figures["save_is_identical"]:
        sys.exit("bench/control.py: packets were dropped, or save was not what was loaded")


if __name__ == "__main__":
    main()
