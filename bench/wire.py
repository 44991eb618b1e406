#!/usr/bin/python3
# wire: the real daemon between two ports, from the outside: the highest rate at which it loses nothing (RFC 2544), and how
# long a packet takes. Tables on the terminal, the same as JSON. docs/performance.md says how to read them.
#
#   bench/wire.py BUILD [--quick] [--json FILE] [--direction out|in] [--sizes 64,imix] [--group tun+esp] [--esp NAME]
#                       [--ah NAME] [--seconds S] [--resolution R] [--generator memif|testpmd|pktgen]
#
# The worker has the last core for itself, the generator and everything else the first ones. memif ports: shared memory,
# no NIC, so the figures are of this machine and of the copies that memif makes.
import argparse
import json
import os
import pathlib
import struct
import sys
import tempfile
import time

import wire_gateway
import wire_generators
import wire_report
from memif import Port
from wire_gateway import Gateway, Stranger, grown, peer
from wire_packets import (CHECKSUM_BYTES, DISTINCT, ETHERNET_BYTES, IMIX, SIZES, frames, inner_packet, mixed, ports_of,
                          write_capture)
from wire_trial import Path
from zero_loss import Verdict, search

LOADS = (0.01, 0.1, 0.5, 0.9)
DISTURBED_NS = 50_000  # that the worker waited for its core in a trial
PRIMED = 8             # packets that are looked at


class Rig:
    """A gateway and both its far ends."""

    def __init__(self, options, folder, cores):
        if options.gateway:
            folder, self.gateway = options.gateway, Stranger(options.group, options.esp, options.ah)
        else:
            self.gateway = Gateway(options.build, folder, wire_gateway.memif_devices(folder), cores, options.group, options.esp,
                                   options.ah)
        # The way back is longer than all that can be on its way: what is lost is lost before the worker.
        log2_ring = options.ring.bit_length() - 1
        self.ports = {name: Port(f"{folder}/{name}.sock", number, log2_ring, min(log2_ring + 2, 14))
                      for number, name in enumerate(("lan", "wan"))}
        self.options = options

    def end(self):
        self.gateway.end()  # before its peers: DPDK's memif does not take a peer well that goes while a worker polls
        for port in self.ports.values():
            port.close()

    def path(self, direction, sizes):
        """Frames of these sizes in turn, ready to be sent, after a look at what becomes of them."""
        source, sink = ports_of(direction)
        sender, receiver = self.ports[source].sender, self.ports[sink].receiver
        by_size = {size: frames(direction, size, self.gateway.inbound) for size in sorted(set(sizes))}
        frames_out = {len(some[0]): self.prime(sender, receiver, some, direction) for some in by_size.values()}
        return Path(sender, receiver, mixed(sizes, by_size), frames_out)

    def prime(self, sender, receiver, some, direction):
        """Sends a few and checks what comes out against the other implementation. Returns frames out for one in."""
        first = sender.head & sender.ring.mask
        path = Path(sender, receiver, some, {len(some[0]): 1})
        receiver.frames()
        path.sender.send(PRIMED)
        came = until_quiet(receiver, PRIMED)
        if not came or len(came) % PRIMED:
            raise SystemExit(f"bench/wire.py: {len(came)} frames came out for {PRIMED}: {self.gateway.counters()}")
        count = len(came) // PRIMED
        if count == 1:
            packet = came[0][ETHERNET_BYTES:]
            packet = packet[:struct.unpack("!H", packet[2:4])[0]]
            inner = peer.decap(self.gateway.outbound, packet) if direction == "out" else packet
            sent = inner_packet(len(inner) + ETHERNET_BYTES + CHECKSUM_BYTES, direction, first % DISTINCT)
            if inner[20:] != sent[20:] or inner[12:20] != sent[12:20]:
                raise SystemExit("bench/wire.py: what came out is not what went in")
        return count

    def trial(self, path, seconds, trials):
        """For the search: offers a rate, and looks at both sides' counters and at the drops."""
        def run(rate):
            before, waited = self.gateway.counters(), self.gateway.waited_ns()
            result = path.steady(rate, seconds)
            after, waited = self.gateway.counters(), self.gateway.waited_ns() - waited
            lost = result.refused + result.offered - result.received
            dropped = grown(before["dropped"], after["dropped"]) if after else {}
            passed = not lost and not dropped and (not after or (after["missed"] == before["missed"]
                                                                 and after["received"] - before["received"] == result.offered))
            trials.append({"wanted": rate, "offered": result.rate, "seconds": result.seconds, "lost": lost,
                           "refused": result.refused, "dropped": dropped, "worker_waited_us": waited / 1000})
            return Verdict(passed, result.rate, waited > DISTURBED_NS, result.rate > 0.97 * rate)
        return run

    def measure(self, direction, name, sizes):
        """One line of the tables."""
        options, path = self.options, self.path(direction, sizes)
        before = self.gateway.counters()
        ceiling, flood = path.flood(options.seconds / 2)
        after = self.gateway.counters()
        busy = after and (after["busy_cycles"] - before["busy_cycles"]) / max(1, after["received"] - before["received"])
        trials = []
        for factor in (1.1, 2, 4):  # the flood may have been disturbed
            found = search(self.trial(path, options.seconds, trials), ceiling * factor, options.resolution)
            if found.limit != "ceiling":
                break
        bits = 8 * sum(sizes) / len(sizes)
        row = {"direction": direction, "frame": name, "frames_out": sum(path.out_by_slot) / len(path.out_by_slot),
               "zero_loss_pps": found.rate, "zero_loss_gbps": found.rate * bits / 1e9, "flood_pps": ceiling,
               "flood_busy_cycles": busy, "flood_lost": flood.offered - flood.received, "trials": trials,
               "disturbed": found.disturbed, "limit": found.limit, "latency": {}}
        for load in LOADS:
            if found.rate:
                row["latency"][f"{load:.0%}"] = self.latency(path, found.rate * load)
        return row

    def latency(self, path, rate):
        waited = self.gateway.waited_ns()
        result = path.steady(rate, self.options.latency_seconds, timed=True)
        return {**wire_report.spread(result.latencies), "pps": result.rate, "lost": result.offered - result.received,
                "worker_waited_us": (self.gateway.waited_ns() - waited) / 1000}

    def alone(self, direction, size, rounds):
        """Nothing follows these: what comes out has waited for no other."""
        path, rows = self.path(direction, (size,)), []
        for count in (1, 2, 16, 64, 256):
            firsts, lasts, lost = [], [], 0
            for _ in range(rounds):
                times = path.burst(count)
                if times is None:
                    lost += 1
                    continue
                firsts.append((times[0], 1))
                lasts.append((times[1], 1))
            rows.append({"direction": direction, "frame": str(size), "at_once": count, "rounds": rounds, "lost": lost,
                         "first": wire_report.spread(sorted(firsts)), "last": wire_report.spread(sorted(lasts))})
        return rows


def until_quiet(receiver, expected, quiet_s=0.05, limit_s=10):
    """All frames that come: at least as many as expected, or until the limit, and then until none has come for a while."""
    came, began, last = [], time.monotonic(), time.monotonic()
    while time.monotonic() < (last + quiet_s if len(came) >= expected else began + limit_s):
        new = receiver.frames()
        if new:
            came, last = came + new, time.monotonic()
    return came


def offline(options, folder, cores, workers, direction, name, sizes):
    """Out of a capture that never ends, into a port that swallows: what the worker takes. Nothing can be lost before it,
    so there is no rate to search for."""
    source, other = ports_of(direction)
    queues = f",rx_pcap={folder}/in.pcap" * workers  # one for each worker, with the same packets
    devices = {source: f"net_pcap0{queues},infinite_rx=1", other: "net_null1,no-rx=1"}
    inbound = wire_gateway.group(options.group, options.esp, options.ah, True)
    write_capture(folder / "in.pcap", mixed(sizes, {size: frames(direction, size, inbound) for size in set(sizes)}))
    gateway = Gateway(options.build, folder, devices, cores, options.group, options.esp, options.ah, workers)
    try:
        return {"direction": direction, "frame": name, "workers": workers, **gateway.rate(options.seconds)}
    finally:
        gateway.end()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--gateway", type=pathlib.Path, metavar="FOLDER",
                        help="another gateway instead of BUILD's: its ports are FOLDER/lan.sock and wan.sock (bench/peers.md)")
    parser.add_argument("--quick", action="store_true", help="does it run? 64 bytes and IMIX, a fifth of a second each")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--direction", choices=("out", "in"))
    parser.add_argument("--sizes", help="some of " + ",".join(map(str, SIZES)) + ",imix")
    parser.add_argument("--group", default="tun+esp", help="in this order: tun, esp, ah")
    parser.add_argument("--esp", default="aes128gcm16")
    parser.add_argument("--ah", default="hmac-sha2_256-128")
    parser.add_argument("--seconds", type=float, help="of a trial; RFC 2544 wants 60")
    parser.add_argument("--resolution", type=float, help="of the search, as a part of the rate: 0.01")
    parser.add_argument("--generator", choices=("memif", "testpmd", "pktgen"), default="memif")
    parser.add_argument("--ring", type=int, choices=[1 << log2 for log2 in range(8, 14)], default=4096,
                        help="frames that the daemon's receive ring holds: what comes while it is full is lost")
    parser.add_argument("--workers", default="1", help="1,2,4: out of a capture, with so many workers; the last cores are theirs")
    options = parser.parse_args()
    options.workers = [int(word) for word in options.workers.split(",")]
    if not all(1 <= count <= len(os.sched_getaffinity(0)) for count in options.workers):
        parser.error("--workers: from 1 to as many as there are cores")
    if bool(options.build) == bool(options.gateway) or (options.gateway and options.generator != "memif"):
        parser.error("either BUILD, or --gateway with our own generator")
    options.seconds = options.seconds or (0.2 if options.quick else 1.5)
    options.latency_seconds = min(options.seconds, 0.5)
    options.resolution = options.resolution or (0.1 if options.quick else 0.01)
    names = options.sizes.split(",") if options.sizes else ["64", "imix"] if options.quick else [*map(str, SIZES), "imix"]
    options.frames = [(name, IMIX if name == "imix" else (int(name),)) for name in names]
    options.directions = (options.direction,) if options.direction else ("out", "in")
    return options


def measure_memif(options, folder, cores):
    rows, alone = [], []
    (folder / "memif").mkdir()
    rig = Rig(options, folder / "memif", cores)
    try:
        for direction in options.directions:
            for name, sizes in options.frames:
                rows.append(rig.measure(direction, name, sizes))
                print(wire_report.progress(rows[-1]), file=sys.stderr, flush=True)
            alone += rig.alone(direction, 64, 200 if options.quick else 2000)
    finally:
        rig.end()
    return rows, alone


def main():
    options = arguments()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:-1] or cores)
    result = {"machine": wire_report.machine(cores), "group": options.group, "esp": options.esp, "ah": options.ah,
              "generator": options.generator, "ring": options.ring, "seconds": options.seconds,
              "resolution": options.resolution}
    with tempfile.TemporaryDirectory(prefix="spigrp-wire-") as name:
        folder = pathlib.Path(name)
        if options.generator == "memif":
            result["memif"], result["alone"] = measure_memif(options, folder, cores)
        else:
            result[options.generator] = wire_generators.measure(options, folder, cores)
        (folder / "pcap").mkdir()
        if options.generator == "memif" and options.build:
            result["pcap"] = [offline(options, folder / "pcap", cores, workers, direction, name, sizes)
                              for workers in options.workers for direction in options.directions
                              for name, sizes in options.frames]
    wire_report.show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    problems = wire_report.problems(result)
    if problems:
        sys.exit("bench/wire.py: " + "; ".join(problems))


if __name__ == "__main__":
    main()
